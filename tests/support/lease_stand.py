"""How does a test of the lease election stand: several candidates, one Lease, time that passes, a wire that can be cut?"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from adapters.kube.api import KubeApi, Obj, Patch
from adapters.kube.lease import LeaseElector, Timing
from adapters.memory.cluster import DirectApi, MemoryCluster
from rollout.ports.errors import Unreachable
from tests.support.hours import Hours

NOW = timedelta(0)  # as the time that a write takes
NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


class Wall:
    """A wall clock that goes on with time, right or wrong."""

    def __init__(self, monotonic: Callable[[], float], start: datetime) -> None:
        self._monotonic = monotonic
        self._offset = start - timedelta(seconds=monotonic())

    def now(self) -> datetime:
        return self._offset + timedelta(seconds=self._monotonic())


class Wire:
    """A replica's way to the API server, which can be cut."""

    def __init__(self, api: KubeApi) -> None:
        self.api = api
        self.is_cut = False
        self.refused = 0

    def check(self) -> None:
        if self.is_cut:
            self.refused += 1
            raise Unreachable("the wire is cut")

    async def get(self, path: str, query: Mapping[str, str] | None = None) -> dict[str, Any]:
        self.check()
        return await self.api.get(path, query)

    async def create(self, path: str, body: Obj, query: Mapping[str, str] | None = None) -> dict[str, Any]:
        self.check()
        return await self.api.create(path, body, query)

    async def patch(
        self, path: str, kind: Patch, body: Obj | list[dict[str, Any]], query: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        self.check()
        return await self.api.patch(path, kind, body, query)

    async def delete(self, path: str, body: Obj | None = None) -> dict[str, Any]:
        self.check()
        return await self.api.delete(path, body)

    def watch(self, path: str, query: Mapping[str, str]) -> AsyncIterator[dict[str, Any]]:
        self.check()
        return self.api.watch(path, query)


@dataclass(kw_only=True)
class Stand:
    """One API server, one Lease on it, and time that can pass."""

    api: KubeApi
    timing: Timing
    passes: Callable[[float], Awaitable[None]]
    name: str = field(default_factory=lambda: f"lease-{uuid4().hex[:8]}")
    tasks: list[asyncio.Task[None]] = field(default_factory=list)
    electors: list[LeaseElector] = field(default_factory=list)

    @property
    def path(self) -> str:
        return f"/apis/coordination.k8s.io/v1/namespaces/default/leases/{self.name}"

    def candidate(self, identity: str, *, wall: datetime = NOON) -> LeaseElector:
        elector = LeaseElector(
            api=Wire(self.api),
            clock=Wall(self.timing.monotonic, wall),
            namespace="default",
            name=self.name,
            identity=identity,
            timing=self.timing,
        )
        self.electors.append(elector)
        self.tasks.append(asyncio.create_task(elector.acquire()))
        return elector

    async def holder(self, identity: str = "one") -> LeaseElector:
        elector = self.candidate(identity)
        await self.until(lambda: elector.may_write(NOW))
        return elector

    async def until(self, fact: Callable[[], bool]) -> None:
        for _ in range(400):
            if fact():
                return
            await self.passes(self.timing.retry.total_seconds() / 8)
        problems = {elector.identity: elector.problem for elector in self.electors}
        raise AssertionError(f"not so after 50 attempts' time: {problems}")

    async def spec(self) -> dict[str, Any]:
        found: dict[str, Any] = (await self.api.get(self.path))["spec"]
        return found

    async def end(self) -> None:
        for elector in self.electors:
            cut(elector, is_cut=False)
            await elector.release()
        for task in self.tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


def in_memory(cluster: MemoryCluster) -> Stand:
    hours = Hours()
    timing = Timing(monotonic=hours.monotonic, sleep=hours.sleep)
    return Stand(api=DirectApi(cluster), timing=timing, passes=hours.pass_)


def cut(elector: LeaseElector, *, is_cut: bool = True) -> None:
    wire(elector).is_cut = is_cut


def wire(elector: LeaseElector) -> Wire:
    assert isinstance(elector.api, Wire)
    return elector.api
