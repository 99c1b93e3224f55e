"""What do the pools of a route object say, and how does the object look with another split?

`read` and `write` work on plain dicts, so that fields nobody here knows survive. `write` returns a copy in which
nothing differs but weights and the entries of this service's backends.
"""

from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from rollout.model.actions import Split
from rollout.model.observation import Entry, Pool
from rollout.model.rollout import RouteRef
from rollout.traffic.dialects import Dialect
from rollout.traffic.entries import Obj, backend_of, renamed
from rollout.traffic.shares import SplitError, canary_percent, in_force, managed_by, problem, wanted

Pointer = tuple[str | int, ...]  # where a list stands in the object


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What an object's pools say. missing_only: names in `only` that no route has. unreadable: "" or why not."""

    pools: tuple[Pool, ...] = ()
    missing_only: tuple[str, ...] = ()
    unreadable: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One weighted list of an object. own_name: the route's name, "" where it has none."""

    pointer: Pointer
    own_name: str
    entries: list[dict[str, Any]]

    @property
    def name(self) -> str:
        """The route's own name, or its path such as "http[0]"."""
        return self.own_name or _path_name(self.pointer)


def read(obj: Obj, ref: RouteRef, dialect: Dialect) -> Reading:
    """The pools that `ref.only` admits, in the object's order; an entry without a whole weight makes it unreadable."""
    found = tuple(places(obj, dialect))
    names = {place.own_name for place in found}
    missing = tuple(name for name in ref.only if name not in names)
    for place in found:
        why = _unreadable(place.entries, dialect)
        if why:
            return Reading(missing_only=missing, unreadable=f"{ref}: {place.name}: {why}")
    pools = tuple(_pool(place, obj, dialect) for place in found if _is_admitted(place, ref))
    return Reading(pools=pools, missing_only=missing)


def write(obj: Obj, ref: RouteRef, split: Split, dialect: Dialect) -> dict[str, Any]:
    """A copy of `obj` whose managed pools are as `split` asks; where they already are its parts are shared with `obj`.

    Raises SplitError when one of them cannot be so exactly, or none is managed and the canary is to get something.
    """
    reading = read(obj, ref, dialect)
    trouble = reading.unreadable or problem(reading.pools, split)
    if trouble:
        raise SplitError(trouble)
    if in_force(reading.pools, split):
        return dict(obj)  # as on most ticks: nothing is to be changed, so nothing needs a deep copy
    moved = managed_by(reading.pools, split)
    new: dict[str, Any] = deepcopy(dict(obj))
    for place in places(new, dialect):
        pool = _pool(place, obj, dialect)
        if _is_admitted(place, ref) and pool in moved:
            target = wanted(pool, split)
            if target != pool:
                _check_folding(place, pool, target, split)
                place.entries[:] = _entries(place, pool, target, _model(place, pool, split), obj, dialect)
    return new


def would_raise(obj: Obj, ref: RouteRef, split: Split, dialect: Dialect) -> bool:
    """Whether `split` gives the canary more than some managed pool of `obj` does; False where none can be read."""
    if split.canary is None or split.weight == 0:
        return False
    moved = managed_by(read(obj, ref, dialect).pools, split)
    return any(canary_percent(pool, split) < split.weight for pool in moved)


def places(obj: Obj, dialect: Dialect) -> Iterator[Place]:
    """Every weighted list of the object, by pool path and then in the object's order; a route without one has none."""
    for path in dialect.pools:
        yield from _descend(obj, path.split("."), (), "", dialect)


def _descend(here: object, names: Sequence[str], pointer: Pointer, own_name: str, dialect: Dialect) -> Iterator[Place]:
    if not names:
        if isinstance(here, list):
            yield Place(pointer=pointer, own_name=own_name, entries=here)
        return
    name = names[0].removesuffix("[]")
    child = here.get(name) if isinstance(here, Mapping) else None
    if name == names[0]:
        yield from _descend(child, names[1:], (*pointer, name), own_name, dialect)
        return
    for index, route in enumerate(child if isinstance(child, list) else ()):
        own = str(route.get(dialect.route_name) or "") if dialect.route_name and isinstance(route, Mapping) else ""
        yield from _descend(route, names[1:], (*pointer, name, index), own, dialect)


