"""How does one look at one Rollout read the few objects that it is about, instead of all of its namespace?"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass

from adapters.kube.api import KubeApi, Obj
from adapters.kube.cache import Cache, Objects
from adapters.kube.kinds import Kind
from adapters.kube.slim import slim
from rollout.ports.errors import KindAbsent, NotFound
from rollout.ports.objects import Objects as Reads

_OF_SERVICE = "kubernetes.io/service-name"  # the label by which an API server finds EndpointSlices

_SERVICE = "service"  # the index of them that asks for it
_NAMESPACE_AT = {"target": 1}  # which part of an index' value it is; the first of all others


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class _Wish:
    """What was asked for and is not known yet. name: "" for a list; selector: of labels, "" for none."""

    kind: str
    namespace: str
    name: str = ""
    selector: str = ""


class Glance(Cache):
    """A cache that follows nothing: what is read of it for the first time is not there, and is fetched by `fulfil`.

    So whoever looks looks again, until nothing was missing any more: what he needs is told nowhere but in his reading.
    """

    def __init__(self, api: KubeApi, kinds: Iterable[Kind], objects: Reads) -> None:
        """objects: what fetches."""
        super().__init__(api, kinds)
        self._objects = objects
        self._wishes: set[_Wish] = set()
        self._granted: set[_Wish] = set()
        self._absent: set[str] = set()
        self._found: dict[str, dict[str, Obj]] = {}

    async def fulfil(self) -> bool:
        """Fetch what was missing, all at once; False when nothing was. Raises the first PortError."""
        wishes, self._wishes = sorted(self._wishes), set()
        answers = await asyncio.gather(*(self._fetched(wish) for wish in wishes))
        for wish, objects in zip(wishes, answers, strict=True):
            found = self._found.setdefault(wish.kind, {})
            found.update({f"{obj['metadata'].get('namespace', '')}/{obj['metadata']['name']}": obj for obj in objects})
            self._shelf(wish.kind).replaced(found.values(), 0)
        self._granted.update(wishes)
        return bool(wishes)

    def get(self, kind: str, namespace: str, name: str) -> Obj | None:
        """The object, once it was fetched."""
        self._wish(_Wish(kind=kind, namespace=namespace, name=name))
        return super().get(kind, namespace, name)

    def watched(self, kind: str, namespace: str, name: str) -> Obj | None:
        """As `get`: nothing is written here."""
        return self.get(kind, namespace, name)

    def list(self, kind: str, namespace: str | None = None) -> Objects:
        """All objects of a kind, once they were fetched."""
        self._wish(_Wish(kind=kind, namespace=namespace or ""))
        return super().list(kind, namespace)

    def indexed(self, kind: str, index: str, value: str) -> Objects:
        """As the cache, once they were fetched: of a Service its EndpointSlices alone, else all of the namespace."""
        parts = value.split("/")
        if index == _SERVICE:
            self._wish(_Wish(kind=kind, namespace=parts[0], selector=f"{_OF_SERVICE}={parts[1]}"))
        else:
            self._wish(_Wish(kind=kind, namespace=parts[_NAMESPACE_AT.get(index, 0)]))
        return super().indexed(kind, index, value)

    def served(self, kind: str) -> bool:
        """Whether the API server knows the kind, as far as it was asked; it does until it says no."""
        return kind not in self._absent

    def _wish(self, wish: _Wish) -> None:
        whole = _Wish(kind=wish.kind, namespace=wish.namespace)
        if not {wish, whole} & self._granted and wish.kind not in self._absent:
            self._wishes.add(wish)

    async def _fetched(self, wish: _Wish) -> tuple[Obj, ...]:
        try:
            if wish.name:
                found = [await self._objects.get(wish.kind, wish.namespace, wish.name)]
            else:
                found = [*await self._objects.list(wish.kind, wish.namespace, wish.selector)]
        except KindAbsent:
            self._absent.add(wish.kind)
            return ()
        except NotFound:
            return ()
        return tuple(slim(wish.kind, obj) for obj in found)
