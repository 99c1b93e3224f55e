"""What may happen to a shop while a controller looks after it: commits, people, tools, pods, metrics and faults?"""

import copy
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from adapters.kube.api import Patch
from adapters.memory.hooks import MemoryHooks
from rollout.model.freeze import Overrun
from rollout.model.measurement import NoData, NotANumber, Partial
from rollout.model.names import Key
from rollout.ports.errors import NotFound, PortError
from tests.support.builders import a_freeze
from tests.support.controllers import HOME
from tests.support.freezing import freeze
from tests.support.scenes import SUBSETS, delete, deploy_subset
from tests.support.turmoil import Turmoil
from tests.support.world import a_world, virtual_service

MINUTE = timedelta(minutes=1)
REVISIONS = ("v1", "v2", "v3")
STEPS = [{"weight": 5, "soak": "1m"}, {"weight": 50, "soak": "2m"}]
GATED = [{"weight": 10, "soak": "1m", "approval": "release-managers"}, {"weight": 40, "soak": "1m"}]
LATER = [*STEPS[:1], {"weight": 20, "approval": "release-managers"}, {"weight": 60, "soak": "1m"}]
PLANS = (STEPS, GATED, LATER, [{"weight": 30, "soak": "3m"}])
GIT = "kustomize-controller"
WEBHOOKS = [
    {"name": "gate", "type": "confirm-traffic-increase", "url": "http://tester.test/"},
    {"name": "back", "type": "rollback", "url": "http://tester.test/"},
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """How the shop is built. routes: how many VirtualServices share the traffic out; guest: a foreign entry of 20 % is in them."""

    subsets: bool = False
    routes: int = 1
    guest: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """The VirtualServices."""
        return ("checkout", "outer")[: self.routes]

    def destination(self, revision: str) -> dict[str, str]:
        """Where a route sends what is for a revision."""
        return {"host": "checkout", "subset": revision} if self.subsets else {"host": f"checkout-{revision}"}

    def pool(self, weights: Mapping[str, int]) -> list[dict[str, Any]]:
        """The entries of a pool with these percents of what is this service's."""
        left = 80 if self.guest else 100
        entries: list[dict[str, Any]] = []
        for name, weight in reversed(list(weights.items())):
            own = left if name == next(iter(weights)) else weight * left // 100
            entries.insert(0, {"destination": self.destination(name), "weight": own})
            left -= own
        return [*entries, *([{"destination": {"host": "guest"}, "weight": 20}] if self.guest else [])]

    def route(self, name: str, revision: str = "v1") -> dict[str, Any]:
        """A VirtualService with more in it than weights."""
        first, *others = self.pool({revision: 100})
        entry = {**first, "headers": {"request": {"set": {"x-shop": "1"}}}}
        main = {"name": "main", "timeout": "3s", "route": [entry, *others]}
        aside = {"match": [{"uri": {"prefix": "/audit"}}], "route": [{"destination": {"host": "audit"}}]}
        spec = {"hosts": [name], "gateways": ["mesh"], "exportTo": ["."], "http": [aside, main]}
        return {**virtual_service(name=name), "spec": spec}


@dataclass(slots=True, kw_only=True)
class TroubledShop(Turmoil):
    """v1 serves, v2 and v3 are deployed, git names v1. alive: ready pods by revision; spec: what git says last."""

    shape: Shape
    alive: dict[str, int] = field(default_factory=lambda: dict.fromkeys(REVISIONS, 2))
    spec: dict[str, Any] = field(default_factory=dict)
    hooks: MemoryHooks = field(init=False)

    async def build(self) -> None:
        """Everything is deployed, and the controller has found v1 to be stable."""
        if self.shape.subsets:
            await deploy_subset(self.world, *REVISIONS)
        else:
            for revision in REVISIONS:
                await self.world.deploy(revision)
        for name in self.shape.names:
            await self.world.put(self.shape.route(name))
        self.spec = {
            "revision": "v1",
            "steps": STEPS,
            "analysis": {"interval": "60s"},
            "routes": [{"kind": "VirtualService", "name": name} for name in self.shape.names],
            **({"backend": SUBSETS} if self.shape.subsets else {}),
        }
        self.metrics_say("good")
        self.hooks = MemoryHooks(self.world.clock)
        self.world.outside = replace(self.world.outside, hooks=self.hooks)
        self.webhooks_say(opens=True, back=False)
        await self.begin()
        await self.commit()
        await self.live(MINUTE)

    async def commit(self, **spec: Any) -> None:
        """Git says something else; a Rollout that was deleted is there again."""
        self.spec |= spec
        await self.world.rollout(**self.spec)

    async def commit_nonsense(self, **spec: Any) -> None:
        """A spec that the API server takes and that cannot be read."""
        await self.world.rollout(**{**self.spec, **spec})

    async def remove(self) -> None:
        """Git has no such Rollout any more."""
        if not await self.world.is_gone("Rollout", "checkout"):
            await delete(self.world, "Rollout", "checkout")

    async def says_ana(self, verb: str, **spec: Any) -> None:
        """A command of a person; for something else where `spec` says so."""
        if await self.world.is_gone("Rollout", "checkout"):
            return
        await self.world.command(verb, **spec)

    def metrics_say(self, mood: str) -> None:
        """good, bad, few, nothing, nan, partial or down."""
        self.says(mood)
        metrics = self.world.metrics
        metrics.recover()
        match mood:
            case "good" | "bad" | "few":
                total = 3 if mood == "few" else 1000
                metrics.tell_requests("errors", total=total, bad=500 if mood == "bad" else 0)
            case "nothing":
                metrics.tell("errors", NoData(query="q"))
            case "nan":
                metrics.tell("errors", NotANumber(query="q"))
            case "partial":
                metrics.tell("errors", Partial(query="q", warning="a store is gone"))
            case _:
                metrics.fail("connection refused")

    def webhooks_say(self, *, opens: bool, back: bool) -> None:
        """Whether steps may begin, and whether the run is to go back; heard where the spec names webhooks."""
        self.hooks.tell("gate", passed=opens)
        self.hooks.tell("back", passed=back)
        self.shut = None if opens else self.lived if self.shut is None else self.shut
        self.back = None if not back else self.lived if self.back is None else self.back

    async def pods(self, revision: str, ready: int) -> None:
        """So many pods of a revision are ready."""
        self.alive[revision] = ready
        await self.world.ready(revision, pods=ready)
        if self.shape.subsets:
            names = [(f"{name}-{number}", number < has) for name, has in self.alive.items() for number in range(2)]
            ordered = sorted(names, key=lambda one: not one[1])
            await self.world.endpoints("checkout", [name for name, _ in ordered], ready=sum(ok for _, ok in names))

    async def deploy(self, revision: str, image: str = "") -> None:
        """The revision is deployed, again or with another image."""
        await self.world.deploy(revision, image=image)
        await self.pods(revision, 2)

    async def undeploy(self, revision: str) -> None:
        """The Deployment of a revision goes, with its pods."""
        if await self.world.is_gone("Deployment", f"checkout-{revision}"):
            return
        await self.pods(revision, 0)
        await delete(self.world, "Deployment", f"checkout-{revision}")

    async def edit(self, name: str, weights: Mapping[str, int], manager: str = "kubectl-edit") -> None:
        """Somebody sets the weights of a route."""
        try:
            route = copy.deepcopy(await self.world.read("VirtualService", name))
        except NotFound:
            return
        route["spec"]["http"][1]["route"] = self.shape.pool(weights)
        path = self.world.path("VirtualService", name)
        await self.world.person.patch(path, Patch.MERGE, {"spec": route["spec"]}, {"fieldManager": manager})

    async def lower(self, name: str, share: int) -> None:
        """A person takes weight from the canary, where it has more on this route, and the controller is shown it."""
        truth = self.truth()
        canary, stable = truth.status.run.canary if truth.status.run else None, truth.status.stable
        if canary and stable and name in truth.routes and truth.share(str(canary.backend), (name,)) > share:
            await self.edit(name, {stable.name: 100 - share, canary.name: share})
            with suppress(PortError):
                await self.world.cache.refresh()

    async def git_applies(self, name: str, revision: str) -> None:
        """A GitOps tool writes its version of the route."""
        await self.world.put(self.shape.route(name, revision), manager=GIT)

    async def drop_route(self, name: str) -> None:
        """A route is deleted."""
        if not await self.world.is_gone("VirtualService", name):
            await delete(self.world, "VirtualService", name)

    async def freeze(self, minutes: int, length: int, overrun: Overrun) -> None:
        """A window of the platform begins now or soon."""
        start = self.world.clock.now().replace(microsecond=0) + minutes * MINUTE
        window = {"from": f"{start:%Y-%m-%dT%H:%M:%SZ}", "to": f"{start + length * MINUTE:%Y-%m-%dT%H:%M:%SZ}"}
        await freeze(self.world, "closing", windows=[window], overrun=overrun.value)
        key = Key(namespace=HOME, name="closing")
        self.freezes["closing"] = a_freeze(start=start, length=length * MINUTE, overrun=overrun, key=key)

    async def thaw(self) -> None:
        """The window is taken away."""
        if self.freezes.pop("closing", None) is not None:
            await self.world.person.delete(self.world.path("FreezeWindow", "closing", namespace=HOME))

    async def calm(self) -> None:
        """Everything outside is well again: no fault, all deployed, a readable spec, routes that are there."""
        self.witness.blow, self.witness.leads = None, True
        self.witness.strikes.clear()
        self.world.cluster.faults.recover()
        self.world.cluster.faults.release()
        await self.thaw()
        for revision in REVISIONS:
            await self.deploy(revision, image=self.image(revision))
        for name in self.shape.names:
            if await self.world.is_gone("VirtualService", name):
                await self.world.put(self.shape.route(name))
        self.metrics_say("good")
        self.webhooks_say(opens=True, back=False)
        if not await self.world.is_gone("Rollout", "checkout"):
            await self.commit(suspend=False)

    def image(self, revision: str) -> str:
        """The image that the revision's Deployment has, so that deploying again changes nothing."""
        found = self.world.cluster.store.find("deployments.apps", ("shop", f"checkout-{revision}"))
        return str(found["spec"]["template"]["spec"]["containers"][0]["image"]) if found else ""

    def unanswered(self) -> list[str]:
        """Commands that nobody has answered."""
        commands = self.truth().commands
        return [name for name, one in commands.items() if not (one.get("status") or {}).get("result")]


@asynccontextmanager
async def a_troubled_shop(shape: Shape, **changes: Any) -> AsyncIterator[TroubledShop]:
    """A shop of this shape whose controller has found its stable; broken promises fail the test at its end."""
    async with a_world() as world:
        shop = TroubledShop(world=world, shape=shape, **changes)
        await shop.build()
        yield shop
