"""What is known of the objects of one kind: watched ones, and our own writes that the watch has not shown yet?"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from adapters.kube.api import Obj

At = tuple[str, str]  # namespace ("" for cluster scope) and name
Index = Callable[[Obj], Iterable[str]]
Tell = Callable[[str, Obj | None, Obj | None], None]  # kind, old and new object as watched; None where there is none
NAMESPACE = "namespace"  # the index that every kind has


def at_of(obj: Obj) -> At:
    """Namespace and name of an object."""
    return obj["metadata"].get("namespace", ""), obj["metadata"]["name"]


def version_of(obj: Obj) -> int:
    """The resourceVersion as a number; 0 when there is none. Within one resource, larger is newer (KEP-5504)."""
    return int(obj["metadata"].get("resourceVersion") or 0)


@dataclass(slots=True, kw_only=True)
class Shelf:
    """Objects of one kind by place and by index.

    revision: everything up to this resourceVersion has been shown to us. `newest` is the watched object, or our own
    write where that is newer; indexes and lists follow `newest`, subscribers hear of what was watched.
    """

    kind: str
    indexes: Mapping[str, Index]
    tell: Tell
    revision: int = 0
    watched: dict[At, Obj] = field(default_factory=dict)
    _own: dict[At, Obj] = field(default_factory=dict)
    _by: dict[str, dict[str, "At | set[At]"]] = field(default_factory=dict)  # most values have one place: no set for it

    def newest(self, at: At) -> Obj | None:
        """The newest known object at a place."""
        return self._own.get(at) or self.watched.get(at)

    def all(self) -> list[Obj]:
        """Every newest object, by namespace and name."""
        return self._at(self.watched.keys() | self._own.keys())

    def indexed(self, index: str, value: str) -> list[Obj]:
        """The newest objects with this value in this index, by namespace and name."""
        if index != NAMESPACE and index not in self.indexes:
            raise KeyError(f"{self.kind} has no index {index!r}, only: {', '.join((NAMESPACE, *self.indexes))}")
        held = self._by.get(index, {}).get(value, set())
        return self._at(held if isinstance(held, set) else {held})

    def wrote(self, obj: Obj) -> None:
        """Remember what the server answered to a write of ours, until the watch has come that far."""
        at = at_of(obj)
        known = self.newest(at)
        if version_of(obj) <= self.revision or (known is not None and version_of(known) >= version_of(obj)):
            return
        self._own[at] = obj
        self._index(at, known, obj)

    def replaced(self, objects: Iterable[Obj], revision: int) -> None:
        """Take over a whole list as of `revision`, then tell every difference, deletions included."""
        before, places = self.watched, {at: at for at in self.watched}
        shown = {at: self.newest(at) for at in before.keys() | self._own.keys()}
        listed = ((at_of(obj), obj) for obj in objects)
        self.watched = {places.get(at, at): obj for at, obj in listed}
        if revision < self.revision:  # the server lost history (restored from a backup): our writes are lost too
            self._own.clear()
        self.revision = revision
        self._own = {at: obj for at, obj in self._own.items() if version_of(obj) > revision}
        for at in (*self.watched, *(at for at in shown if at not in self.watched)):
            self._index(at, shown.get(at), self.newest(at))
        for at in sorted(before.keys() | self.watched.keys()):
            old, new = before.get(at), self.watched.get(at)
            if old is None or new is None or version_of(old) != version_of(new):
                self.tell(self.kind, old, new)

    def changed(self, obj: Obj, *, deleted: bool) -> None:
        """Take over one watch event; one that a newer list has already told is ignored."""
        if version_of(obj) <= self.revision:
            return
        at = at_of(obj)
        shown, old = self.newest(at), self.watched.pop(at, None)
        if not deleted:
            self.watched[at] = obj
        self._index(at, shown, self.newest(at))
        self.passed(version_of(obj))
        if old is not None or not deleted:
            self.tell(self.kind, old, None if deleted else obj)

    def passed(self, revision: int) -> None:
        """Everything up to `revision` was shown (a bookmark)."""
        self.revision = max(self.revision, revision)
        self._forget_shown()

    def _forget_shown(self) -> None:
        for at in [at for at, obj in self._own.items() if version_of(obj) <= self.revision]:
            self._index(at, self._own.pop(at), self.watched.get(at))

    def _at(self, places: set[At]) -> list[Obj]:
        found = (self.newest(at) for at in sorted(places))
        return [obj for obj in found if obj is not None]

    def _index(self, at: At, old: Obj | None, new: Obj | None) -> None:
        """Find the place by what its object says now, no longer by what it said."""
        if new is old:
            return
        before, after = self._entries(old), self._entries(new)
        for index, value in before - after:
            _drop(self._by[index], value, at)
        for index, value in after - before:
            _put(self._by.setdefault(index, {}), value, at)

    def _entries(self, obj: Obj | None) -> set[tuple[str, str]]:
        if obj is None:
            return set()
        values = {(name, value) for name, index in self.indexes.items() for value in index(obj)}
        return {*values, (NAMESPACE, at_of(obj)[0])}


def _put(places: dict[str, "At | set[At]"], value: str, at: At) -> None:
    held = places.get(value)
    if isinstance(held, set):
        held.add(at)
    else:
        places[value] = at if held is None or held == at else {held, at}


def _drop(places: dict[str, "At | set[At]"], value: str, at: At) -> None:
    held = places.get(value)
    if isinstance(held, set):
        held.discard(at)
    if held in (at, set()):
        del places[value]
