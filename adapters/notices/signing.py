"""How does a receiver know that a message is ours? By Standard Webhooks 1.0 (https://www.standardwebhooks.com)."""

import base64
import binascii
import hashlib
import hmac
from datetime import datetime

from rollout.ports.errors import Rejected

_PREFIX = "whsec_"
_LEAST, _MOST = 24, 64  # bytes of a key, as the specification has it


def signed(place: str, secret: str, message_id: str, now: datetime, body: bytes) -> dict[str, str]:
    """The three headers. secret: one `whsec_...`, or several apart by blanks while one is being replaced.

    place: of the secret, for errors; no error has a part of it. Raises Rejected.
    """
    keys = [_key(place, one) for one in secret.split()]
    if not keys:
        raise Rejected(f"{place} has no key secret; put whsec_ and 24 to 64 random bytes in base64 there")
    stamp = str(int(now.timestamp()))
    content = f"{message_id}.{stamp}.".encode() + body
    marks = (base64.b64encode(hmac.digest(key, content, hashlib.sha256)).decode() for key in keys)
    return {
        "webhook-id": message_id,
        "webhook-timestamp": stamp,
        "webhook-signature": " ".join(f"v1,{mark}" for mark in marks),
    }


def _key(place: str, secret: str) -> bytes:
    try:
        key = base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not _LEAST <= len(key) <= _MOST:
        raise Rejected(f"{place}: secret is not whsec_ and {_LEAST} to {_MOST} bytes in base64; make a new one")
    return key
