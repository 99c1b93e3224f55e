"""What does a machine read of one piece of news, and what stands above it for people? See docs/notifiers.md."""

from datetime import UTC
from typing import Any

from rollout.ports.messages import Message


def payload(message: Message) -> dict[str, Any]:
    """The JSON object of the message's last news."""
    one = message.last
    place = {"namespace": message.key.namespace} if message.key.namespace else {}
    return {
        "object": {"kind": message.kind, **place, "name": message.key.name},
        "run": one.run,
        "revision": one.revision,
        "step": one.step,
        "weight": one.weight,
        "phase": one.phase,
        "code": one.code,
        "message": one.sentence,
        "severity": one.severity.value,
        "needsPerson": one.needs_person,
        "at": message.at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "id": message.id,
    }


def title(message: Message) -> str:
    """What it is about, and how that stands."""
    last = message.last
    revision = f" {last.revision}" if last.revision else ""
    return f"{message.key}{revision}: {last.code}"
