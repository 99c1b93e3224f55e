"""Which dashboard do tests open? The whole API and its pages over a memory cluster, served at a port of its own.

Nobody decides here: what a controller would answer or change, a test says by `change` and `answer`.
"""

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import aiohttp
from fastapi.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from adapters.kube.api import Obj, Patch
from adapters.kube.cache import Cache
from adapters.kube.kinds import KINDS, WATCHED
from adapters.kube.store import KubeRollouts
from adapters.memory.access import Asked, User
from adapters.memory.clock import ManualClock
from adapters.memory.cluster import ADMIN, DirectApi, MemoryCluster
from rollout.crds import definitions
from rollout.manifest.status import status_to_dict
from rollout.model.status import Phase, RolloutStatus
from rollout.settings import Settings
from rollout.web.listen import served
from rollout.wiring.telling import seen
from rollout.wiring.web import api_app
from tests.support.builders import NOON
from tests.support.dashboard_fleet import AWAITS, migrations, objectives, policies, rollouts, routes, running

HOME = "rollout-system"
OPEN, AWAY = "/api/v1/changes", "/api/"
READS = ("get", "list", "watch")
Right = tuple[str, str, str]  # verb, plural, namespace; "*" for any
# ana decides in shop, bo looks at everything, cy looks at what pay has; each token is its user's name.
RIGHTS: dict[str, tuple[Right, ...]] = {
    "ana": (*((verb, "*", "*") for verb in READS), ("*", "rollouts", "shop"), ("*", "meshmigrations", "")),
    "bo": tuple((verb, "*", "*") for verb in READS),
    "cy": tuple((verb, "*", "pay") for verb in READS),
}


@dataclass(slots=True)
class Line:
    """What stands between browser and app: it can be away, and its open streams can be cut.

    away: what is answered instead of the API, 0 for the API itself. asked: method and path of each request that came through.
    """

    app: ASGIApp
    away: int = 0
    asked: list[str] = field(default_factory=list)
    _open: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def streams(self) -> int:
        """How many pages listen now."""
        return len(self._open)

    def cut(self) -> None:
        """End all open streams."""
        for stream in self._open:
            stream.cancel()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As ASGI."""
        path = scope.get("path", "")
        self.asked.append(f"{scope.get('method', '')} {path}")
        if self.away and path.startswith(AWAY):
            await JSONResponse({"detail": "the cluster does not answer"}, self.away)(scope, receive, send)
        elif path == OPEN:
            await self._streamed(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    async def _streamed(self, scope: Scope, receive: Receive, send: Send) -> None:
        sent: list[Message] = []

        async def noted(message: Message) -> None:
            sent.append(message)
            await send(message)

        stream = asyncio.ensure_future(_ran(self.app, scope, receive, noted))
        self._open.add(stream)
        with contextlib.suppress(asyncio.CancelledError):
            await stream
        self._open.discard(stream)
        if stream.cancelled() and sent and sent[-1].get("more_body", True):
            await send({"type": "http.response.body", "body": b""})


async def _ran(app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    await app(scope, receive, send)


@dataclass(slots=True, kw_only=True)
class Dashboard:
    """The dashboard as it is served. url: of its first page. rights: who may what, to be changed at will."""

    url: str
    cluster: MemoryCluster
    cache: Cache
    clock: ManualClock
    line: Line
    rights: dict[str, tuple[Right, ...]]

    @property
    def api(self) -> DirectApi:
        """An administrator."""
        return DirectApi(self.cluster)

    async def commands(self, namespace: str = "shop") -> list[dict[str, Any]]:
        """The specs of all RolloutCommands there, as they were recorded."""
        listed = await self.api.get(KINDS["RolloutCommand"].path("v1alpha1", namespace))
        return [one["spec"] for one in listed["items"]]

    async def status(self, key: str, status: RolloutStatus) -> None:
        """A Rollout "namespace/name" stands like this from now on; open pages hear it."""
        namespace, name = key.split("/")
        path = KINDS["Rollout"].path("v1alpha1", namespace, name, "status")
        await self.api.patch(path, Patch.JSON, [{"op": "add", "path": "/status", "value": status_to_dict(status)}], {})

    async def live_through(self, key: str, minutes: int = 6) -> None:
        """Let the run of a Rollout be seen for so long, with other numbers each minute: its charts have something to draw."""
        name = key.split("/")[1]
        for minute in range(minutes):
            weight = 5 if minute < minutes // 2 else 25
            value = 0.2 + 0.1 * (minute % 3)
            judged = tuple(replace(one, at=self.clock.now()) for one in objectives(value=f"{value:.1f}%"))
            seen = running(name, Phase.PROGRESSING, AWAITS, step=1 + (weight > 5), weight=weight, confirmed=weight)
            self.clock.advance(timedelta(minutes=1))
            await self.status(key, replace(seen, verdicts=judged))
            await self._is_remembered(key, minute + 1)

    async def _is_remembered(self, key: str, points: int) -> None:
        """Wait until the API tells so many values of the run's first objective; its watch looks a moment after a change."""
        headers = {"Authorization": "Bearer ana"}
        async with asyncio.timeout(10), aiohttp.ClientSession(self.url, headers=headers) as session:
            for _ in itertools.count():
                async with session.get(f"/api/v1/rollouts/{key}/trace") as answer:
                    runs = (await answer.json())["runs"]
                if runs and len(runs[0]["lines"][0]["points"]) >= points:
                    return

    async def put(self, *objects: Obj) -> None:
        """Further objects, status included; returns when pages can see them."""
        self.cluster.seed(*objects)
        await self.cache.refresh()

    async def answer(self, result: str, message: str, namespace: str = "shop") -> None:
        """The controller's answer to the newest command there."""
        kind = KINDS["RolloutCommand"]
        listed = await self.api.get(kind.path("v1alpha1", namespace))
        name = listed["items"][-1]["metadata"]["name"]
        status = {"result": result, "message": message, "handledAt": f"{self.clock.now():%Y-%m-%dT%H:%M:%SZ}"}
        await self.api.patch(kind.path("v1alpha1", namespace, name, "status"), Patch.MERGE, {"status": status})


