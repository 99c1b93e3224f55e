"""How do thousands of objects that say mostly the same keep what is equal only once?"""

from dataclasses import dataclass, field
from typing import cast

from adapters.kube.api import Obj
from adapters.kube.kinds import WORKLOAD_KINDS

# Kinds that come in thousands, and that nobody copies to change: in a deep copy, too, two equal parts would be one.
SHARED = frozenset(("Rollout", "Service", "EndpointSlice", "Pod", *WORKLOAD_KINDS))


@dataclass(slots=True)
class Sharing:
    """What the objects of one list said so far. To be dropped after the list: it costs more than one object saves.

    Of a page that is over only what it said more than once is remembered: what thousands have in common is not rare.
    """

    _once: dict[object, object] = field(default_factory=dict)
    _often: dict[object, object] = field(default_factory=dict)
    _before: dict[object, object] = field(default_factory=dict)  # often, on the page before

    def shared(self, kind: str, obj: Obj) -> Obj:
        """`obj`, its equal parts being those of the objects before; of a kind in SHARED only."""
        return cast("Obj", self._one(obj)) if kind in SHARED else obj

    def turned(self) -> None:
        """A page is over: forget what it said only once."""
        self._once, self._often, self._before = {}, {}, self._often

    def _one(self, value: object) -> object:
        """Parts are told apart by identity, which holds while they are known; so 1 is not True, and order counts."""
        match value:
            case str():
                return self._first(value, value)
            case dict():
                fields = {self._one(name): self._one(inside) for name, inside in value.items()}
                return self._first((dict, *(id(part) for pair in fields.items() for part in pair)), fields)
            case list():
                items = [self._one(inside) for inside in value]
                return self._first((list, *map(id, items)), items)
            case _:
                return value

    def _first(self, mark: object, value: object) -> object:
        """The first part with this mark: a whole holds its parts, so no mark of a known one means anything else."""
        for known in (self._often, self._before, self._once):
            if mark in known:
                return self._often.setdefault(mark, known[mark])
        return self._once.setdefault(mark, value)
