"""What do the Secrets that a GitSource names hold?"""

import base64
import binascii
from collections.abc import Mapping

from adapters.kube.api import KubeApi
from adapters.kube.cache import Cache
from rollout.model.source import GitSource
from rollout.ports.errors import NotFound, Rejected
from rollout.ports.sources import Credentials, TrustedKeys

_LOGIN = ("username", "password")
_SSH = ("identity", "known_hosts")
_KNOWN = (*_LOGIN, "bearerToken", "ca.crt", *_SSH, "proxy")
_TOKEN = "token"  # the key of a forge's Secret


class KubeSourceSecrets:
    """`SourceSecrets` over a Kubernetes API server; each Secret is read by name when it is needed."""

    def __init__(self, api: KubeApi, cache: Cache) -> None:
        self._api = api
        self._cache = cache

    async def credentials(self, source: GitSource) -> Credentials:
        """What `source.secret` says; nobody's when it names none."""
        if not source.secret:
            return Credentials()
        place = _place(source, source.secret)
        return credentials_in(place, await self._data(source, source.secret, "spec.secretRef"))

    async def trusted_keys(self, source: GitSource) -> TrustedKeys:
        """The keys in `source.verify`: every entry *.sshpub and *.asc."""
        place = _place(source, source.verify)
        return trusted_in(place, await self._data(source, source.verify, "spec.verify.secretRef"))

    async def forge_token(self, source: GitSource) -> str:
        """The `token` in the Secret that `source.forge` names; "" when the source has no forge."""
        if source.forge is None:
            return ""
        name = source.forge.secret
        data = await self._data(source, name, "spec.commitStatus.secretRef")
        token = _decoded(_place(source, name), _TOKEN, data.get(_TOKEN, "")).strip()
        if not token:
            raise Rejected(f"{_place(source, name)} has no key {_TOKEN}; put the forge's API token there")
        return token

    async def _data(self, source: GitSource, name: str, field: str) -> Mapping[str, str]:
        try:
            secret = await self._api.get(self._cache.path("Secret", source.key.namespace, name))
        except NotFound as error:
            where = f"({field} of GitSource {source.key})"
            raise NotFound(f"{_place(source, name)} is not there {where}; create it") from error
        return secret.get("data") or {}


def credentials_in(place: str, data: Mapping[str, str]) -> Credentials:
    """The Credentials in a Secret's `data`; Rejected, naming `place` and never a value, when they make none."""
    known = {name: text for name in _KNOWN if (text := _decoded(place, name, data.get(name, "")))}
    problem = _problem(known)
    if problem:
        raise Rejected(f"{place} {problem}")
    return Credentials(
        username=known.get("username", ""),
        password=known.get("password", ""),
        bearer=known.get("bearerToken", "").strip(),
        ca_bundle=known.get("ca.crt", ""),
        ssh_key=known.get("identity", ""),
        known_hosts=known.get("known_hosts", ""),
        proxy=known.get("proxy", "").strip(),
    )


def trusted_in(place: str, data: Mapping[str, str]) -> TrustedKeys:
    """The public keys in a Secret's `data`; Rejected when there is none."""
    ssh = tuple(_decoded(place, name, data[name]) for name in sorted(data) if name.endswith(".sshpub"))
    gpg = tuple(_decoded(place, name, data[name]) for name in sorted(data) if name.endswith(".asc"))
    lines = tuple(line.strip() for text in ssh for line in text.splitlines() if line.strip())
    keys = TrustedKeys(
        ssh=tuple(line for line in lines if not line.startswith("#")), gpg=tuple(text for text in gpg if text.strip())
    )
    if not keys.ssh and not keys.gpg:
        raise Rejected(f"{place} has no public key; put them under names that end in .sshpub (SSH) or .asc (GPG)")
    return keys


def _problem(known: Mapping[str, str]) -> str:
    """What is wrong with these keys together, "" for nothing."""
    names = known.keys()
    ways = [way for way in (_LOGIN, ("bearerToken",), _SSH) if names & set(way)]
    if not names:
        return "has none of the keys username and password, bearerToken, identity and known_hosts, ca.crt, proxy"
    if len(ways) > 1:
        return f"has {' and '.join(sorted(names - {'ca.crt', 'proxy'}))}; keep one way to log in"
    if "username" in names and "password" not in names:
        return "has a username without a password; add password"
    if len(names & set(_SSH)) == 1:
        have, lack = ("identity", "known_hosts") if "identity" in names else ("known_hosts", "identity")
        return f"has {have} without {lack}; ssh needs both"
    if "identity" in names and names & {"ca.crt", "proxy"}:
        return f"has {' and '.join(sorted(names & {'ca.crt', 'proxy'}))} beside identity; ssh uses neither"
    if ":" in known.get("username", ""):
        return "has a ':' in username, which HTTP basic authentication cannot carry"
    return ""


def _decoded(place: str, name: str, value: str) -> str:
    try:
        return base64.b64decode(value, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError) as error:
        raise Rejected(f"{place}: {name} is not text") from error


def _place(source: GitSource, name: str) -> str:
    return f"Secret {source.key.namespace}/{name}"
