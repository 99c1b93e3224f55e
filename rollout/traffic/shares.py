"""What share does each backend have in a pool, and which shares does a split ask for?

Pure arithmetic on `Pool`s. With T the sum of a pool's weights and O what belongs to backends that are none of this
service's ("others"), T - O is this service's own:

    O = 0    the canary gets `weight`, stable 100 - `weight`
    O > 0    T and every other weight stay; the canary gets weight*T/100, which must be whole and at most T - O,
             stable the rest; at weight 100 the canary gets all of T - O, which must not be 0

Numbers that already say the wanted shares are left as they are (9:1 is 10 %). No entry is ever made with weight 0.
Several entries of one name count together; where their sum has to change the first carries it and the rest get 0.
"""

from collections.abc import Collection, Iterable
from fractions import Fraction
from functools import lru_cache
from math import gcd

from rollout.model.actions import Split
from rollout.model.names import BackendName
from rollout.model.observation import Entry, Pool

NAMED_AT_MOST = 6  # weights that fit are listed up to this many, more are described


class SplitError(Exception):
    """The pool cannot carry the split exactly; the message names pool and numbers, and what would fit."""


def managed(
    pools: Iterable[Pool],
    stable: BackendName | None,
    canary: BackendName | None,
    idle: Collection[BackendName] = (),
) -> tuple[Pool, ...]:
    """The pools of one route object that a split moves, in the object's order.

    Those that name `stable`. Where none does (somebody took its entry out), those that name `canary` or an idle
    backend, so that a way back exists. All of them when `stable` is None (first deployment). () when none qualifies:
    a pool that names only the canary beside others that name stable, such as a tester's header route, is left alone.
    """
    pools = tuple(pools)
    if stable is None:
        return pools
    naming_stable = tuple(pool for pool in pools if pool.names(stable))
    if naming_stable:
        return naming_stable
    fallback = {*idle, *((canary,) if canary is not None else ())}
    return tuple(pool for pool in pools if any(pool.names(backend) for backend in fallback))


def managed_by(pools: Iterable[Pool], split: Split) -> tuple[Pool, ...]:
    """`managed` with the names that `split` holds: what is to be taken out needs a way back as well."""
    return managed(pools, split.stable, split.canary, (*split.idle, *split.gone))


def in_force(pools: Iterable[Pool], split: Split) -> bool:
    """Whether these pools of one route object already are as `split` asks, idle and gone backends included.

    False when no pool is managed and the canary is to get something; True when nothing is managed and it is to get
    nothing. A split that cannot be carried exactly is not in force.
    """
    moved = managed_by(pools, split)
    if not moved:
        return _percent_wanted(split) == 0
    try:
        return all(wanted(pool, split) == pool for pool in moved)
    except SplitError:
        return False


def seen(pools: Iterable[Pool], split: Split) -> tuple[Fraction, Fraction]:
    """The lowest and the highest percent (0-100) that the canary has over the managed pools; (0, 0) when none is.

    `split` says who stable and canary are; a pool that is exactly as it asks counts as `split.weight`.
    """
    percents = [canary_percent(pool, split) for pool in managed_by(pools, split)]
    return (min(percents), max(percents)) if percents else (Fraction(0), Fraction(0))


def canary_percent(pool: Pool, split: Split) -> Fraction:
    """The canary's share of the pool, 0-100, as the plan means it: 100 when it has all that is this service's.

    With other backends in the pool "all" can be reached below weight 100; then `split.weight` is the answer where it
    asks for just these numbers.
    """
    if split.canary is None or pool.total == 0:
        return Fraction(0)
    has, own = pool.weight_of(split.canary), _own(pool, split)
    if has * 100 == split.weight * pool.total:
        return Fraction(split.weight)
    is_all = has == own > 0 and split.stable is not None
    return Fraction(100) if is_all else Fraction(has * 100, pool.total)


def others(pools: Iterable[Pool], known: Collection[BackendName]) -> tuple[BackendName, ...]:
    """The backends with a weight above 0 that are not in `known`, sorted, each once."""
    found = {entry.backend for pool in pools for entry in pool.entries if entry.weight > 0}
    return tuple(sorted(found - set(known)))


def problem(pools: Iterable[Pool], split: Split) -> str:
    """Why these pools of one route object cannot carry `split`; "" when they can.

    Ask it for every weight of the plan before the first step: what it names is a hold, not a failure in the middle.
    """
    moved = managed_by(pools, split)
    if not moved and _percent_wanted(split) > 0:
        return _unmanaged(split)
    for pool in moved:
        try:
            wanted(pool, split)
        except SplitError as error:
            return str(error)
    return ""


