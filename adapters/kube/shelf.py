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
    _newest: dict[At, Obj] = field(default_factory=dict)
    _own: dict[At, Obj] = field(default_factory=dict)
    _by: dict[tuple[str, str], set[At]] = field(default_factory=dict)

    def newest(self, at: At) -> Obj | None:
        """The newest known object at a place."""
        return self._newest.get(at)

    def all(self) -> list[Obj]:
        """Every newest object, by namespace and name."""
        return [self._newest[at] for at in sorted(self._newest)]

    def indexed(self, index: str, value: str) -> list[Obj]:
        """The newest objects with this value in this index, by namespace and name."""
        if index != NAMESPACE and index not in self.indexes:
            raise KeyError(f"{self.kind} has no index {index!r}, only: {', '.join((NAMESPACE, *self.indexes))}")
        return [self._newest[at] for at in sorted(self._by.get((index, value), ()))]

    def wrote(self, obj: Obj) -> None:
        """Remember what the server answered to a write of ours, until the watch has come that far."""
        at = at_of(obj)
        known = self._newest.get(at)
        if version_of(obj) <= self.revision or (known is not None and version_of(known) >= version_of(obj)):
            return
        self._own[at] = obj
        self._show(at)

    def replaced(self, objects: Iterable[Obj], revision: int) -> None:
        """Take over a whole list as of `revision`, then tell every difference, deletions included."""
        before, self.watched = self.watched, {at_of(obj): obj for obj in objects}
        if revision < self.revision:  # the server lost history (restored from a backup): our writes are lost too
            self._own.clear()
        self.revision = revision
        self._forget_shown()
        for at in before.keys() | self.watched.keys() | self._newest.keys():
            self._show(at)
        for at in sorted(before.keys() | self.watched.keys()):
            old, new = before.get(at), self.watched.get(at)
            if old is None or new is None or version_of(old) != version_of(new):
                self.tell(self.kind, old, new)

    def changed(self, obj: Obj, *, deleted: bool) -> None:
        """Take over one watch event; one that a newer list has already told is ignored."""
        if version_of(obj) <= self.revision:
            return
        at = at_of(obj)
        old = self.watched.pop(at, None)
        if not deleted:
            self.watched[at] = obj
        self.passed(version_of(obj))
        self._show(at)
        if old is not None or not deleted:
            self.tell(self.kind, old, None if deleted else obj)

    def passed(self, revision: int) -> None:
        """Everything up to `revision` was shown (a bookmark)."""
        self.revision = max(self.revision, revision)
        self._forget_shown()

    def _forget_shown(self) -> None:
        for at in [at for at, obj in self._own.items() if version_of(obj) <= self.revision]:
            del self._own[at]
            self._show(at)

    def _show(self, at: At) -> None:
        old = self._newest.pop(at, None)
        new = self._own.get(at) or self.watched.get(at)
        if new is not None:
            self._newest[at] = new
        if new is old:
            return
        for entry in self._entries(old):
            self._by[entry].discard(at)
            if not self._by[entry]:
                del self._by[entry]
        for entry in self._entries(new):
            self._by.setdefault(entry, set()).add(at)

    def _entries(self, obj: Obj | None) -> set[tuple[str, str]]:
        if obj is None:
            return set()
        values = {(name, value) for name, index in self.indexes.items() for value in index(obj)}
        return {*values, (NAMESPACE, at_of(obj)[0])}
