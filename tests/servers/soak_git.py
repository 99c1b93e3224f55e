"""What does the repository of a soak say, and what do its commits change?"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from random import Random
from typing import Any

import yaml

from tests.servers.client import Obj
from tests.servers.githttp import Repository
from tests.servers.soak_crowd import Participant
from tests.servers.soak_facts import Key
from tests.servers.soak_plan import Plan

GATE = "managers"
GROUP = "rollout.dev/v1alpha1"
SUBSETS = {"host": "{name}", "name": "{revision}", "labels": {"version": "{revision}"}}
OBJECTIVES = (
    {"name": "errors", "kind": "error-ratio", "max": "1%", "method": "threshold"},
    {"name": "errors", "kind": "error-ratio", "max": "1%"},
)
REQUESTED_AT = "rollout.dev/requestedAt"


@dataclass(slots=True, kw_only=True)
class Wish:
    """What git says of one Rollout now. broken: its file cannot be read; is_gone: it has none."""

    who: Participant
    revision: str
    steps: list[dict[str, Any]]
    objective: Mapping[str, Any]
    broken: bool = False
    is_gone: bool = False

    @property
    def key(self) -> Key:
        """Namespace and name."""
        return self.who.key


@dataclass(slots=True, kw_only=True)
class Specs:
    """All wishes of the repository. look_now: tells the controller of a commit, as a webhook would."""

    repository: Repository
    look_now: Callable[[str], object]
    rng: Random
    plan: Plan
    wishes: dict[Key, Wish] = field(default_factory=dict)

    def begin(self, crowd: Iterable[Participant], freezes: Iterable[Obj]) -> None:
        """The first commit: everybody at v1, the policy of the gates, and the freezes to come."""
        for who in crowd:
            wish = Wish(who=who, revision="v1", steps=self.steps(), objective=self.rng.choice(OBJECTIVES))
            self.wishes[wish.key] = wish
        gate = {"apiVersion": GROUP, "kind": "ApprovalPolicy", "metadata": {"name": GATE}, "spec": {"minimum": 1}}
        files = dict(self._files(self.wishes.values()))
        files["specs/policies.yaml"] = yaml.safe_dump_all([gate, *freezes])
        self.repository.commit(files, "everybody is at v1")

    def commit(self, wishes: Iterable[Wish], message: str) -> None:
        """Say in git what these wishes say now."""
        commit = self.repository.commit(dict(self._files(wishes)), message)
        self.look_now(commit)

    def steps(self) -> list[dict[str, Any]]:
        """Two to four steps up to at most 80 %; one in five has a gate."""
        weights = sorted(self.rng.sample(range(5, 85, 5), self.rng.randint(2, 4)))
        gates = [{"approval": GATE} if self.rng.random() < 0.2 else {} for _ in weights]
        return [
            {"weight": weight, "soak": f"{self.rng.randint(1, self.plan.longest_soak)}s", **gate}
            for weight, gate in zip(weights, gates, strict=True)
        ]

    def _files(self, wishes: Iterable[Wish]) -> Iterator[tuple[str, str | None]]:
        for wish in wishes:
            text = "spec: [\n" if wish.broken else yaml.safe_dump(rollout(wish, self.plan.interval))
            yield f"specs/{'/'.join(wish.key)}.yaml", None if wish.is_gone else text


def rollout(wish: Wish, interval: str) -> Obj:
    """The Rollout that a wish is."""
    namespace, name = wish.key
    return {
        "apiVersion": GROUP,
        "kind": "Rollout",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "revision": wish.revision,
            "backend": {"subset": SUBSETS} if wish.who.has_subsets else {"service": "{name}-{revision}"},
            "workload": {"kind": "Deployment", "name": "{name}-{revision}"},
            "routes": [{"kind": "VirtualService", "name": route} for route in wish.who.routes],
            "steps": wish.steps,
            "objectives": [dict(wish.objective)],
            "analysis": {"interval": interval, "minRequests": 50},
            "settle": "1s",
        },
    }


def freeze(namespace: str, since: datetime, until: datetime) -> Obj:
    """Nothing is released in a namespace in this time."""
    window = {"from": since.isoformat(), "to": until.isoformat()}
    metadata = {"name": f"freeze-{namespace}"}
    spec = {"windows": [window], "namespaces": [namespace], "overrun": "hold"}
    return {"apiVersion": GROUP, "kind": "FreezeWindow", "metadata": metadata, "spec": spec}


def source(url: str, namespace: str) -> Obj:
    """The GitSource of the controller's own namespace, which may write everywhere."""
    metadata = {"name": "specs", "namespace": namespace}
    spec = {"url": url, "path": "specs", "interval": "10s"}
    return {"apiVersion": GROUP, "kind": "GitSource", "metadata": metadata, "spec": spec}
