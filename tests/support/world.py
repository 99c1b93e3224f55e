"""How does a test live through a whole run in no time: a memory cluster, a clock set by hand, and the real services on it?

Time passes only in `pass_time`; between two ticks the world is still. `story` is the transcript: one line per event.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from adapters.kube.api import Obj, Patch
from adapters.kube.cache import Cache
from adapters.kube.kinds import KINDS
from adapters.memory.clock import ManualClock
from adapters.memory.cluster import DirectApi, MemoryCluster
from adapters.memory.metrics import MemoryMetrics
from adapters.memory.notices import KeptNotices
from rollout.crds import definitions
from rollout.model.actions import Action
from rollout.model.names import Key
from rollout.model.status import RolloutStatus
from rollout.ports.errors import NotFound
from rollout.services.reconcile import Reconciler, Told
from tests.support.builders import CHECKOUT, a_rollout_manifest
from tests.support.controllers import Outside, Services, show, started
from tests.support.golden import standing
from tests.support.kstatus import is_honest

START = datetime.fromisoformat("2026-11-21T09:00:00+00:00")
_ISTIO = ("VirtualService", "DestinationRule", "PeerAuthentication", "Telemetry")
MESH = (*_ISTIO, "HTTPRoute", "GRPCRoute", "TrafficSplit")


@dataclass(slots=True)
class World:
    """shop: a checkout service whose revisions are deployed by hand, and what looks after it. done: changes, and when."""

    outside: Outside
    services: Services
    person: DirectApi
    key: Key = CHECKOUT
    story: list[str] = field(default_factory=list)
    told: list[Told] = field(default_factory=list)
    done: list[tuple[datetime, Action]] = field(default_factory=list)
    shown: int = 0  # the revision up to which the controller has seen the cluster

    @property
    def cluster(self) -> MemoryCluster:
        """The API server."""
        return self.outside.cluster

    @property
    def clock(self) -> ManualClock:
        """What time it is."""
        return self.outside.clock

    @property
    def metrics(self) -> MemoryMetrics:
        """What requests look like."""
        return self.outside.metrics

    @property
    def notices(self) -> KeptNotices:
        """What was announced."""
        return self.outside.notices

    @property
    def cache(self) -> Cache:
        """What the present services see."""
        return self.services.cache

    @property
    def reconciler(self) -> Reconciler:
        """What ticks."""
        return self.services.reconciler

    async def restart(self) -> None:
        """The controller is killed, and a fresh one starts on the same cluster."""
        await self.services.stop()
        self.services, self.shown = await started(self.outside), 0

    async def deploy(
        self, revision: str, *, pods: int = 2, image: str = "", service: str = "", pod_owner: str = ""
    ) -> None:
        """A Deployment, its ready pods, and a Service of its own with endpoints."""
        service = service or f"checkout-{revision}"
        template = {
            "metadata": {"labels": {"app": "checkout", "version": revision}},
            "spec": {"containers": [{"name": "app", "image": image or revision}]},
        }
        await self.put(
            {
                "apiVersion": "apps/v1",
                "kind": "Deployment",
                "metadata": {"name": f"checkout-{revision}", "namespace": "shop"},
                "spec": {"replicas": pods, "selector": {"matchLabels": {"version": revision}}, "template": template},
            }
        )
        await self.put(
            {
                "apiVersion": "v1",
                "kind": "Service",
                "metadata": {"name": service, "namespace": "shop"},
                "spec": {"selector": {"version": revision}, "ports": [{"port": 80}]},
            }
        )
        await self.ready(revision, pods=pods, wanted=pods, service=service, pod_owner=pod_owner)

    async def ready(self, revision: str, *, pods: int, wanted: int = 2, service: str = "", pod_owner: str = "") -> None:
        """So many pods of the revision are ready, of so many wanted."""
        service = service or f"checkout-{revision}"
        deployment = await self.read("Deployment", f"checkout-{revision}")
        status = {
            "observedGeneration": deployment["metadata"]["generation"],
            "replicas": wanted,
            "updatedReplicas": wanted,
            "readyReplicas": pods,
            "availableReplicas": pods,
        }
        await self.person.patch(
            self.path("Deployment", f"checkout-{revision}", "status"), Patch.MERGE, {"status": status}
        )
        names = [f"{pod_owner or revision}-{number}" for number in range(max(wanted, pods))]
        for name in names:
            pod = {
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": {"name": name, "namespace": "shop", "labels": {"app": "checkout", "version": revision}},
                "spec": {},
            }
            await self.put(pod)
        await self.endpoints(service, names, ready=pods)

    async def endpoints(self, service: str, names: list[str], *, ready: int) -> None:
        """The EndpointSlice of a Service: these pods, the first `ready` of them ready."""
        endpoints = [
            {
                "addresses": [f"10.0.{len(service)}.{number + 1}"],
                "conditions": {"ready": number < ready},
                "targetRef": {"kind": "Pod", "name": name, "namespace": "shop"},
            }
            for number, name in enumerate(names)
        ]
        await self.put(
            {
                "apiVersion": "discovery.k8s.io/v1",
                "kind": "EndpointSlice",
                "metadata": {
                    "name": f"{service}-a",
                    "namespace": "shop",
                    "labels": {"kubernetes.io/service-name": service},
                },
                "addressType": "IPv4",
                "endpoints": endpoints,
            }
        )

    async def put(self, obj: Obj, manager: str = "kubectl") -> None:
        """Apply an object as a person would."""
        meta = obj["metadata"]
        query = {"fieldManager": manager, "force": "true"}
        await self.person.patch(
            self.path(obj["kind"], meta["name"], namespace=meta["namespace"]), Patch.APPLY, obj, query
        )

    async def rollout(self, **spec: Any) -> None:
        """Apply the Rollout with these fields of its spec."""
        await self.put(a_rollout_manifest(**spec))

    async def commit(self, **spec: Any) -> None:
        """Change fields of the Rollout's spec, as a git commit does."""
        await self.person.patch(self.path("Rollout", self.key.name), Patch.MERGE, {"spec": spec})

    async def weights(self, **weights: int) -> None:
        """A person writes the VirtualService's weights by hand: checkout_v1=90, checkout_v2=10."""
        route = [
            {"destination": {"host": name.replace("_", "-")}, "weight": weight} for name, weight in weights.items()
        ]
        patch = {"spec": {"http": [{"route": route}]}}
        await self.person.patch(
            self.path("VirtualService", "checkout"), Patch.MERGE, patch, {"fieldManager": "kubectl-edit"}
        )

    async def command(self, verb: str, **spec: Any) -> str:
        """Record ana's command for the present run, step and revision; its name."""
        status = self.status
        run = status.run
        name = f"{verb}-{len(self.told)}-{self.cluster.store.revision}"
        made_for = {"run": status.runs, "step": run.step, "revision": run.canary.name} if run else {}
        await self.person.create(
            self.path("RolloutCommand", ""),
            {
                "apiVersion": "rollout.dev/v1alpha1",
                "kind": "RolloutCommand",
                "metadata": {"name": name, "namespace": "shop"},
                "spec": {
                    "target": {"kind": "Rollout", "name": self.key.name},
                    "verb": verb,
                    "actor": {"user": "ana"},
                    "channel": "cli",
                    **made_for,
                    **spec,
                },
            },
        )
        return name

    async def answer(self, name: str) -> str:
        """What a command was answered: "Refused: ..."."""
        status = (await self.read("RolloutCommand", name)).get("status", {})
        return f"{status.get('result', 'unanswered')}: {status.get('message', '')}"

    @property
    def status(self) -> RolloutStatus:
        """The Rollout's status as the cache has it."""
        stored = self.reconciler.rollouts.get(self.key)
        return stored.status if stored else RolloutStatus()

    async def split(self, kind: str = "VirtualService", name: str = "checkout") -> dict[str, int]:
        """Weights by backend in the first pool of a VirtualService."""
        route = (await self.read(kind, name))["spec"]["http"][0]["route"]
        found = [(entry["destination"], entry.get("weight", 100)) for entry in route]
        return {"/".join(to[part] for part in ("host", "subset") if part in to): weight for to, weight in found}

    async def read(self, kind: str, name: str) -> dict[str, Any]:
        """An object of the namespace shop, straight from the API."""
        return await self.person.get(self.path(kind, name))

    async def is_gone(self, kind: str, name: str) -> bool:
        """Whether the object is deleted."""
        try:
            await self.read(kind, name)
        except NotFound:
            return True
        return False

    def path(self, kind: str, name: str, subresource: str = "", namespace: str = "shop") -> str:
        """The URL path of an object."""
        known = KINDS[kind]
        return known.path(known.versions[0], namespace, name, subresource)

    async def pass_time(self, duration: timedelta) -> None:
        """Let time pass: tick now, whenever a tick asked for it, and at the end."""
        end = self.clock.now() + duration
        while True:
            wake_at = await self.settle()
            now = self.clock.now()
            if now >= end:
                return
            self.clock.advance(min(max(wake_at, now) if wake_at else end, end) - now)

    async def settle(self) -> datetime | None:
        """Tick until nothing moves any more; when time would move it again."""
        for _ in range(50):
            await show(self.cache, self.cluster.store, since=self.shown)
            self.shown = self.cluster.store.revision
            told = await self.tick()
            if told is None:
                return None
            again = told.wake_at is not None and told.wake_at <= self.clock.now()
            if not (again or told.changed or told.errors or told.after != told.before):
                return told.wake_at
        raise AssertionError(f"50 ticks and no end: {self.story[-5:]}")

    async def tick(self) -> Told | None:
        """One tick, written into the story; what it says must not mislead who waits for it (kstatus)."""
        told = await self.reconciler.tick(self.key, self.clock.now())
        if told is not None:
            self.told.append(told)
            self.done += [(self.clock.now(), action) for action in told.changed]
            self._write(told)
            assert is_honest(told.after), f"kstatus would be misled: {told.after}"
        return told

    def tell(self, words: str) -> None:
        """Write what a person or the weather does into the story."""
        self.story.append(f"{self.clock.now():%H:%M:%S}  -- {words}")

    def _write(self, told: Told) -> None:
        events = told.decision.events if told.decision else ()
        lines = [f"{event.message}" for event in events] + [f"! {type(error).__name__}" for error in told.errors]
        self.story += [f"{self.clock.now():%H:%M:%S}  {standing(told.after)}  {line}" for line in lines]


