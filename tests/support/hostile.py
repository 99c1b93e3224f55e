"""What if every text that comes from git or Kubernetes tried to become a part of the page?

Each text is another attack and carries a mark, so that a test can tell which fields a page shows, and whether literally.
"""

import itertools
from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace
from enum import Enum
from typing import Any, TypeVar, cast

from rollout.manifest.migration_status import migration_status_to_dict
from rollout.model.migration import MigrationStatus
from rollout.model.status import RolloutStatus
from tests.support.builders import a_full_status, a_verdict
from tests.support.dashboard_fleet import fleet, rollout
from tests.support.fleet_status import in_mid_soak

FORMS = (
    '<img src=x onerror="hit=1" alt={mark}>',
    "<script>hit=1</script>{mark}",
    "javascript:hit=1//{mark}",
    "<svg/onload=hit=1>{mark}",
    '"><b onmouseover=hit=1 autofocus onfocus=hit=1>{mark}',
    "' onclick='hit=1' {mark}",
    "{{{{constructor.constructor('hit=1')()}}}}{mark}",
    "${{hit=1}}{mark}</textarea></title></style>",
    "<iframe srcdoc='<script>parent.hit=1</script>'>{mark}",
    '<a href="javascript:hit=1" id=main>{mark}</a>',
    "&lt;b&gt;{mark}&amp;\u202e\u2028<base href=//evil.example>",
)
Value = TypeVar("Value")


class Attacks:
    """Makes texts that mean harm. made: all of them, by their mark."""

    def __init__(self, tail: str = "") -> None:
        """tail: what each of them ends with."""
        self.made: dict[str, str] = {}
        self._tail = tail
        self._forms = itertools.cycle(FORMS)

    def text(self, mark: str) -> str:
        """The next attack, with this mark."""
        while mark in self.made:
            mark += "-"
        self.made[mark] = next(self._forms).format(mark=f"[{mark}]") + self._tail
        return self.made[mark]

    def in_every_text(self, value: Value, path: str = "", keep: frozenset[str] = frozenset()) -> Value:
        """The same with an attack in place of each text but those whose path is in `keep`, and of no choice of an enum."""
        return cast("Value", self._attacked(value, path, keep))

    def _attacked(self, value: object, path: str, keep: frozenset[str]) -> object:
        if path in keep or isinstance(value, Enum):
            return value
        if isinstance(value, str):
            return self.text(path)
        if isinstance(value, tuple):
            return tuple(self._attacked(part, path, keep) for part in value)
        if is_dataclass(value) and not isinstance(value, type):
            names = [one.name for one in fields(value)]
            changes = {name: self._attacked(getattr(value, name), f"{path}.{name}".lstrip("."), keep) for name in names}
            return replace(value, **changes)
        return value


KEPT = frozenset({"last_spec", "run.judged.state"})  # read by programs: anything else there is no status


def a_hostile_status(attacks: Attacks) -> RolloutStatus:
    """A status in which every text is an attack."""
    full = replace(a_full_status(), verdicts=(a_verdict(evidence="12 of 125"),))
    return attacks.in_every_text(full, keep=KEPT)


def hostile_rollouts(attacks: Attacks) -> Iterator[dict[str, Any]]:
    """shop/evil, with attacks in its status and in all that its spec leaves free, and shop/broken, whose spec is one."""
    query = {"name": "orders", "kind": "query", "query": attacks.text("spec.query"), "above": "3"}
    evil = rollout("shop", "evil", a_hostile_status(attacks), objectives=[query])
    evil["metadata"]["annotations"]["rollout.dev/commit"] = attacks.text("commit")
    yield evil
    broken = rollout("shop", "broken", RolloutStatus(), revision=attacks.text("spec.revision"))
    yield broken | {"spec": broken["spec"] | {attacks.text("spec.key"): 1}}


def hostile_commands(attacks: Attacks) -> Iterator[dict[str, Any]]:
    """What people asked of shop/evil, in words that mean harm, and what was answered."""
    for number, verb in enumerate(("pause", "resume")):
        yield {
            "apiVersion": "rollout.dev/v1alpha1",
            "kind": "RolloutCommand",
            "metadata": {"name": f"evil-{verb}-{number}", "namespace": "shop"},
            "spec": {
                "target": {"kind": "Rollout", "name": "evil"},
                "verb": verb,
                "run": 2,
                "actor": {"user": attacks.text("command.user"), "groups": [attacks.text("command.group")]},
                "channel": "cli",
                "reason": attacks.text("command.reason"),
            },
            "status": {
                "result": "Refused",
                "message": attacks.text("command.answer"),
                "handledAt": "2026-11-21T12:00:00Z",
            },
        }


def a_hostile_migration(attacks: Attacks) -> dict[str, Any]:
    """A MeshMigration with attacks in every text of its status; the names of its waves have to be names."""
    full = replace(in_mid_soak(1), why_back="x", canary="Deployment api", fallbacks=1)
    status = MigrationStatus(namespaces=(full,), paused="ana", wave="core", next="x", reasons=full.reasons)
    attacked = attacks.in_every_text(status, "move")
    named = replace(attacked, namespaces=(replace(attacked.namespaces[0], name="shop"), *fleet().namespaces[3:]))
    return {
        "apiVersion": "rollout.dev/v1alpha1",
        "kind": "MeshMigration",
        "metadata": {"name": "evil"},
        "spec": {"mesh": {"kind": "istio-sidecar"}, "waves": [{"name": "core", "namespaces": ["shop", "pay"]}]},
        "status": migration_status_to_dict(named),
    }