def _path_name(pointer: Pointer) -> str:
    """Such as "http[0]" for (spec, http, 0, route), "backends" for (spec, backends)."""
    match pointer:
        case (*_, str(routes), int(index), _):
            return f"{routes}[{index}]"
        case (*_, last):
            return str(last)
        case _:
            return ""


def _is_admitted(place: Place, ref: RouteRef) -> bool:
    return not ref.only or place.own_name in ref.only


def _namespace(obj: Obj) -> str:
    return str(obj.get("metadata", {}).get("namespace", ""))


def _unreadable(entries: Sequence[object], dialect: Dialect) -> str:
    """What is wrong with a list that a cluster without a schema let in; "" for nothing."""
    for entry in entries:
        if not isinstance(entry, Mapping):
            return f"{str(entry)[:60]!r} is no entry; write an object that names a destination"
        if _number(entry, dialect) is None:
            return f"weight {entry['weight']!r} is not a whole number of at least 0; write one"
    return ""


def _number(entry: Obj, dialect: Dialect) -> int | None:
    """The entry's own weight with its default; None when it is no whole number of at least 0."""
    match entry.get("weight", dialect.absent):
        case bool() | None:
            return None
        case int(number) if number >= 0:
            return number
        case float(number) if number >= 0 and number.is_integer():
            return int(number)
        case _:
            return None


def _pool(place: Place, obj: Obj, dialect: Dialect) -> Pool:
    is_alone = dialect.alone is not None and len(place.entries) == 1
    return Pool(
        name=place.name,
        entries=tuple(
            Entry(
                backend=backend_of(entry, _namespace(obj), dialect),
                weight=(dialect.alone or 0) if is_alone else (_number(entry, dialect) or 0),
            )
            for entry in place.entries
        ),
    )


def _entries(place: Place, pool: Pool, target: Pool, model: Obj, obj: Obj, dialect: Dialect) -> list[dict[str, Any]]:
    """The list at `place`, which says `pool`, as `target` has it: the kept ones in order, then copies of `model`."""
    names = {entry.backend for entry in target.entries}
    kept = [(raw, entry) for raw, entry in zip(place.entries, pool.entries, strict=True) if entry.backend in names]
    new = [raw for raw, _ in kept]
    for (raw, before), after in zip(kept, target.entries, strict=False):
        is_changed = before != after or _number(raw, dialect) != after.weight
        if is_changed and not (dialect.alone is not None and len(target.entries) == 1 and "weight" not in raw):
            raw["weight"] = after.weight
    new += [
        {**renamed(model, entry.backend, _namespace(obj), dialect), "weight": entry.weight}
        for entry in target.entries[len(kept) :]
    ]
    for entry in target.entries:
        if entry.weight > dialect.largest:
            raise SplitError(f"{pool.name}: weight {entry.weight} of {entry.backend} is over {dialect.largest}")
    return new


def _model(place: Place, pool: Pool, split: Split) -> dict[str, Any]:
    """The entry that a new one is a copy of: stable's, else the canary's or an idle one's, else the first."""
    for backend in (split.stable, split.canary, *split.idle):
        for raw, entry in zip(place.entries, pool.entries, strict=True):
            if entry.backend == backend:
                return deepcopy(raw)
    return deepcopy(place.entries[0])


def _check_folding(place: Place, pool: Pool, target: Pool, split: Split) -> None:
    """Refuse to raise the canary over entries of one name that lead to different places (ports, filters).

    One of them would have to carry the weight of all. On the way down nothing is refused: the first carries it.
    """
    if (
        split.canary is None
        or target.weight_of(split.canary) * pool.total <= pool.weight_of(split.canary) * target.total
    ):
        return
    for backend in (split.stable, split.canary):
        raws = [raw for raw, entry in zip(place.entries, pool.entries, strict=True) if entry.backend == backend]
        bare = [{name: value for name, value in raw.items() if name != "weight"} for raw in raws]
        if any(one != bare[0] for one in bare):
            text = f"{pool.name}: {len(raws)} entries name {backend} and differ in more than weight"
            raise SplitError(f"{text}; leave one of them, or put them into routes of their own")