@lru_cache(maxsize=1024)  # asked again at each look, for every weight that a plan has left
def wanted(pool: Pool, split: Split) -> Pool:
    """`pool`, which must be a managed one, as `split` asks for it; equal to `pool` when nothing is to change.

    New entries stand at the end. With stable None and weight 0 nothing changes: there is nowhere else to go.
    Raises SplitError.
    """
    if split.stable is None:
        return _first_deployment(pool, split)
    to_canary, to_stable = _targets(pool, split)
    keeps = {split.stable, split.canary}
    entries = tuple(entry for entry in pool.entries if entry.backend in keeps or entry.backend not in split.gone)
    for backend in split.idle:
        entries = entries if backend in keeps else _carrying(entries, backend, 0)
    entries = _carrying(entries, split.stable, to_stable)
    if split.canary is not None:
        entries = _carrying(entries, split.canary, to_canary)
    return Pool(name=pool.name, entries=entries)


def _first_deployment(pool: Pool, split: Split) -> Pool:
    if split.canary is None or split.weight == 0:
        return pool
    if split.weight != 100:
        raise SplitError(
            f"{pool.name}: {split.weight} % for {split.canary} leaves the rest to nobody; set stable first"
        )
    if not pool.entries:
        raise SplitError(f"{pool.name}: has no backend to copy for {split.canary}; write one entry into it")
    entries = tuple(entry for entry in pool.entries if entry.backend == split.canary or entry.backend not in split.gone)
    if 0 < pool.weight_of(split.canary) == pool.total:
        return Pool(name=pool.name, entries=entries)
    for backend in {entry.backend for entry in entries} - {split.canary}:
        entries = _carrying(entries, backend, 0)
    return Pool(name=pool.name, entries=_carrying(entries, split.canary, 100))


def _targets(pool: Pool, split: Split) -> tuple[int, int]:
    """Raw weights for canary and stable; raises SplitError."""
    total, own, percent = pool.total, _own(pool, split), _percent_wanted(split)
    if own < total:
        if own == 0 and percent > 0:
            raise SplitError(_nothing_own(pool, split))
        to_canary = own if percent == 100 else _share_beside_others(pool, split)
        return to_canary, own - to_canary
    has_canary = pool.weight_of(split.canary) if split.canary is not None else 0
    has_stable = pool.weight_of(split.stable) if split.stable is not None else 0
    if total > 0 and has_canary * 100 == percent * total and has_stable == total - has_canary:
        return has_canary, has_stable
    return percent, 100 - percent


def _share_beside_others(pool: Pool, split: Split) -> int:
    total, own, percent = pool.total, _own(pool, split), _percent_wanted(split)
    share = Fraction(percent * total, 100)
    if share.denominator == 1 and share <= own:
        return int(share)
    why = (
        f"{float(share):g} of {total} is not a whole number"
        if share.denominator > 1
        else f"only {own} of {total} is left"
    )
    keep = _kept_by_others(pool, split)
    raise SplitError(f"{pool.name}: {percent} % for {split.canary}: {why} while {keep} stays; {_fitting(total, own)}")


def _nothing_own(pool: Pool, split: Split) -> str:
    keep = _kept_by_others(pool, split)
    return f"{pool.name}: {keep} has all the weight; give {split.stable} a share, or leave the route out with `only`"


def _kept_by_others(pool: Pool, split: Split) -> str:
    known = _known(split)
    return ", ".join(f"{entry.backend} {entry.weight}" for entry in pool.entries if entry.backend not in known)


def _fitting(total: int, own: int) -> str:
    step = 100 // gcd(total, 100)
    highest = own * 100 // total // step * step
    fitting = [*range(step, min(highest, 99) + 1, step), 100]
    if len(fitting) <= NAMED_AT_MOST:
        return f"weights that fit: {', '.join(map(str, fitting))}"
    return f"weights that fit: 100 and multiples of {step} up to {fitting[-2]}"


def _carrying(entries: tuple[Entry, ...], backend: BackendName, weight: int) -> tuple[Entry, ...]:
    """`entries` in which those of `backend` add up to `weight`."""
    places = [place for place, entry in enumerate(entries) if entry.backend == backend]
    if sum(entries[place].weight for place in places) == weight:
        return entries
    if not places:
        return (*entries, Entry(backend=backend, weight=weight))
    aims = {place: weight if place == places[0] else 0 for place in places}
    return tuple(
        Entry(backend=backend, weight=aims[place]) if place in aims else entry for place, entry in enumerate(entries)
    )


def _own(pool: Pool, split: Split) -> int:
    known = _known(split)
    return sum(entry.weight for entry in pool.entries if entry.backend in known)


def _known(split: Split) -> frozenset[BackendName | None]:
    return frozenset((split.stable, split.canary, *split.idle, *split.gone))


def _percent_wanted(split: Split) -> int:
    return split.weight if split.canary is not None else 0


def _unmanaged(split: Split) -> str:
    if split.stable is None:
        return f"no route has a backend to copy for {split.canary}; write one with one entry"
    return f"no route names {split.stable}; write an entry for it"