@asynccontextmanager
async def a_dashboard(objects: Iterable[Obj] = (), at: str = "127.0.0.1:0", **changes: Any) -> AsyncIterator[Dashboard]:
    """The dashboard over a Rollout in every phase and two moves, and `objects`. at: its address. changes: other settings."""
    clock = ManualClock(NOON)
    cluster = MemoryCluster.with_kinds("VirtualService", now=clock.now)
    cluster.seed(*definitions().values())
    cluster.seed({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": HOME}})
    cluster.seed(*rollouts(), *routes(), *policies(), *migrations(), *objects)
    cluster.tokens = {name: User(name=name, groups=("system:authenticated",)) for name in RIGHTS}
    rights = dict(RIGHTS)
    cluster.allows = lambda asked: asked.user == ADMIN or _may(asked, rights.get(asked.user.name, ()))
    api = DirectApi(cluster)
    cache = Cache(api, WATCHED)
    following = asyncio.create_task(cache.run())
    await cache.wait_synced(timedelta(seconds=30))
    settings = Settings(own_namespace=HOME, **{"api_tokens": True, **changes})
    try:
        async with AsyncExitStack() as stack:
            line = Line(
                api_app(
                    settings, stack, seen(api, cache, KubeRollouts(api, cache), stack, settings.own_namespace, clock)
                )
            )
            url = await stack.enter_async_context(served(line, at))
            yield Dashboard(url=url, cluster=cluster, cache=cache, clock=clock, line=line, rights=rights)
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)


def _may(asked: Asked, rights: Iterable[Right]) -> bool:
    wanted = (asked.verb, asked.resource.partition("/")[0], asked.namespace)
    return any(all(part in ("*", said) for part, said in zip(right, wanted, strict=True)) for right in rights)
