"""How do conditions and moments stand in an object?"""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from adapters.kube.api import Obj
from rollout.model.status import Condition

LONG_AGO = datetime.fromtimestamp(0, UTC)


def conditions_to_list(conditions: Iterable[Condition]) -> list[dict[str, Any]]:
    """The object's `status.conditions`."""
    return [
        {
            "type": one.type,
            "status": one.status,
            "reason": one.reason,
            "message": one.message,
            "lastTransitionTime": text_of(one.since),
        }
        for one in conditions
    ]


def conditions_from_list(entries: Iterable[Obj] | None) -> tuple[Condition, ...]:
    """What `conditions_to_list` wrote; () where nothing was written yet."""
    return tuple(
        Condition(
            type=one["type"],
            status=one["status"],
            reason=one.get("reason", ""),
            message=one.get("message", ""),
            since=moment_of(one.get("lastTransitionTime")) or LONG_AGO,
        )
        for one in entries or ()
    )


def text_of(moment: datetime) -> str:
    """A moment as Kubernetes writes it: UTC, to the second."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def moment_of(text: str | None) -> datetime | None:
    """The moment that `text_of` wrote; None where nothing was written yet."""
    return datetime.fromisoformat(text) if text else None