def virtual_service(*backends: str, name: str = "checkout") -> dict[str, Any]:
    """A VirtualService whose one route sends to these backends: the first gets everything."""
    route: list[dict[str, Any]] = [{"destination": {"host": backend}} for backend in backends]
    if len(route) > 1:
        route = [{**entry, "weight": 0 if number else 100} for number, entry in enumerate(route)]
    return {
        "apiVersion": "networking.istio.io/v1",
        "kind": "VirtualService",
        "metadata": {"name": name, "namespace": "shop"},
        "spec": {"hosts": [name], "http": [{"route": route}]},
    }


@asynccontextmanager
async def a_world(mesh: tuple[str, ...] | None = None) -> AsyncIterator[World]:
    """An empty shop; `mesh`: the traffic kinds that its cluster serves, all of them when None."""
    clock = ManualClock(START)
    cluster = MemoryCluster.with_kinds(*(mesh if mesh is not None else MESH), now=clock.now)
    cluster.seed(*definitions().values())
    cluster.seed({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}})
    outside = Outside(cluster=cluster, clock=clock, metrics=MemoryMetrics(), notices=KeptNotices())
    world = World(outside=outside, services=await started(outside), person=DirectApi(cluster, user="ana"))
    try:
        yield world
    finally:
        await world.services.stop()


@asynccontextmanager
async def a_release(**spec: Any) -> AsyncIterator[World]:
    """v1 serves users and is known as stable, v2 is deployed; git still names v1."""
    async with a_world() as world:
        await world.deploy("v1")
        await world.deploy("v2")
        await world.put(virtual_service("checkout-v1"))
        await world.rollout(**{"revision": "v1", **spec})
        await world.settle()
        world.story.clear()
        yield world


def told_story(world: World) -> str:
    """The transcript, one line per change."""
    return "\n".join(line.rstrip() for line in world.story) + "\n"
