"""With what does one call prove who we are, and where are the secrets meanwhile?

Secrets of HTTP and of a proxy are in git's environment alone. ssh takes its key from a file only, so key and known
hosts are files in a folder that nobody else may enter, for as long as the call lasts.
"""

import base64
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote, urlsplit

from adapters.git.command import environment
from adapters.git.sshkeys import check_private_key
from rollout.model.source import GitSource
from rollout.ports.errors import Rejected, Unreachable
from rollout.ports.sources import Credentials

PRIVATE = "call-"  # how the folders of calls begin; what a killed process left of them is swept
_MOST_KNOWN_HOSTS = 256 * 1024
_PROXIES = ("http", "https", "socks5", "socks5h")
# scheme, user and password percent-encoded, host or address, port: nothing that git, curl or a log could read otherwise
_PROXY = re.compile(
    r"[a-z0-9]+://(?:[A-Za-z0-9._~!$&'()*+,;=%-]*(?::[A-Za-z0-9._~!$&'()*+,;=%-]*)?@)?"
    r"(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?/?"
)
_PLAIN_PATH = re.compile(r"[A-Za-z0-9._/-]+")
# Every word is ours; ssh gets nothing from files, agents, terminals or other programs of this machine.
_SSH_WORDS = (
    *("-F", "/dev/null", "-a", "-x"),
    *("-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=yes", "-o", "GlobalKnownHostsFile=/dev/null"),
    *("-o", "IdentitiesOnly=yes", "-o", "IdentityAgent=none", "-o", "PreferredAuthentications=publickey"),
    *("-o", "ProxyCommand=none", "-o", "KnownHostsCommand=none", "-o", "PermitLocalCommand=no"),
    *("-o", "ClearAllForwardings=yes", "-o", "ControlMaster=no", "-o", "ControlPath=none", "-o", "UpdateHostKeys=no"),
    *("-o", "VerifyHostKeyDNS=no", "-o", "ConnectTimeout=15", "-o", "ServerAliveInterval=15"),
)


def check_credentials(source: GitSource, scheme: str, credentials: Credentials) -> None:
    """Raise Rejected when these credentials are not for a URL of this scheme, or are none; no value is repeated."""
    place = f"Secret {source.secret}" if source.secret else "the credentials"
    if scheme == "ssh":
        _check_ssh(source, place, credentials)
    elif credentials.ssh_key or credentials.known_hosts:
        raise Rejected(
            f"{place}: has an ssh key or known_hosts, but spec.url is {scheme}://; give a password or a token"
        )
    if any(not character.isprintable() for character in credentials.bearer):
        raise Rejected("the bearer token has characters that no token has; look for a line break at its end")
    if credentials.proxy:
        _check_proxy(place, credentials.proxy)


@contextmanager
def variables(cache: Path, source: GitSource, scheme: str, credentials: Credentials) -> Iterator[dict[str, str]]:
    """git's environment for talking to the source's server; what files it names are gone afterwards."""
    settings: dict[str, str] = {}
    header = _header(credentials)
    if header and scheme in ("https", "http"):
        settings[f"http.{source.url}.extraHeader"] = header
    if credentials.proxy:
        # git decodes user and password, and libcurl decodes them once more: only a percent sign sees the difference
        settings["http.proxy"] = credentials.proxy.replace("%25", "%2525")
        settings["http.proxyAuthMethod"] = "basic"  # a proxy that is probed first gets no POST through
    with private_folder(cache) as folder:
        if credentials.ca_bundle:
            settings["http.sslCAInfo"] = str(private_file(folder / "ca.crt", credentials.ca_bundle))
        found = environment(cache, scheme, settings)
        if scheme == "ssh":
            found |= _ssh(folder, credentials)
        yield found


