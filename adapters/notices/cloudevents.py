"""How do news reach an event bus? As CloudEvents 1.0 in structured mode (https://cloudevents.io), signed as webhooks are."""

import json
from collections.abc import Mapping
from typing import Any

from adapters.notices.payload import payload
from adapters.notices.webhook import Webhooks
from rollout.ports.messages import Message

_ROLLOUT = "dev.rollout.run."
_MIGRATION = "dev.rollout.migration."
# The last part of `type` by code. Every other code is a reason that holds: `waiting` where it needs a person, else `held`.
TYPES: Mapping[str, Mapping[str, str]] = {
    _ROLLOUT: {
        "Started": "started",
        "Step": "step",
        "Promoting": "promoting",
        "RollingBack": "rollingback",
        "Promoted": "promoted",
        "Failed": "failed",
        "Aborted": "aborted",
        "Returned": "returned",
        "Superseded": "superseded",
        "EndsForgotten": "forgotten",
        "WaitOver": "waitover",
        "Gone": "gone",
    },
    _MIGRATION: {
        "NamespaceInMesh": "inmesh",
        "NamespaceStrict": "strict",
        "NamespaceDone": "namespacedone",
        "AllDone": "done",
        "WaitOver": "waitover",
        "FallingBack": "fallingback",
        "FallenBack": "fallenback",
        "RollingBack": "rollingback",
        "RolledBack": "rolledback",
        "Gone": "gone",
    },
}


class CloudEvents(Webhooks):
    """`Messenger` for receivers of CloudEvents; nothing can be edited there."""

    content_type = "application/cloudevents+json; charset=utf-8"

    def body(self, message: Message) -> bytes:
        """What is posted."""
        return json.dumps(event(message), ensure_ascii=False, separators=(",", ":")).encode()


def event(message: Message) -> dict[str, Any]:
    """The event of the message's last news; its data are a webhook's fields."""
    data = payload(message)
    place = f"namespaces/{message.key.namespace}/rollouts" if message.kind == "Rollout" else "meshmigrations"
    run = message.last.run
    return {
        "specversion": "1.0",
        "id": data.pop("id"),
        "source": f"/apis/rollout.dev/v1alpha1/{place}/{message.key.name}",
        "type": type_of(message),
        "subject": f"{message.key}/runs/{run}" if run else str(message.key),
        "time": data.pop("at"),
        "datacontenttype": "application/json",
        "data": data,
    }


def type_of(message: Message) -> str:
    """The event's `type`."""
    family = _ROLLOUT if message.kind == "Rollout" else _MIGRATION
    rest = "waiting" if message.last.needs_person else "held"
    return family + TYPES[family].get(message.last.code, rest)
