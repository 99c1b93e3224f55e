"""Which sources want the same object, and which of them may have it?

Known from what was read since the start; before a source was read, what it has applied counts as wanted by it.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from rollout.model.names import Key
from rollout.ports.specs import ObjectRef, Sources, Specs


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Contest:
    """An object that `other` wants too. holder: the one of all that may apply it."""

    ref: ObjectRef
    other: Key
    holder: Key


class Contests:
    """Who wants what, and who has it: whoever applies it already, else the oldest source, else the first by name."""

    def __init__(self, sources: Sources, specs: Specs) -> None:
        self._sources = sources
        self._specs = specs
        self._wanted: dict[Key, frozenset[ObjectRef]] = {}
        self._by: dict[ObjectRef, set[Key]] = {}
        self._told: dict[Key, tuple[Contest, ...]] = {}
        self._touched: set[Key] = set()

    def claim(self, source: Key, refs: Iterable[ObjectRef]) -> None:
        """The source wants exactly these from now on."""
        before, after = self._wanted.get(source), frozenset(refs)
        if after == before:
            return
        self._wanted[source] = after
        self._moved(source, before or frozenset(), after)

    def drop(self, source: Key) -> None:
        """The source wants nothing any more and is forgotten."""
        self._moved(source, self._wanted.pop(source, frozenset()), frozenset())
        self._told.pop(source, None)
        self._touched.discard(source)

    def others(self, ref: ObjectRef, source: Key) -> tuple[Key, ...]:
        """Who else wants the object, sorted."""
        return tuple(sorted(other for other in self._by.get(ref, ()) if other != source and self._lives(other)))

    def rival(self, ref: ObjectRef, source: Key) -> Key | None:
        """The other source that may have the object; None when `source` may."""
        owner = self._specs.owner(ref)
        if owner == source or (owner is None and not self._by.get(ref, set()) - {source}):
            return None
        holder = self._holder(ref)
        return holder if holder != source else None

    def of(self, source: Key) -> tuple[Contest, ...]:
        """What the source wants and others want or hold too, sorted."""
        return tuple(
            sorted(contest for ref in self._wanted.get(source, frozenset()) for contest in self._on(ref, source))
        )

    def tell(self, source: Key) -> tuple[Contest, ...]:
        """As `of`, and remember that the source's status says so."""
        self._told[source] = self.of(source)
        self._touched.discard(source)
        return self._told[source]

    def outdated(self) -> tuple[Key, ...]:
        """Sources whose status says of their contests what is no longer so, sorted; each is named once."""
        touched, self._touched = self._touched, set()
        return tuple(sorted(key for key in touched if self.of(key) != self._told.get(key, ())))

    def _on(self, ref: ObjectRef, source: Key) -> Iterable[Contest]:
        others = set(self.others(ref, source)) if len(self._by[ref]) > 1 else set()
        rival = self.rival(ref, source)
        if rival is not None:
            others.add(rival)
        return (Contest(ref=ref, other=other, holder=rival or source) for other in others)

    def _holder(self, ref: ObjectRef) -> Key | None:
        owner = self._specs.owner(ref)
        if owner is not None and ref in self._wanted.get(owner, (ref,)) and self._lives(owner):
            return owner
        found = (
            (stored.created, key) for key in self._by.get(ref, ()) if (stored := self._sources.get(key)) is not None
        )
        return min(found, default=(None, None))[1]

    def _lives(self, source: Key) -> bool:
        stored = self._sources.get(source)
        return stored is not None and not stored.deleting

    def _moved(self, source: Key, before: frozenset[ObjectRef], after: frozenset[ObjectRef]) -> None:
        for ref in before - after:
            self._by[ref].discard(source)
            if not self._by[ref]:
                del self._by[ref]
        for ref in after - before:
            self._by.setdefault(ref, set()).add(source)
        for ref in before ^ after:
            self._touched |= self._by.get(ref, set()) - {source}
        self._touched |= {key for key, said in self._told.items() if any(one.other == source for one in said)}
        self._touched.discard(source)
