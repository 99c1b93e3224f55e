"""What is in the cluster, as last seen, without asking it?"""

import asyncio
import time
from collections.abc import Callable, Iterable
from datetime import timedelta

from adapters.kube.api import KubeApi, Obj
from adapters.kube.discovery import Discovery
from adapters.kube.indexes import INDEXES
from adapters.kube.kinds import KINDS, Kind
from adapters.kube.reflector import Pace, Reflector
from adapters.kube.shelf import NAMESPACE, Shelf
from adapters.kube.slim import slim
from rollout.ports.errors import Unreachable

PAGES_AT_ONCE = 4
Objects = list[Obj]
# kind, old and new object as watched; None where there is none
Subscriber = Callable[[str, Obj | None, Obj | None], None]


class Cache:
    """Watched objects of some kinds, of all namespaces or of one; reads make no request.

    without: names of kinds that are never asked for, as if the server did not serve them.
    `run` keeps it up to date and must be running. Objects are shared: nobody changes them.
    """

    def __init__(
        self,
        api: KubeApi,
        kinds: Iterable[Kind],
        namespace: str | None = None,
        *,
        without: Iterable[str] = (),
        pace: Pace | None = None,
    ) -> None:
        pace = pace or Pace()
        discovery = Discovery(api, pace.absent / 2)
        self._subscribers: list[Subscriber] = []
        self._reflectors = {
            kind.name: Reflector(
                api,
                kind,
                Shelf(kind=kind.name, indexes=INDEXES.get(kind.name, {}), tell=self._tell),
                discovery,
                namespace=namespace or "",
                pace=pace,
            )
            for kind in kinds
        }
        turns = asyncio.Semaphore(PAGES_AT_ONCE)
        for reflector in self._reflectors.values():
            reflector.take_turns(turns)
        for name in without:
            self._reflectors[name].leave_out()

    @property
    def kinds(self) -> tuple[str, ...]:
        """Names of the kinds that are followed."""
        return tuple(self._reflectors)

    def get(self, kind: str, namespace: str, name: str) -> Obj | None:
        """The newest known object, own writes included; None when there is none."""
        return self._shelf(kind).newest((namespace, name))

    def watched(self, kind: str, namespace: str, name: str) -> Obj | None:
        """The object as the watch has shown it, without own writes that were not read back yet."""
        return self._shelf(kind).watched.get((namespace, name))

    def list(self, kind: str, namespace: str | None = None) -> Objects:
        """All newest objects of a kind, of one namespace if given, by namespace and name."""
        shelf = self._shelf(kind)
        return shelf.all() if namespace is None else shelf.indexed(NAMESPACE, namespace)

    def indexed(self, kind: str, index: str, value: str) -> Objects:
        """Newest objects with this value in an index of `adapters.kube.indexes` (or in "namespace"), sorted."""
        return self._shelf(kind).indexed(index, value)

    def served(self, kind: str) -> bool:
        """Whether the API server knows the kind, as last seen."""
        return self._reflector(kind).served

    def is_left_out(self, kind: str) -> bool:
        """Whether a setting keeps us from asking for the kind at all."""
        return self._reflector(kind).is_left_out

    def path(self, kind: str, namespace: str, name: str = "", subresource: str = "") -> str:
        """The URL path of an object, or of the collection, in the version that is served."""
        return KINDS[kind].path(self._version(kind), namespace, name, subresource)

    def api_version(self, kind: str) -> str:
        """The apiVersion that is served and read, `group/version`."""
        return KINDS[kind].api_version(self._version(kind))

    def wrote(self, kind: str, obj: Obj) -> None:
        """Show what the server answered to a write of ours until the watch has come that far."""
        self._shelf(kind).wrote(slim(kind, obj))

    def subscribe(self, callback: Subscriber) -> None:
        """Call back on every watched change: kind, old, new; at once, in the event loop, so it must not wait."""
        self._subscribers.append(callback)

    async def run(self) -> None:
        """Follow all kinds until cancelled."""
        async with asyncio.TaskGroup() as group:
            for name, reflector in self._reflectors.items():
                group.create_task(reflector.run(), name=f"reflector {name}")

    def is_synced(self) -> bool:
        """Whether every kind was listed at least once, or found absent."""
        return all(reflector.settled.is_set() for reflector in self._reflectors.values())

    def problems(self) -> dict[str, str]:
        """What hinders following, by kind; empty when all is well."""
        return {name: reflector.problem for name, reflector in self._reflectors.items() if reflector.problem}

    def silences(self) -> dict[str, float]:
        """Seconds since the API server last said anything, by kind that is followed."""
        known = ((name, one.heard_at) for name, one in self._reflectors.items())
        return {name: time.monotonic() - heard_at for name, heard_at in known if heard_at is not None}

    async def wait_synced(self, within: timedelta) -> None:
        """Return once synced; Unreachable says which kinds are not, and why."""
        try:
            async with asyncio.timeout(within.total_seconds()):
                for reflector in self._reflectors.values():
                    await reflector.settled.wait()
        except TimeoutError as error:
            missing = [name for name, reflector in self._reflectors.items() if not reflector.settled.is_set()]
            why = next(iter(self.problems().values()), "the API server has not answered yet")
            raise Unreachable(f"not listed after {within}: {', '.join(missing)}: {why}") from error

    async def refresh(self, kinds: Iterable[str] | None = None) -> None:
        """Return once these kinds, all when None, were listed consistently after this call began.

        Raises the first PortError.
        """
        names = self._reflectors if kinds is None else kinds
        await asyncio.gather(*(self._reflector(name).refresh() for name in names))

    async def caught_up(self, version: str) -> None:
        """Return once everything up to this resourceVersion is shown: what has not come by watch is listed."""
        possible = (one for one in self._reflectors.values() if one.served or not one.settled.is_set())
        await asyncio.gather(*(one.refresh() for one in possible if one.shelf.revision < int(version)))

    def _tell(self, kind: str, old: Obj | None, new: Obj | None) -> None:
        for subscriber in self._subscribers:
            subscriber(kind, old, new)

    def _version(self, kind: str) -> str:
        reflector = self._reflectors.get(kind)
        return reflector.version if reflector else KINDS[kind].versions[0]

    def _reflector(self, kind: str) -> Reflector:
        reflector = self._reflectors.get(kind)
        if reflector is None:
            raise KeyError(f"{kind} is not watched by this cache, only: {', '.join(self._reflectors)}")
        return reflector

    def _shelf(self, kind: str) -> Shelf:
        return self._reflector(kind).shelf
