"""What is sent to a webhook, and how is it signed?

The body is Flagger's; the signature is that of Standard Webhooks (https://www.standardwebhooks.com), which a receiver
that knows nothing of it may leave unread.
"""

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Iterable
from datetime import datetime

from rollout.model.hooks import HookQuestion

_PREFIX = "whsec_"


def body_of(question: HookQuestion) -> bytes:
    """The JSON that Flagger sends: name, namespace, phase, checksum and metadata."""
    return json.dumps(
        {
            "name": question.key.name,
            "namespace": question.key.namespace,
            "phase": question.phase,
            "checksum": question.checksum,
            "metadata": dict(question.metadata),
        }
    ).encode()


def id_of(question: HookQuestion) -> str:
    """The id of a call: the same for its retries, another one for every other call."""
    parts = (
        str(question.key),
        question.hook.name,
        question.about,
        f"{question.run}/{question.step}",
        question.asked.isoformat(),
    )
    return f"msg_{hashlib.sha256('|'.join(parts).encode()).hexdigest()[:32]}"


def signed(body: bytes, number: str, now: datetime, secrets: Iterable[bytes]) -> dict[str, str]:
    """The three headers of Standard Webhooks; one signature for each secret that is valid now."""
    stamp = str(int(now.timestamp()))
    content = b".".join((number.encode(), stamp.encode(), body))
    digests = (hmac.new(secret, content, hashlib.sha256).digest() for secret in secrets)
    signatures = " ".join(f"v1,{base64.b64encode(digest).decode()}" for digest in digests)
    return {"webhook-id": number, "webhook-timestamp": stamp, "webhook-signature": signatures}


def secret_in(text: str) -> bytes:
    """The key that a secret such as "whsec_MfKQ9r8G..." stands for; ValueError when it is none."""
    coded = text.strip().removeprefix(_PREFIX)
    try:
        key = base64.b64decode(coded, validate=True)
    except binascii.Error as error:
        raise ValueError(f"is not base64, with or without {_PREFIX} before it") from error
    if not key:
        raise ValueError("is empty")
    return key
