"""Is this text one that we gave out, and for this purpose?

AES-256-GCM under a key that is derived (HKDF, RFC 5869) from a line of the key file: the first line seals, each of them
opens, so that keys change without anybody being signed out.
"""

import base64
import binascii
import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import structlog
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

SHORTEST_KEY = 32  # characters: 24 random bytes in base64
MOST_KEYS = 8
_NONCE_BYTES = 12  # of GCM (NIST SP 800-38D, 5.2.1.1)
_DERIVED_FOR = b"rollout dashboard session 1"
_LOG = structlog.get_logger("rollout.web")

Keys = Callable[[], tuple[bytes, ...]]


def random_key() -> Keys:
    """One key that no other process has and that ends with this one."""
    key = (secrets.token_bytes(32),)
    return lambda: key


@dataclass(slots=True)
class KeyFile:
    """Keys of a file, one a line, the newest first; read again when the file is another one.

    A file that cannot be read later, or is wrong, leaves the keys as they were: nobody is signed out by a typing error.
    """

    path: Path
    _keys: tuple[bytes, ...] = ()
    _seen: tuple[int, int, int] = (0, 0, 0)

    def __call__(self) -> tuple[bytes, ...]:
        """The keys that count now; OSError when there never were any."""
        try:
            seen = _version(self.path)
            if seen != self._seen:
                self._keys, self._seen = keys_in(self.path.read_text(encoding="utf-8"), str(self.path)), seen
        except (OSError, ValueError) as error:
            if not self._keys:
                raise OSError(str(error)) from error
            _LOG.warning("session_keys_kept", why=str(error))
        return self._keys


def keys_in(text: str, where: str) -> tuple[bytes, ...]:
    """The keys of a file's text; ValueError, without a word of them, when it has none, too many or too short ones."""
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]
    if not 0 < len(lines) <= MOST_KEYS:
        raise ValueError(f"{where} has {len(lines)} keys; write 1 to {MOST_KEYS}, one a line, the newest first")
    short = [number for number, line in enumerate(lines, 1) if len(line) < SHORTEST_KEY]
    if short:
        raise ValueError(f"{where}: key {short[0]} is shorter than {SHORTEST_KEY} characters; openssl rand -base64 32")
    return tuple(line.encode() for line in lines)


@dataclass(slots=True)
class Sealer:
    """Seals and opens texts. keys: those that count now, the one to seal with first."""

    keys: Keys
    _ciphers: dict[bytes, AESGCM] = field(default_factory=dict)

    def sealed(self, purpose: str, text: bytes) -> str:
        """The text as letters, digits, - and _ that only our keys open, for this purpose."""
        nonce = os.urandom(_NONCE_BYTES)
        found = self._cipher(self.keys()[0]).encrypt(nonce, text, purpose.encode())
        return _written(nonce + found)

    def opened(self, purpose: str, sealed: str) -> bytes | None:
        """What was sealed; None for what was not sealed by a key that counts, for this purpose."""
        try:
            data = base64.b64decode(sealed + "=" * (-len(sealed) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            return None
        if len(data) <= _NONCE_BYTES or _written(data) != sealed:  # base64 has several ways to write the same
            return None
        for key in self.keys():
            try:
                return self._cipher(key).decrypt(data[:_NONCE_BYTES], data[_NONCE_BYTES:], purpose.encode())
            except InvalidTag:
                continue
        return None

    def _cipher(self, key: bytes) -> AESGCM:
        if key not in self._ciphers:
            while len(self._ciphers) >= MOST_KEYS:
                self._ciphers.pop(next(iter(self._ciphers)))
            derived = HKDF(algorithm=SHA256(), length=32, salt=None, info=_DERIVED_FOR).derive(key)
            self._ciphers[key] = AESGCM(derived)
        return self._ciphers[key]


def _version(path: Path) -> tuple[int, int, int]:
    """Changes when the file does, a link of a mounted Secret that leads elsewhere included."""
    found = path.stat()
    return found.st_mtime_ns, found.st_ino, found.st_size


def _written(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
