"""Does a user's route object survive a run, whatever it holds?"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from copy import deepcopy
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from adapters.memory.patches import json_patched
from rollout.model.actions import Split
from rollout.model.observation import Pool
from rollout.traffic.entries import backend_of, renamed
from rollout.traffic.patch import patch
from rollout.traffic.shares import SplitError, canary_percent, in_force, managed_by, others, problem
from rollout.traffic.weights import places, read, write
from tests.support.generated import V0, V1, V2, Case, case, cases, splits
from tests.support.objects import SAMPLES

PROMOTED = (
    *(Split(stable=V1, canary=V2, weight=weight) for weight in (0, 5, 25, 100)),
    Split(stable=V2, idle=(V1,)),
    Split(stable=V2, gone=(V1,)),
)
ROLLED_BACK = (
    *(Split(stable=V1, canary=V2, weight=weight) for weight in (0, 5, 25, 0)),
    Split(stable=V1, gone=(V2,)),
)
runs = st.sampled_from((PROMOTED, ROLLED_BACK))
Test = Callable[..., None]


NOT_JUDGED = (HealthCheck.too_slow, HealthCheck.filter_too_much)  # the machine may be busy; odd weights are refused


def over(*strategies: st.SearchStrategy[Any]) -> Callable[[Test], Test]:
    """`given`, without a limit of time: the machine may be busy."""

    def decorated(test: Test) -> Test:
        return settings(deadline=None, suppress_health_check=NOT_JUDGED)(given(*strategies)(test))

    return decorated


def _after(case: Case, steps: tuple[Split, ...]) -> dict[str, Any]:
    """The object after a run in which a split that cannot be exact is passed over, as a hold would."""
    obj = dict(case.obj)
    for split in steps:
        with suppress(SplitError):
            obj = write(obj, case.ref, split, case.dialect)
    return obj


def _pools(case: Case, obj: Mapping[str, Any]) -> tuple[Pool, ...]:
    return read(obj, case.ref, case.dialect).pools


def _is_ours(case: Case, entries: Sequence[Mapping[str, Any]]) -> bool:
    return any(backend_of(entry, "shop", case.dialect) in (V1, V2) for entry in entries)


def _without_ours(case: Case, obj: Mapping[str, Any]) -> dict[str, Any]:
    """The object with neither weights nor entries of v1 and v2 in the pools that named one of them at first, or do now."""
    bare = deepcopy(dict(obj))
    first = {place.pointer for place in places(case.obj, case.dialect) if _is_ours(case, place.entries)}
    for place in places(bare, case.dialect):
        names = [backend_of(entry, "shop", case.dialect) for entry in place.entries]
        if place.pointer in first or _is_ours(case, place.entries):
            place.entries[:] = [
                {key: value for key, value in entry.items() if key != "weight"}
                for entry, name in zip(place.entries, names, strict=True)
                if name not in (V1, V2)
            ]
    return bare


@pytest.mark.parametrize("name", sorted(SAMPLES))
@pytest.mark.parametrize("steps", [PROMOTED, ROLLED_BACK], ids=["promoted", "rolled back"])
def test_real_objects_keep_everything_but_weights_and_our_entries(name: str, steps: tuple[Split, ...]) -> None:
    one = case(SAMPLES[name]())

    after = _after(one, steps)

    assert _without_ours(one, after) == _without_ours(one, one.obj)


@over(cases(), runs)
def test_generated_objects_keep_everything_but_weights_and_our_entries(one: Case, steps: tuple[Split, ...]) -> None:
    after = _after(one, steps)

    assert _without_ours(one, after) == _without_ours(one, one.obj)


@pytest.mark.parametrize("name", sorted(SAMPLES))
def test_a_promoted_entry_is_the_former_ones_copy_under_another_name(name: str) -> None:
    one = case(SAMPLES[name]())

    after = _after(one, PROMOTED)

    for before, now in zip(places(one.obj, one.dialect), places(after, one.dialect), strict=True):
        was = [entry for entry in before.entries if backend_of(entry, "shop", one.dialect) == V1]
        copies = [{**renamed(entry, V2, "shop", one.dialect), "weight": 0} for entry in was]
        assert [{**entry, "weight": 0} for entry in now.entries if entry not in before.entries][: len(copies)] == copies


@over(cases())
def test_a_rollback_leaves_the_users_entries_where_they_were(one: Case) -> None:
    before = [place for place in places(one.obj, one.dialect) if not _names(one, place.entries, V2)]
    after = _after(one, ROLLED_BACK)

    now = {place.pointer: place.entries for place in places(after, one.dialect)}
    for place in before:
        assert [_bare(entry) for entry in now[place.pointer]] == [_bare(entry) for entry in place.entries]


def _names(one: Case, entries: list[dict[str, Any]], backend: object) -> bool:
    return any(backend_of(entry, "shop", one.dialect) == backend for entry in entries)


def _bare(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in entry.items() if key != "weight"}


@over(cases(), splits())
def test_writing_twice_is_writing_once(one: Case, split: Split) -> None:
    new = _written(one, split)

    assert write(new, one.ref, split, one.dialect) == new


@over(cases(), splits())
def test_what_was_written_is_in_force(one: Case, split: Split) -> None:
    new = _written(one, split)

    assert in_force(_pools(one, new), split)


@over(cases(), splits())
def test_the_canary_reads_back_as_wanted(one: Case, split: Split) -> None:
    new = _written(one, split)

    assume(split.stable is not None or split.weight == 100)
    percents = {canary_percent(pool, split) for pool in managed_by(_pools(one, new), split)}
    assert percents <= {Fraction(split.weight)}


@over(cases(), splits())
def test_other_backends_keep_their_exact_share(one: Case, split: Split) -> None:
    assume(split.stable is not None)
    new = _written(one, split)

    for before, after in zip(_pools(one, one.obj), _pools(one, new), strict=True):
        for name in others([before], {V0, V1, V2}):
            assert Fraction(after.weight_of(name), after.total) == Fraction(before.weight_of(name), before.total)


@over(cases(), splits())
def test_a_managed_pool_never_loses_its_last_entry(one: Case, split: Split) -> None:
    new = _written(one, split)

    assert all(
        after.entries or not before.entries
        for before, after in zip(_pools(one, one.obj), _pools(one, new), strict=True)
    )


@over(cases(), splits())
def test_a_pool_that_is_not_managed_stays_byte_for_byte(one: Case, split: Split) -> None:
    new = _written(one, split)

    moved = managed_by(_pools(one, one.obj), split)
    for before, after in zip(places(one.obj, one.dialect), places(new, one.dialect), strict=True):
        if before.name not in {pool.name for pool in moved}:
            assert after.entries == before.entries


@over(cases(), splits())
def test_the_patch_turns_the_old_object_into_the_new_one(one: Case, split: Split) -> None:
    new = _written(one, split)

    assert json_patched(one.obj, patch(one.obj, new, one.dialect)) == new


@over(cases(), splits())
def test_the_patch_never_carries_a_list(one: Case, split: Split) -> None:
    new = _written(one, split)

    changes = [operation for operation in patch(one.obj, new, one.dialect) if operation["op"] != "test"]
    assert not any(isinstance(operation.get("value"), list) for operation in changes)


@over(cases(), splits())
def test_the_original_is_never_changed(one: Case, split: Split) -> None:
    before = deepcopy(one.obj)

    _written(one, split)

    assert one.obj == before


@over(cases(), splits())
def test_lowering_to_zero_is_never_refused(one: Case, split: Split) -> None:
    assume(split.stable is not None)
    down = Split(stable=split.stable, canary=V2, weight=0, idle=(V0,))

    new = write(one.obj, one.ref, down, one.dialect)

    assert all(pool.weight_of(V2) == 0 for pool in managed_by(_pools(one, new), down))


@over(cases(), splits())
def test_what_the_pools_have_against_a_split_is_what_the_write_says(one: Case, split: Split) -> None:
    trouble = problem(_pools(one, one.obj), split)
    assume(trouble)

    with pytest.raises(SplitError) as refused:
        write(one.obj, one.ref, split, one.dialect)

    assert str(refused.value) == trouble


def _written(one: Case, split: Split) -> dict[str, Any]:
    try:
        return write(one.obj, one.ref, split, one.dialect)
    except SplitError:
        assume(False)
        raise
