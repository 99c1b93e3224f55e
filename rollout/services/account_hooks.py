"""How do the webhooks of a run stand, as far as its status tells?"""

from typing import Any

from rollout.model.hooks import COUNTED, Hook
from rollout.model.rollout import RolloutSpec
from rollout.model.status import RolloutStatus
from rollout.services.paper import clock

_WHEN = {
    "confirm-rollout": "holds the first weight until it says yes",
    "pre-rollout": "must pass before the first weight",
    "rollout": "is called while the canary has weight",
    "confirm-traffic-increase": "holds each step until it says yes",
    "confirm-promotion": "holds 100 % until it says yes",
    "post-rollout": "is called after the end",
    "rollback": "ends the run when it says yes",
    "event": "is told all news",
}


def when(hook: Hook) -> str:
    """What a hook does, in a sentence."""
    return f"{hook.type} hook {hook.name} {_WHEN[hook.type]}"


def hook_rows(spec: RolloutSpec | None, status: RolloutStatus) -> list[tuple[str, str]]:
    """A row for each hook that counts in this run; [] without a run. One that keeps the step is among the holds, too."""
    if spec is None or status.run is None or status.run.straight:
        return []
    counts = {count.name: count for count in status.run.hooks}
    rows = []
    for hook in spec.hooks:
        count, words = counts.get(hook.name), when(hook)
        if count is not None:
            words += (
                f"; failed {count.failures} of {hook.failures} in a row, last at {clock(count.at)}: {count.message}"
            )
        rows.append(("hook", words))
    return rows


def hooks_data(spec: RolloutSpec | None, status: RolloutStatus) -> list[dict[str, Any]]:
    """The hooks for machines. failures: None for types that count none."""
    counts = {count.name: count.failures for count in status.run.hooks} if status.run else {}
    return [
        {
            "name": hook.name,
            "type": hook.type.value,
            "failures": hook.failures if hook.type in COUNTED else None,
            "failed": counts.get(hook.name, 0),
        }
        for hook in (spec.hooks if spec else ())
    ]