@contextmanager
def private_folder(cache: Path) -> Iterator[Path]:
    """A new folder that only we may enter, gone with all that is in it at the end."""
    cache.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=PRIVATE, dir=cache))  # 0700
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def private_file(path: Path, text: str) -> Path:
    """The new file `path` that only we may read, with `text` in it."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    return path


def sweep(cache: Path) -> None:
    """Delete the private folders that a killed process left behind; only before the first call."""
    for folder in cache.glob(f"{PRIVATE}*"):
        shutil.rmtree(folder, ignore_errors=True)


def secrets_of(credentials: Credentials) -> tuple[str, ...]:
    """All texts that no message may carry, the longest first."""
    found = {credentials.password, credentials.bearer, credentials.proxy, *credentials.ssh_key.splitlines()}
    if "@" in credentials.proxy:
        user = urlsplit(credentials.proxy).netloc.rpartition("@")[0]
        password = user.partition(":")[2]
        found |= {user, unquote(user), password, unquote(password)}
    header = _header(credentials).rpartition(" ")[2]
    return tuple(sorted((found | {header}) - {""}, key=len, reverse=True))


def _check_ssh(source: GitSource, place: str, credentials: Credentials) -> None:
    if credentials.username or credentials.password or credentials.bearer or credentials.ca_bundle:
        raise Rejected(
            f"{place}: has a password, token or ca.crt, but spec.url is ssh://; give a key as identity and known_hosts"
        )
    if credentials.proxy:
        raise Rejected(f"{place}: a proxy is for https; spec.url is ssh://")
    if not credentials.ssh_key:
        where = place if source.secret else "spec.secretRef"
        raise Rejected(f"{where}: ssh needs a private key; name a Secret with identity and known_hosts")
    hosts = credentials.known_hosts
    if not hosts.strip():
        raise Rejected(
            f"{place}: known_hosts is missing, so nobody could tell who answers; put the lines of ssh-keyscan into it "
            "after comparing them with what the git host publishes"
        )
    if (
        len(hosts) > _MOST_KNOWN_HOSTS
        or not hosts.isascii()
        or any(ord(sign) < 32 and sign not in "\n\r\t" for sign in hosts)
    ):
        raise Rejected(f"{place}: known_hosts is no such file, or longer than {_MOST_KNOWN_HOSTS} characters")
    check_private_key(place, credentials.ssh_key)


def _check_proxy(place: str, proxy: str) -> None:
    wanted = "a URL such as http://user:password@proxy.example.org:3128"
    if not _PROXY.fullmatch(proxy) or len(proxy) > 2048:
        raise Rejected(f"{place}: proxy is not {wanted}, with other characters percent-encoded")
    parts = urlsplit(proxy)
    if parts.scheme not in _PROXIES:
        raise Rejected(f"{place}: proxy is {parts.scheme}://, but may be one of {', '.join(_PROXIES)}")
    try:
        is_port = parts.port is None or parts.port > 0
    except ValueError:
        is_port = False
    hidden = unquote(parts.netloc.rpartition("@")[0])
    if not is_port or not hidden.isprintable():
        raise Rejected(f"{place}: proxy is not {wanted}; its port is wrong, or its user has unseen characters")


def _ssh(folder: Path, credentials: Credentials) -> Mapping[str, str]:
    if not _PLAIN_PATH.fullmatch(str(folder)):
        raise Unreachable(f"ssh would misread the path {folder.parent}; choose a git cache of letters, digits and ._/-")
    key = private_file(folder / "identity", _with_plain_lines(credentials.ssh_key))
    hosts = private_file(folder / "known_hosts", _with_plain_lines(credentials.known_hosts))
    words = ["ssh", *_SSH_WORDS, "-o", f"IdentityFile={key}", "-o", f"UserKnownHostsFile={hosts}"]
    return {"GIT_SSH_COMMAND": " ".join(words), "GIT_SSH_VARIANT": "ssh"}


def _with_plain_lines(text: str) -> str:
    """ssh takes no key without a line break at its end, nor one from an editor of another system."""
    return "\n".join(text.strip().splitlines()) + "\n"


def _header(credentials: Credentials) -> str:
    if credentials.bearer:
        return f"Authorization: Bearer {credentials.bearer}"
    if credentials.password or credentials.username:
        pair = base64.b64encode(f"{credentials.username}:{credentials.password}".encode()).decode()
        return f"Authorization: Basic {pair}"
    return ""
