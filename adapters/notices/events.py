"""How do people read of a Rollout's reasons with kubectl? As Kubernetes Events.

They are written beside the ticks, one after the other: a tick does not wait for an API server to take its news, and where
hundreds move at once a word has to wait for its turn among their writes. What waits when the process is killed is lost.
"""

import asyncio
from collections import Counter, OrderedDict, deque
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from adapters.kube.api import KubeApi, Patch
from adapters.kube.kinds import KINDS
from rollout.model.status import Reason
from rollout.ports.clock import Clock
from rollout.ports.errors import NotFound, PortError
from rollout.ports.notices import About

CONTROLLER = "rollout.dev/controller"
_SAME_WITHIN = timedelta(minutes=10)  # a repetition later than this is news again
_COUNT_EVERY = timedelta(minutes=1)  # how often the count of a repeated one is written
_KEPT = 4096  # remembered Events; the least recently told is forgotten first, and would be told anew
WAITING = 10_000  # that the API server did not take yet; the oldest is dropped first
_NOTE_BYTES = 1024  # limit of the events.k8s.io/v1 API
_KIND = KINDS["Event"]


@dataclass(slots=True, kw_only=True)
class _Told:
    """An Event that exists. count: how often it was told, of which `written` are in the object."""

    name: str
    first: datetime
    count: int
    written_at: datetime


def _random_suffix() -> str:
    return uuid4().hex[:16]


class EventNotices:
    """`Notices` as Events in the object's namespace; equal ones within 10 min are one, with a count.

    turn: held while the API server is written to. results: how many tellings were `created`, `counted`, `failed` or
    `dropped`; a failure is never raised.
    """

    def __init__(
        self,
        api: KubeApi,
        clock: Clock,
        *,
        instance: str,
        suffix: Callable[[], str] = _random_suffix,
        kept: int = _KEPT,
        turn: Callable[[], AbstractAsyncContextManager[None]] = nullcontext,
    ) -> None:
        self.results: Counter[str] = Counter()
        self.problem = ""
        self._api = api
        self._clock = clock
        self._instance = instance[:128]  # limit of reportingInstance
        self._suffix = suffix
        self._kept, self._turn = kept, turn
        self._told: OrderedDict[tuple[str, Reason], _Told] = OrderedDict()
        self._waiting: deque[tuple[About, Reason, datetime]] = deque()
        self._teller: asyncio.Task[None] | None = None

    async def tell(self, about: About, reason: Reason) -> None:
        """Have one Event for a new reason, soon; a repeated one is counted in it, at most once a minute."""
        if len(self._waiting) == WAITING:
            self._waiting.popleft()
            self.results["dropped"] += 1
        self._waiting.append((about, reason, self._clock.now()))
        if self._teller is None:
            self._teller = asyncio.create_task(self._tell_all())

    async def told(self) -> None:
        """Return once the API server was told of everything, or refused it."""
        if self._teller is not None:
            await asyncio.shield(self._teller)

    async def close(self) -> None:
        """Tell nothing more."""
        if self._teller is not None:
            self._teller.cancel()
            await asyncio.gather(self._teller, return_exceptions=True)

    async def _tell_all(self) -> None:
        try:
            while self._waiting:
                async with self._turn():
                    await self._tell(*self._waiting.popleft())
        finally:
            self._teller = None

    async def _tell(self, about: About, reason: Reason, now: datetime) -> None:
        told = self._told.get((about.uid, reason))
        try:
            if told is None or now - told.first >= _SAME_WITHIN:
                await self._create(about, reason, now)
            else:
                await self._count(about, reason, told, now)
        except PortError as error:
            self.results["failed"] += 1
            self.problem = str(error)

    async def _create(self, about: About, reason: Reason, now: datetime) -> None:
        name = f"{about.key.name[:200]}.{self._suffix()}"
        # Remembered before it is there: a server that refuses is not asked again for each repetition.
        self._remember((about.uid, reason), _Told(name=name, first=now, count=1, written_at=now))
        await self._api.create(_KIND.path("v1", _place(about)), self._event(name, about, reason, now))
        self.results["created"] += 1

    async def _count(self, about: About, reason: Reason, told: _Told, now: datetime) -> None:
        told.count += 1
        self._told.move_to_end((about.uid, reason))
        self.results["counted"] += 1
        if now - told.written_at < _COUNT_EVERY:
            return
        told.written_at = now
        series = {"series": {"count": told.count, "lastObservedTime": _micro(now)}}
        try:
            await self._api.patch(_KIND.path("v1", _place(about), told.name), Patch.MERGE, series)
        except NotFound:
            await self._create(about, reason, now)  # it never came to be, or its time (an hour by default) is over

    def _remember(self, what: tuple[str, Reason], told: _Told) -> None:
        self._told[what] = told
        self._told.move_to_end(what)
        while len(self._told) > self._kept:
            self._told.popitem(last=False)

    def _event(self, name: str, about: About, reason: Reason, now: datetime) -> dict[str, Any]:
        return {
            "apiVersion": "events.k8s.io/v1",
            "kind": "Event",
            "metadata": {"name": name, "namespace": _place(about), "annotations": _annotations(about)},
            "eventTime": _micro(now),
            "reportingController": CONTROLLER,
            "reportingInstance": self._instance,
            "action": about.state,
            "reason": reason.code,
            "type": "Warning" if reason.warning else "Normal",
            "note": _cut(reason.message),
            "regarding": _reference(about),
        }


def _place(about: About) -> str:
    """Where the Event is; what is about an object of the whole cluster is in `default` (events.k8s.io/v1 asks for it)."""
    return about.key.namespace or "default"


def _reference(about: About) -> dict[str, str]:
    return {
        "apiVersion": "rollout.dev/v1alpha1",
        "kind": about.kind,
        **({"namespace": about.key.namespace} if about.key.namespace else {}),
        "name": about.key.name,
        "uid": about.uid,
        "resourceVersion": about.version,
    }


def _annotations(about: About) -> dict[str, str]:
    return {"rollout.dev/phase": about.state} | {f"rollout.dev/{name}": text for name, text in about.details.items()}


def _cut(text: str) -> str:
    data = text.encode()
    return text if len(data) <= _NOTE_BYTES else data[: _NOTE_BYTES - 4].decode(errors="ignore") + "..."


def _micro(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
