"""Are shares what the plan means, and is what cannot be exact refused with its numbers?"""

from fractions import Fraction

import pytest

from rollout.model.actions import Split
from rollout.model.names import BackendName
from rollout.model.observation import Entry, Pool
from rollout.traffic.shares import SplitError, canary_percent, in_force, managed, others, problem, seen, wanted

V0, V1, V2 = (BackendName(service=f"checkout-v{number}") for number in range(3))
LEGACY = BackendName(service="legacy")


def a_pool(*weights: tuple[BackendName, int], name: str = "api") -> Pool:
    return Pool(name=name, entries=tuple(Entry(backend=backend, weight=weight) for backend, weight in weights))


def a_split(
    weight: int = 0,
    *,
    stable: BackendName | None = V1,
    idle: tuple[BackendName, ...] = (),
    gone: tuple[BackendName, ...] = (),
) -> Split:
    return Split(stable=stable, canary=V2, weight=weight, idle=idle, gone=gone)


def test_alone_the_canary_gets_the_percent_and_stable_the_rest() -> None:
    assert wanted(a_pool((V1, 100)), a_split(5)) == a_pool((V1, 95), (V2, 5))


def test_no_entry_is_made_for_weight_0() -> None:
    assert wanted(a_pool((V1, 1)), a_split(0)) == a_pool((V1, 1))


def test_an_entry_that_exists_goes_to_0_and_stays() -> None:
    assert wanted(a_pool((V1, 75), (V2, 25)), a_split(0)) == a_pool((V1, 100), (V2, 0))


def test_numbers_that_already_say_the_share_are_left_alone() -> None:
    assert wanted(a_pool((V1, 9), (V2, 1)), a_split(10)) == a_pool((V1, 9), (V2, 1))


def test_beside_other_backends_the_sum_and_their_weight_stay() -> None:
    assert wanted(a_pool((V1, 150), (LEGACY, 50)), a_split(25)) == a_pool((V1, 100), (LEGACY, 50), (V2, 50))


def test_at_100_the_canary_takes_all_that_is_this_services() -> None:
    assert wanted(a_pool((V1, 80), (LEGACY, 20)), a_split(100)) == a_pool((V1, 0), (LEGACY, 20), (V2, 80))


def test_a_share_that_is_not_whole_is_refused_with_what_fits() -> None:
    with pytest.raises(SplitError) as refused:
        wanted(a_pool((V1, 3), (LEGACY, 1)), a_split(5))

    text = "api: 5 % for checkout-v2: 0.2 of 4 is not a whole number while legacy 1 stays; weights that fit: 25, 50, 75, 100"
    assert str(refused.value) == text


def test_a_share_above_what_is_left_is_refused() -> None:
    with pytest.raises(SplitError, match="only 80 of 100 is left while legacy 20 stays"):
        wanted(a_pool((V1, 80), (LEGACY, 20)), a_split(90))


def test_a_pool_that_is_all_of_others_is_refused() -> None:
    assert problem([a_pool((V1, 0), (LEGACY, 1))], a_split(100)) == (
        "api: legacy 1 has all the weight; give checkout-v1 a share, or leave the route out with `only`"
    )


def test_many_weights_that_fit_are_described() -> None:
    assert problem([a_pool((V1, 40), (LEGACY, 10))], a_split(5)).endswith("100 and multiples of 2 up to 80")


def test_entries_of_one_name_are_folded_into_the_first() -> None:
    assert wanted(a_pool((V1, 50), (V1, 50)), a_split(5)) == a_pool((V1, 95), (V1, 0), (V2, 5))


def test_idle_backends_give_their_weight_to_stable() -> None:
    assert wanted(a_pool((V1, 50), (V0, 50)), a_split(0, idle=(V0,))) == a_pool((V1, 100), (V0, 0))


def test_gone_backends_lose_their_entry() -> None:
    assert wanted(a_pool((V0, 0), (V1, 100)), a_split(0, gone=(V0,))) == a_pool((V1, 100))


def test_stable_that_somebody_removed_comes_back_with_its_share() -> None:
    assert wanted(a_pool((V2, 100)), a_split(0)) == a_pool((V2, 0), (V1, 100))


def test_weights_that_are_all_0_are_written_anew() -> None:
    assert wanted(a_pool((V1, 0), (V2, 0)), a_split(5)) == a_pool((V1, 95), (V2, 5))


def test_a_first_deployment_takes_everything() -> None:
    assert wanted(a_pool((LEGACY, 1)), a_split(100, stable=None)) == a_pool((LEGACY, 0), (V2, 100))


def test_a_first_deployment_at_weight_0_changes_nothing() -> None:
    assert wanted(a_pool((LEGACY, 1)), a_split(0, stable=None)) == a_pool((LEGACY, 1))


def test_a_first_deployment_cannot_be_partial() -> None:
    with pytest.raises(SplitError, match="leaves the rest to nobody"):
        wanted(a_pool((LEGACY, 1)), a_split(5, stable=None))


def test_a_first_deployment_into_an_empty_pool_asks_for_an_entry() -> None:
    assert problem([a_pool()], a_split(100, stable=None)) == (
        "api: has no backend to copy for checkout-v2; write one entry into it"
    )


def test_pools_that_name_stable_are_managed() -> None:
    testers, api = a_pool((V2, 1), name="testers"), a_pool((V1, 1))

    assert managed([testers, api], V1, V2) == (api,)


def test_without_stable_the_pools_of_the_canary_are_managed() -> None:
    api, foreign = a_pool((V2, 1)), a_pool((LEGACY, 1))

    assert managed([api, foreign], V1, V2) == (api,)


def test_a_route_that_never_names_stable_is_a_problem_before_the_first_step() -> None:
    assert problem([a_pool((LEGACY, 1))], a_split(5)) == "no route names checkout-v1; write an entry for it"


def test_nothing_managed_is_in_force_only_for_weight_0() -> None:
    pools = [a_pool((LEGACY, 1))]

    assert (in_force(pools, a_split(0)), in_force(pools, a_split(5))) == (True, False)


def test_a_split_is_in_force_when_every_managed_pool_has_it() -> None:
    there, late = a_pool((V1, 95), (V2, 5)), a_pool((V1, 100))

    assert (in_force([there], a_split(5)), in_force([there, late], a_split(5))) == (True, False)


def test_a_gone_entry_that_is_still_there_is_not_in_force() -> None:
    assert not in_force([a_pool((V1, 100), (V0, 0))], a_split(0, gone=(V0,)))


def test_the_lowest_and_highest_percent_are_seen() -> None:
    pools = [a_pool((V1, 95), (V2, 5)), a_pool((V1, 3), (V2, 1))]

    assert seen(pools, a_split(50)) == (Fraction(5), Fraction(25))


def test_all_that_is_this_services_counts_as_100() -> None:
    assert canary_percent(a_pool((V1, 0), (LEGACY, 20), (V2, 80)), a_split(50)) == 100


def test_all_that_is_left_counts_as_the_weight_that_asked_for_it() -> None:
    assert canary_percent(a_pool((V1, 0), (LEGACY, 20), (V2, 80)), a_split(80)) == 80


def test_others_are_weighted_backends_that_nobody_knows() -> None:
    pools = [a_pool((V1, 1), (LEGACY, 1)), a_pool((V0, 0), (LEGACY, 3))]

    assert others(pools, {V1}) == (LEGACY,)
