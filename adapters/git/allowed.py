"""What may a GitSource name: which URLs, refs, folders and files?

These checks come before git sees anything, because git takes `ext::command` for a URL and `--upload-pack=command` for
a ref, and because the guards of the library around it have been passed before.
"""

import re
import unicodedata
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

from rollout.ports.errors import Rejected

MAX_PATH = 512  # characters of a path in the repository
_MAX_URL = 2048
_MAX_REF = 255
# What an ssh URL may be made of: git hands user and host to ssh as one word, and the path to the server's shell in quotes
_SSH_USER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}")
_SSH_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?")
_SSH_PATH = re.compile(r"/[A-Za-z0-9._~+@/-]+")
_SCP_LIKE = re.compile(r"((?:[A-Za-z0-9_.-]+@)?[A-Za-z0-9][A-Za-z0-9.-]*):(?![:/]{2})/?([A-Za-z0-9._~+@/-]+)")
# git-check-ref-format(1), rules 3-5 and 10: what may not be in a ref name at all
_NOT_IN_REF = re.compile(r"[\x00-\x20\x7f ~^:?*\[\\]|\.\.|@\{|//")


@dataclass(frozen=True, slots=True, kw_only=True)
class Urls:
    """Which URLs are allowed besides https and ssh.

    file: `file://` and plain http to this machine, for demos and tests. http: plain http to any host.
    """

    file: bool = False
    http: bool = False

    def scheme(self, url: str) -> str:
        """The scheme of an allowed URL; raises Rejected for every other."""
        parts = _split(url)
        match parts.scheme:
            case "https":
                _check_host(url, parts)
            case "http":
                _check_host(url, parts)
                if not (self.http or (self.file and _is_this_machine(parts.hostname or ""))):
                    raise Rejected(f"spec.url: {url}: plain http is not allowed here; use https")
            case "file":
                if not self.file:
                    raise Rejected(f"spec.url: {url}: file URLs are not allowed here; start with --allow-file-urls")
                if parts.netloc or not parts.path.startswith("/"):
                    raise Rejected(f"spec.url: {url}: a file URL has three slashes and an absolute path")
            case "ssh":
                _check_ssh(url, parts)
            case _:
                raise Rejected(_no_url(url))
        return parts.scheme


def check_ref(ref: str) -> None:
    """Raise Rejected when `ref` is no name that git could have given to a branch or tag (git-check-ref-format)."""
    parts = ref.split("/")
    bad = (
        not ref
        or len(ref) > _MAX_REF
        or ref in ("@", "-")
        or ref.startswith(("-", "/"))
        or ref.endswith(("/", "."))
        or _NOT_IN_REF.search(ref) is not None
        or any(part.startswith(".") or part.endswith(".lock") for part in parts)
    )
    if bad:
        raise Rejected(
            f"spec.ref: {ref[:80]!r} is not the name of a branch or tag, nor a full ref such as refs/heads/main"
        )


def checked_path(path: str) -> str:
    """The folder without a slash at its ends, "" for the root; raises Rejected when it leads out of the repository."""
    if path.startswith("/"):
        raise Rejected(f"spec.path: {path[:80]!r} is absolute; name a folder from the root of the repository")
    folder = path.removeprefix("./").rstrip("/")
    if folder in ("", "."):
        return ""
    check_name(folder, "spec.path")
    return folder


def check_name(path: str, where: str) -> None:
    """Raise Rejected when a path of a repository could be taken for something else; `where` begins the message."""
    problem = ""
    if len(path) > MAX_PATH:
        problem = f"is longer than {MAX_PATH} characters"
    elif any(part in ("", ".", "..") or part.lower() == ".git" for part in path.split("/")):
        problem = "has an empty part, or one that is '.', '..' or '.git'"
    elif any(unicodedata.category(character) in ("Cc", "Cf", "Cs") for character in path):
        problem = "has characters that cannot be seen"
    elif not unicodedata.is_normalized("NFC", path):
        problem = "is not in Unicode's normal form C, so two names could look the same"
    if problem:
        raise Rejected(f"{where}: {path[:80]!r} {problem}; rename it")


def _split(url: str) -> SplitResult:
    if len(url) > _MAX_URL or not url.isascii() or any(not "!" <= character <= "~" for character in url):
        raise Rejected(f"spec.url: {url[:80]!r} has characters that no URL has")
    try:
        return urlsplit(url)
    except ValueError as error:
        raise Rejected(f"spec.url: {url[:80]!r}: {error}") from error


def _no_url(url: str) -> str:
    scp_like = _SCP_LIKE.fullmatch(url)
    if scp_like and "-" not in (url[0], scp_like[2][0]):
        return f"spec.url: {url!r} has the short form of ssh; write ssh://{scp_like[1]}/{scp_like[2]}"
    return f"spec.url: {url!r} is not a URL that starts with https:// or ssh://"


def _check_ssh(url: str, parts: SplitResult) -> None:
    user, at, _ = parts.netloc.rpartition("@")
    if ":" in user:
        raise Rejected(
            "spec.url: a password stands in the URL; ssh takes a key, in the Secret that spec.secretRef names"
        )
    if at and not _SSH_USER.fullmatch(user):
        raise Rejected(f"spec.url: {url}: the user has characters that no user has")
    _check_place(url, parts)
    host = parts.hostname or ""
    if not (_SSH_HOST.fullmatch(host) or _is_address(host)):
        raise Rejected(f"spec.url: {url}: the host has characters that no host has")
    if not _SSH_PATH.fullmatch(parts.path):
        raise Rejected(
            f"spec.url: {url}: after the host come a slash and a path of letters, digits and . _ ~ + @ / - alone"
        )


def _check_host(url: str, parts: SplitResult) -> None:
    if "@" in parts.netloc:
        raise Rejected(
            "spec.url: a user or password stands in the URL; put it into the Secret that spec.secretRef names"
        )
    _check_place(url, parts)


def _check_place(url: str, parts: SplitResult) -> None:
    if parts.query or parts.fragment or "?" in url or "#" in url or "\\" in url:
        raise Rejected(f"spec.url: {url}: a repository's URL has no '?', '#' or backslash")
    try:
        port = parts.port
    except ValueError as error:
        raise Rejected(f"spec.url: {url}: {error}") from error
    if not parts.hostname or parts.hostname.startswith("-") or port == 0:
        raise Rejected(f"spec.url: {url}: has no host")


def _is_this_machine(host: str) -> bool:
    return host == "localhost" or (_is_address(host) and ip_address(host).is_loopback)


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return "%" not in host  # a zone would be a word of the machine's own
