"""What was a whole controller seen doing: in one write, in one saving of its status, in one tick?

A `Truth` is read past all faults from the store itself, so that no adapter can hide anything from an invariant.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any

from adapters.memory.cluster import MemoryCluster
from adapters.memory.objects import Obj
from rollout.manifest.status import status_from_dict
from rollout.model.freeze import FreezeWindow
from rollout.model.status import RolloutStatus
from rollout.services.reconcile import Told

SHOP = "shop"
HOST = "checkout"
ROUTES = "virtualservices.networking.istio.io"
RULES = "destinationrules.networking.istio.io"
ROLLOUTS = "rollouts.rollout.dev"
COMMANDS = "rolloutcommands.rollout.dev"


@dataclass(frozen=True, slots=True, kw_only=True)
class Weather:
    """What only the test knows. mood: what the metrics say now, and lasts: for how much lived time they have.

    stands: for how much lived time the run has stood in its present step with its weight in force.
    shut and back: for how much lived time the webhook that opens steps has said no, and the one that rolls back yes; None
    while they do not. fresh: the controller has been shown everything there is. freezes: the windows that exist.
    """

    now: datetime
    mood: str = "good"
    lasts: timedelta = timedelta(0)
    stands: timedelta = timedelta(0)
    shut: timedelta | None = None
    back: timedelta | None = None
    fresh: bool = True
    freezes: tuple[FreezeWindow, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """One moment of the cluster, at a revision of its store. ready: ready endpoints by backend; pods: ready pods by revision."""

    weather: Weather
    revision: int
    rollout: Obj | None
    status: RolloutStatus
    routes: Mapping[str, Obj]
    rules: Mapping[str, Obj]
    commands: Mapping[str, Obj]
    ready: Mapping[str, int]
    pods: Mapping[str, int]

    @property
    def now(self) -> datetime:
        """What the controller's clock said."""
        return self.weather.now

    @property
    def spec(self) -> Mapping[str, Any]:
        """The Rollout's spec as stored; empty when it is gone."""
        return (self.rollout or {}).get("spec") or {}

    @property
    def is_readable(self) -> bool:
        """Whether the spec can be read; one that cannot names a policy that does not exist."""
        return not self.spec.get("policies")

    @property
    def named(self) -> tuple[str, ...]:
        """The routes that the Rollout names and that exist."""
        wanted = [route["name"] for route in self.spec.get("routes", ())]
        return tuple(name for name in wanted if name in self.routes)

    def share(self, backend: str, routes: tuple[str, ...] | None = None) -> Fraction:
        """The highest percent that a backend has in any pool of these routes, all of them when None."""
        pools = [pool for name in (self.routes if routes is None else routes) for pool in pools_of(self.routes[name])]
        return max((_share(pool, backend) for pool in pools), default=Fraction(0))

    def backends(self) -> frozenset[str]:
        """Every backend that a route names."""
        return frozenset(named(entry) for route in self.routes.values() for pool in pools_of(route) for entry in pool)


@dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    """One write of the controller that was stored, whether its answer arrived or not."""

    verb: str
    path: str
    before: Truth
    after: Truth

    def raised(self) -> tuple[tuple[str, Fraction], ...]:
        """Backends other than stable whose share this write raised, with what they have now."""
        stable = str(self.before.status.stable.backend) if self.before.status.stable else ""
        names = sorted(self.after.backends() - {stable})
        shares = ((name, self.before.share(name), self.after.share(name)) for name in names)
        return tuple((name, new) for name, old, new in shares if new > old)


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved(Write):
    """A write that was one of the Rollout's status."""

    @property
    def same_run(self) -> bool:
        """Whether a run was in hand and still is."""
        old, new = self.before.status, self.after.status
        return old.run is not None and new.run is not None and old.runs == new.runs


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticked:
    """One tick. failed: paths of its writes that went wrong; asked: paths that it read; wrote: how many it stored."""

    before: Truth
    after: Truth
    told: Told
    failed: tuple[str, ...]
    asked: tuple[str, ...]
    wrote: int


def truth_of(cluster: MemoryCluster, weather: Weather) -> Truth:
    """What there is at this moment."""
    store = cluster.store
    rollout = store.find(ROLLOUTS, (SHOP, "checkout"))
    slices = {
        item["metadata"]["name"]: item for item in store.listed("endpointslices.discovery.k8s.io", namespace=SHOP)
    }
    services = {item["metadata"]["name"] for item in store.listed("services", namespace=SHOP)}
    deployments = store.listed("deployments.apps", namespace=SHOP)
    return Truth(
        weather=weather,
        revision=store.revision,
        rollout=rollout,
        status=status_from_dict((rollout or {}).get("status") or {}),
        routes=_by_name(cluster, ROUTES),
        rules=_by_name(cluster, RULES),
        commands=_by_name(cluster, COMMANDS),
        ready=dict(_ready(slices, services)),
        pods={
            item["metadata"]["name"].removeprefix("checkout-"): item.get("status", {}).get("readyReplicas", 0)
            for item in deployments
        },
    )


def _by_name(cluster: MemoryCluster, resource: str) -> dict[str, Obj]:
    return {item["metadata"]["name"]: item for item in cluster.store.listed(resource, namespace=SHOP)}


def _ready(slices: Mapping[str, Obj], services: set[str]) -> Iterator[tuple[str, int]]:
    for name in services:
        endpoints = slices.get(f"{name}-a", {}).get("endpoints", ())
        pods = [item["targetRef"]["name"] for item in endpoints if item["conditions"]["ready"]]
        yield name, len(pods)
        for revision in {pod.rpartition("-")[0] for pod in pods}:
            yield f"{name}/{revision}", sum(pod.startswith(f"{revision}-") for pod in pods)


def pools_of(route: Obj) -> list[list[Any]]:
    """The lists of weighted destinations of a VirtualService."""
    return [rule["route"] for rule in route["spec"].get("http", ()) if "route" in rule]


def named(entry: Obj) -> str:
    """The backend of an entry: "checkout-v1", or "checkout/v1" for a subset."""
    to = entry["destination"]
    return f"{to['host']}/{to['subset']}" if "subset" in to else str(to["host"])


def is_ours(backend: str) -> bool:
    """Whether the backend is one of this service's."""
    return backend.partition("/")[0].startswith(HOST)


def _share(pool: list[Any], backend: str) -> Fraction:
    weights = [(named(entry), _weight(entry, pool)) for entry in pool]
    total = sum(weight for _, weight in weights)
    return Fraction(100 * sum(weight for name, weight in weights if name == backend), max(total, 1))


def _weight(entry: Obj, pool: list[Any]) -> int:
    return int(entry.get("weight", 100 if len(pool) == 1 else 0))
