"""Is a text an SSH key that we can work with?"""

import base64
import binascii
import re
from dataclasses import dataclass

from rollout.ports.errors import Rejected

_MOST_PRIVATE = 32_768  # characters; RSA with 16384 bits has 13,000
_MOST_PUBLIC = 8_192
_FEWEST_RSA_BITS = 2048
_PRIVATE = re.compile(r"-----BEGIN ((?:[A-Z]+ )*)PRIVATE KEY-----\s+(.+?)\s+-----END \1PRIVATE KEY-----\s*", re.DOTALL)
_OPENSSH = b"openssh-key-v1\0"  # PROTOCOL.key of OpenSSH
_KINDS = (
    *("ssh-ed25519", "ssh-rsa", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521"),
    *("sk-ssh-ed25519@openssh.com", "sk-ecdsa-sha2-nistp256@openssh.com"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicKey:
    """One line of an authorized_keys file. comment: for people, printable, "" when there is none."""

    kind: str
    text: str
    comment: str


def check_private_key(place: str, key: str) -> None:
    """Raise Rejected, with nothing of the key, when it is no private key or has a passphrase."""
    found = _PRIVATE.fullmatch(key.strip()) if len(key) <= _MOST_PRIVATE else None
    if found is None:
        raise Rejected(
            f"{place}: identity is no private key in PEM or OpenSSH form; give the file without .pub at its end"
        )
    if "ENCRYPTED" in found[1] or "ENCRYPTED" in found[2] or _is_sealed(found[1], found[2]):
        raise Rejected(
            f"{place}: identity has a passphrase, which nobody could type; take it off a copy with "
            "`ssh-keygen -p -N '' -f COPY`, or make a key of its own without one"
        )


def public_key(place: str, line: str) -> PublicKey:
    """The key in a line `kind text comment`; raises Rejected for everything else, and for keys that are too weak."""
    kind, _, rest = line.strip().partition(" ")
    text, _, comment = rest.strip().partition(" ")
    if len(line) > _MOST_PUBLIC or not line.isprintable() or kind not in _KINDS:
        raise Rejected(f"{place}: {line[:40]!r} is no public SSH key of a kind that we take ({', '.join(_KINDS)})")
    try:
        fields = _fields(base64.b64decode(text, validate=True))
    except (binascii.Error, ValueError) as error:
        raise Rejected(f"{place}: the key {comment[:40]!r} is cut off or has other text in it") from error
    if not fields or fields[0] != kind.encode():
        raise Rejected(f"{place}: the key {comment[:40]!r} says it is {kind} and is not")
    if kind == "ssh-rsa" and (len(fields) != 3 or int.from_bytes(fields[2]).bit_length() < _FEWEST_RSA_BITS):
        raise Rejected(f"{place}: the RSA key {comment[:40]!r} has fewer than {_FEWEST_RSA_BITS} bits; use ssh-ed25519")
    return PublicKey(kind=kind, text=text, comment=comment.strip()[:100])


def _is_sealed(form: str, text: str) -> bool:
    """Whether a key in OpenSSH's form says that it is encrypted."""
    if form != "OPENSSH ":
        return False
    try:
        raw = base64.b64decode("".join(text.split()), validate=True)
        return raw.startswith(_OPENSSH) and _fields(raw[len(_OPENSSH) :], most=1) != (b"none",)
    except (binascii.Error, ValueError):
        return False  # ssh says what is wrong with it


def _fields(raw: bytes, most: int = 8) -> tuple[bytes, ...]:
    """The strings of RFC 4251, each after its length; ValueError when one is cut off."""
    found: list[bytes] = []
    at = 0
    while at < len(raw) and len(found) < most:
        size = int.from_bytes(raw[at : at + 4])
        if at + 4 + size > len(raw):
            raise ValueError("cut off")
        found.append(raw[at + 4 : at + 4 + size])
        at += 4 + size
    return tuple(found)
