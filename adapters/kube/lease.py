"""Which replica is the active one, and until when may it write?

A Lease object says who holds it. Nobody's wall clock is trusted: a candidate measures on its own monotonic clock how
long the record has not changed, the holder how long ago it began its last successful renewal. With 15 s to the one and
10 s to the other there are 5 s in which nobody may write.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from adapters.kube.api import KubeApi, Obj, Patch
from adapters.kube.kinds import KINDS
from rollout.ports.clock import Clock
from rollout.ports.errors import NotFound, PortError

_KIND = KINDS["Lease"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """Spans of the election (those of client-go), and the clock they are measured with.

    duration: unchanged for so long, a lease may be taken; renew_within: not renewed for so long, it is lost;
    retry: between two attempts; request: for one request. monotonic: seconds; sleep: waits for seconds.
    """

    duration: timedelta = timedelta(seconds=15)
    renew_within: timedelta = timedelta(seconds=10)
    retry: timedelta = timedelta(seconds=2)
    request: timedelta = timedelta(seconds=3)
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    jitter: Callable[[], float] = random.random

    def pause(self) -> float:
        """Seconds until the next attempt, at most a fifth more than `retry`."""
        return self.retry.total_seconds() * (1 + 0.2 * self.jitter())


@dataclass(slots=True, kw_only=True)
class LeaseElector:
    """The `Lease` port on a Lease object. identity: unique to this process, never used again after it.

    problem: why the last attempt failed, "" when it did not. is_held: for metrics; a write asks `may_write`.
    """

    api: KubeApi
    clock: Clock
    namespace: str
    name: str
    identity: str
    timing: Timing = field(default_factory=Timing)
    problem: str = ""
    is_held: bool = False
    _renewed_at: float = 0.0
    _version: str = ""  # resourceVersion of our own last write; "" when it is not known
    _seen: str = ""  # resourceVersion of what another replica wrote last
    _seen_at: float = 0.0
    _renewing: asyncio.Task[None] | None = None
    _gone: asyncio.Event = field(default_factory=asyncio.Event)

    def may_write(self, within: timedelta) -> bool:
        """Whether a write that takes up to `within` would end before the renew deadline."""
        left = self._renewed_at + self.timing.renew_within.total_seconds() - self.timing.monotonic()
        return self.is_held and within.total_seconds() <= left

    async def acquire(self) -> None:
        """Return once this replica holds the lease; go on renewing it in the background."""
        while not await self._attempted(self._claim):
            await self.timing.sleep(self.timing.pause())
        self._gone.clear()
        self.is_held = True
        self._renewing = asyncio.create_task(self._renew(), name=f"renew lease {self.namespace}/{self.name}")

    async def lost(self) -> None:
        """Return when the lease is not held any more."""
        await self._gone.wait()

    async def release(self) -> None:
        """Give it up so that another replica need not wait; where that fails, it ends by itself."""
        was_held, self.is_held = self.is_held, False
        self._gone.set()
        if self._renewing is not None:
            self._renewing.cancel()
            with suppress(asyncio.CancelledError):
                await self._renewing
            self._renewing = None
        if was_held and not await self._attempted(self._give_up):
            await self._attempted(self._give_up)  # a renewal that was cut off may have been stored

    async def _renew(self) -> None:
        while self.is_held:
            left = self._renewed_at + self.timing.renew_within.total_seconds() - self.timing.monotonic()
            if left <= 0:
                break
            await self.timing.sleep(min(self.timing.pause(), left))
            await self._attempted(self._prolong)
        self.is_held = False
        self._gone.set()

    async def _attempted(self, attempt: Callable[[], Awaitable[bool]]) -> bool:
        """Whether the attempt succeeded within the time for requests; a failure is remembered, not raised."""
        began = self.timing.monotonic()
        try:
            async with asyncio.timeout(self.timing.request.total_seconds()):
                done = await attempt()
        except (PortError, TimeoutError) as error:
            self.problem = str(error) or f"lease {self.namespace}/{self.name}: no answer in {self.timing.request}"
            self._version = ""  # the write may have been stored all the same: read before the next one
            return False
        self.problem = ""
        if done:
            self._renewed_at = began
        return done

    async def _claim(self) -> bool:
        """Take the lease if it is free."""
        found = await self._read()
        if found is None:
            return await self._create()
        if not self._is_free(found):
            return False
        spec = found.get("spec") or {}
        changes = self._spec() | {"acquireTime": self._now()}
        if spec.get("holderIdentity") != self.identity:
            changes["leaseTransitions"] = int(spec.get("leaseTransitions") or 0) + 1
        await self._write(changes, found["metadata"]["resourceVersion"])
        return True

    async def _prolong(self) -> bool:
        """Renew the lease if it is still ours; notice if it is not."""
        if not self._version:
            found = await self._read()
            if found is None or (found.get("spec") or {}).get("holderIdentity") != self.identity:
                self.is_held = False
                return False
            self._version = found["metadata"]["resourceVersion"]
        await self._write(self._spec(), self._version)
        return True

    async def _give_up(self) -> bool:
        if not self._version:
            found = await self._read()
            if found is None or (found.get("spec") or {}).get("holderIdentity") != self.identity:
                return True
            self._version = found["metadata"]["resourceVersion"]
        await self._write({"holderIdentity": "", "leaseDurationSeconds": 1, "renewTime": self._now()}, self._version)
        return True

    def _is_free(self, found: Obj) -> bool:
        spec = found.get("spec") or {}
        if found["metadata"]["resourceVersion"] != self._seen:
            self._seen, self._seen_at = found["metadata"]["resourceVersion"], self.timing.monotonic()
        if spec.get("holderIdentity") in {None, "", self.identity}:
            return True
        duration = spec.get("leaseDurationSeconds") or self.timing.duration.total_seconds()
        return self.timing.monotonic() - self._seen_at >= duration

    async def _read(self) -> Obj | None:
        try:
            return await self.api.get(_KIND.path("v1", self.namespace, self.name))
        except NotFound:
            return None

    async def _create(self) -> bool:
        body = {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": self.name, "namespace": self.namespace},
            "spec": self._spec() | {"acquireTime": self._now(), "leaseTransitions": 0},
        }
        stored = await self.api.create(_KIND.path("v1", self.namespace), body)
        self._version = stored["metadata"]["resourceVersion"]
        return True

    async def _write(self, spec: Obj, version: str) -> None:
        path = _KIND.path("v1", self.namespace, self.name)
        body = {"metadata": {"resourceVersion": version}, "spec": spec}
        stored = await self.api.patch(path, Patch.MERGE, body)
        self._version = stored["metadata"]["resourceVersion"]

    def _spec(self) -> dict[str, Any]:
        return {
            "holderIdentity": self.identity,
            "leaseDurationSeconds": round(self.timing.duration.total_seconds()),
            "renewTime": self._now(),
        }

    def _now(self) -> str:
        """For people who look at the object; the election needs no more of it than that it changes."""
        return self.clock.now().strftime("%Y-%m-%dT%H:%M:%S.%fZ")
