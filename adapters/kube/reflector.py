"""How does the cache follow one kind: list in pages, watch on from there, list again when the server forgot?"""

import asyncio
import random
import time
from collections.abc import AsyncGenerator, Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from adapters.kube.api import KubeApi, Obj
from adapters.kube.discovery import Discovery
from adapters.kube.kinds import Kind
from adapters.kube.sharing import Sharing
from adapters.kube.shelf import Shelf, at_of, version_of
from adapters.kube.slim import slim
from adapters.kube.undisturbed import undisturbed
from rollout.ports.errors import Expired, Forbidden, KindAbsent, PortError, Unreachable

_NO_OBJECTS = (KeyError, TypeError, ValueError, AttributeError)  # of what should be objects, and is something else


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How long things take. watch: what we ask the server for; silence: how much later a watch counts as dead.

    beat: so long after its last word a watch is dead that is known to get bookmarks. kube-apiserver sends one about
    every minute; half of another one is for a server that is slow.
    absent: how often a kind without CRD is looked for; jitter: a number from 0.0 to 1.0, so that replicas and kinds
    do not march in step; resumes: failed watches in a row before a new list.
    """

    watch: timedelta = timedelta(seconds=600)  # each that begins anew is a request: as long as client-go's longest
    silence: timedelta = timedelta(seconds=30)
    beat: timedelta = timedelta(seconds=90)
    absent: timedelta = timedelta(seconds=30)
    first_delay: timedelta = timedelta(milliseconds=500)
    longest_delay: timedelta = timedelta(seconds=30)
    page: int = 500
    resumes: int = 5
    jitter: Callable[[], float] = random.random

    def spread(self, about: timedelta) -> float:
        """Seconds around `about`, 20 % up or down."""
        return about.total_seconds() * (0.8 + 0.4 * self.jitter())

    def delay(self, failures: int, error: PortError) -> float:
        """Seconds to wait after so many failures in a row: doubled each time, or what the server asked for."""
        grown = min(self.longest_delay, self.first_delay * (1 << min(failures - 1, 10)))
        asked = error.retry_after or timedelta(0)
        return max(grown.total_seconds() * (0.5 + 0.5 * self.jitter()), asked.total_seconds())


class Reflector:
    """Keeps a Shelf like the server's objects of one kind, of all namespaces or of one.

    served: whether the server knows the kind; is_left_out: whether we never ask. settled: set once the kind was listed, or found absent.
    problem: what hinders following at present, "" for nothing. heard_at: when the server last said anything about the
    kind, in seconds of the monotonic clock; None while it is not followed.
    """

    def __init__(
        self, api: KubeApi, kind: Kind, shelf: Shelf, discovery: Discovery, *, namespace: str = "", pace: Pace
    ) -> None:
        self.kind = kind
        self.shelf = shelf
        self.version = kind.versions[0]
        self.served = False
        self.settled = asyncio.Event()
        self.problem = ""
        self.heard_at: float | None = None
        self._api = api
        self._discovery = discovery
        self._namespace = namespace
        self._pace = pace
        self._failures = 0
        self._beats = False  # a server that has just started sends no bookmarks of kinds that do not change
        self._listing = asyncio.Lock()
        self._appeared = asyncio.Event()
        self.is_left_out = False
        self._turns = asyncio.Semaphore()

    def take_turns(self, turns: asyncio.Semaphore) -> None:
        """Read a page only while one of these is free: pages are the most memory that a start needs."""
        self._turns = turns

    def leave_out(self) -> None:
        """Count the kind as absent, and never ask for it."""
        self.is_left_out = True
        self._set_absent()

    async def run(self) -> None:
        """Follow the kind until cancelled."""
        while not self.is_left_out:
            try:
                await self._relist()
                await self._follow()
            except PortError as error:
                if isinstance(error, KindAbsent) and not self.served:
                    await self._wait_for_kind()
                else:
                    await self._back_off(error)

    async def refresh(self) -> None:
        """Return once a consistent list that began after this call is on the shelf; raises PortError."""
        if self.is_left_out:
            return
        async with self._listing:
            try:
                objects, revision = await self._list()
            except KindAbsent:
                self._set_absent()
                return
            if revision >= self.shelf.revision:  # else the watch has overtaken the pages meanwhile
                self.shelf.replaced(objects, revision)
            self._set_served()

    async def _relist(self) -> None:
        async with self._listing:
            try:
                objects, revision = await self._list()
            except KindAbsent:
                self._set_absent()
                raise
            self.shelf.replaced(objects, revision)
            self._set_served()
        self._failures = min(self._failures, 1)  # not 0: a list that only the watch finds too old is no progress

    async def _list(self) -> tuple[list[Obj], int]:
        for version in await self._versions():
            try:
                found = await self._pages(version)
            except KindAbsent:
                continue
            except Forbidden as error:
                if not self.kind.only:
                    raise
                raise KindAbsent(str(error)) from error
            self.version = version
            return found
        raise KindAbsent(f"the API server serves no {self.kind.plural}.{self.kind.group}")

    async def _versions(self) -> tuple[str, ...]:
        """Versions to try. That a kind is absent is believed only when its own path says so.

        A server that has just started may list its groups before it knows all CRDs, while their paths answer 503 then.
        Once a kind is known to be absent, `/apis` alone is asked whether it has come.
        """
        offered = await self._discovery.candidates(self.kind)
        if self.settled.is_set() and not self.served:
            return offered
        return tuple(dict.fromkeys((*offered, self.version, *self.kind.versions)))

    async def _pages(self, version: str) -> tuple[list[Obj], int]:
        """One consistent list in pages; whole when the server forgets the pages while we read them."""
        path = self.kind.path(version, self._namespace)
        try:
            return await self._paged(path, version, {**self._chosen(), "limit": str(self._pace.page)})
        except Expired:
            return await self._paged(path, version, self._chosen())

    def _chosen(self) -> dict[str, str]:
        return {"fieldSelector": f"metadata.name={self.kind.only}"} if self.kind.only else {}

    async def _paged(self, path: str, version: str, query: dict[str, str]) -> tuple[list[Obj], int]:
        objects: list[Obj] = []
        sharing = Sharing()
        token = ""
        while True:
            async with self._turns:
                page = await self._api.get(path, {**query, "continue": token} if token else query)
                try:
                    with undisturbed():
                        objects.extend(
                            self._listed(item, version, sharing) for item in _taken(page.pop("items", None) or [])
                        )
                    token, revision = str(page["metadata"].get("continue") or ""), page["metadata"]["resourceVersion"]
                    if not token:
                        return objects, int(revision)
                except _NO_OBJECTS as error:
                    raise Unreachable(f"{path}: the list cannot be read: {error!r}; listing again") from error
                sharing.turned()

    def _listed(self, item: Obj, version: str, sharing: Sharing) -> Obj:
        """What is kept of a listed object; the one that is there already, where nothing has changed."""
        kept = self._kept(item, version)
        known = self.shelf.watched.get(at_of(kept))
        return known if known == kept else sharing.shared(self.kind.name, kept)

    async def _follow(self) -> None:
        """Watch, and watch again where the last one ended, until a new list is needed."""
        while self._failures < self._pace.resumes:
            try:
                await self._watch()
                self._failures = 0
            except Unreachable as error:
                await self._back_off(error)

    async def _watch(self) -> None:
        seconds = self._pace.spread(self._pace.watch)
        query = {
            **self._chosen(),
            "resourceVersion": str(self.shelf.revision),
            "allowWatchBookmarks": "true",
            "timeoutSeconds": str(max(1, round(seconds))),
        }
        path = self.kind.path(self.version, self._namespace)
        events = self._api.watch(path, query)
        longest = seconds + self._pace.silence.total_seconds()
        began = time.monotonic()
        heard = False
        try:
            while True:
                deadline = self._pace.beat.total_seconds() if self._beats else longest
                try:
                    async with asyncio.timeout(deadline):
                        event = await anext(events)
                except StopAsyncIteration:
                    break
                heard = True
                self._take(event)
        except TimeoutError as error:
            self._beats = heard  # of a watch that got none at all more are not expected either
            raise Unreachable(f"{path}: the watch said nothing for {deadline:.0f} s; watching again") from error
        finally:
            if isinstance(events, AsyncGenerator):
                await events.aclose()
        if not heard and time.monotonic() - began < 1:
            raise Unreachable(f"{path}: the watch ended at once without an event; watching again")
        self.heard_at = time.monotonic()

    def _take(self, event: dict[str, Any]) -> None:
        try:
            kind, obj = event["type"], event["object"]
            if kind == "BOOKMARK":
                version, kept = int(obj["metadata"]["resourceVersion"]), None
            else:
                version, kept = 0, self._kept(obj, self.version)
        except _NO_OBJECTS as error:
            raise Unreachable(f"{self.kind.plural}: an event cannot be read: {error!r}; watching again") from error
        self._failures = 0
        self.problem = ""
        self.heard_at = time.monotonic()
        if kept is None:
            self._beats = True
            self.shelf.passed(version)
        else:
            self.shelf.changed(kept, deleted=kind == "DELETED")

    def _kept(self, item: Obj, version: str) -> Obj:
        """What is kept of an object; raises one of _NO_OBJECTS where it has no place or version."""
        # Items of a built-in kind's list come without apiVersion and kind.
        kept = slim(self.kind.name, {"apiVersion": self.kind.api_version(version), "kind": self.kind.name, **item})
        if not all(isinstance(part, str) for part in at_of(kept)) or version_of(kept) < 0:
            raise ValueError("an object without name or version")
        return kept

    def _set_served(self) -> None:
        self.served = True
        self.problem = ""
        self.heard_at = time.monotonic()
        self.settled.set()
        self._appeared.set()

    def _set_absent(self) -> None:
        self.served = False
        self.problem = ""
        self.heard_at = None
        self.shelf.replaced((), self.shelf.revision)
        self.settled.set()
        self._appeared.clear()

    async def _wait_for_kind(self) -> None:
        """Until the next look for the CRD is due, or a refresh has found it."""
        try:
            async with asyncio.timeout(self._pace.spread(self._pace.absent)):
                await self._appeared.wait()
        except TimeoutError:
            return

    async def _back_off(self, error: PortError) -> None:
        self._failures += 1
        self.problem = str(error)
        await asyncio.sleep(self._pace.delay(self._failures, error))


def _taken(items: list[Obj]) -> Iterator[Obj]:
    """One after the other, so that what was read of each is forgotten before the next is kept."""
    items.reverse()
    while items:
        yield items.pop()
