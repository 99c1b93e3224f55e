"""Does a soak notice when a route or a subset is not as it may be, and is it content with what a person does by hand?"""

from dataclasses import replace

import pytest

from tests.servers.soak_facts import Fact, Routed, Ruled, Saved, routed, ruled
from tests.servers.soak_rules import Truth, broken
from tests.servers.soak_traffic import lagging

KEY = ("shop", "checkout")
RUN = Saved(
    revision=1,
    key=KEY,
    uid="u",
    wanted="v2",
    phase="Progressing",
    run=1,
    step=1,
    weight=10,
    confirmed=10,
    stable="v1",
    canary="v2",
    plan=((10, False), (30, False)),
)
LOWERED = replace(RUN, phase="Paused", weight=4, confirmed=4)
GONE = replace(RUN, uid="", phase="RollingBack", weight=0)


def a_route(name: str = "checkout", subsets: str = "", **weights: int) -> Routed:
    """A route of one pool; subsets: those with weight."""
    return Routed(revision=0, key=KEY, name=name, pools=(weights,), subsets=frozenset(subsets.split()))


def a_rule(subsets: str, *, is_ours: bool = True) -> Ruled:
    """A DestinationRule with these subsets."""
    name = "rollout-checkout" if is_ours else "checkout"
    return Ruled(revision=0, key=KEY, name=name, subsets=frozenset(subsets.split()), is_ours=is_ours)


def told(*facts: Fact, edited: tuple[int, ...] = (), resumed: int = 0) -> str:
    """What breaks a rule in these facts, which are stored as revisions 1, 2, ...; edited: those of a person."""
    truth = Truth(edited={*edited})
    truth.resumed["u", 1] = resumed
    return "; ".join(broken([replace(fact, revision=number) for number, fact in enumerate(facts, 1)], truth))


BEFORE, AT_4, AT_10 = a_route(v1=90, v2=10), a_route(v1=96, v2=4), a_route(v1=90, v2=10)


def test_what_a_person_lowered_and_that_rises_before_the_run_is_paused_is_named() -> None:
    said = told(RUN, BEFORE, AT_4, AT_10, edited=(3,))

    assert said == "shop/checkout at 4: checkout gives v2 10 %, and a person had lowered it to 4 %"


def test_what_a_person_lowered_may_rise_once_it_was_paused_and_resumed() -> None:
    assert told(RUN, BEFORE, AT_4, LOWERED, RUN, AT_10, edited=(3,), resumed=1) == ""


def test_what_a_person_lowered_and_that_rises_while_the_run_is_paused_is_named() -> None:
    assert "v2 got 10 %, and 0 % was saved (Paused" in told(RUN, BEFORE, AT_4, LOWERED, AT_10, edited=(3,))


def test_a_run_that_is_paused_a_second_time_needs_a_second_resume() -> None:
    assert "nobody resumed it" in told(RUN, LOWERED, RUN, LOWERED, RUN, resumed=1)
    assert told(RUN, LOWERED, RUN, LOWERED, RUN, resumed=2) == ""


def test_another_run_may_have_what_a_person_took_from_the_one_before() -> None:
    another = replace(RUN, run=2)

    assert told(RUN, BEFORE, AT_4, another, AT_10, edited=(3,)) == ""


def test_what_was_not_in_force_yet_is_no_lowering() -> None:
    rising = replace(RUN, confirmed=0)

    assert told(rising, BEFORE, AT_4, AT_10, edited=(3,)) == ""


def test_a_lowering_of_one_route_says_nothing_of_the_other() -> None:
    aside = a_route("checkout-aside", v1=100, v2=0)

    assert told(RUN, BEFORE, aside, AT_4, replace(aside, pools=({"v1": 90, "v2": 10},)), edited=(4,)) == ""


def test_more_by_hand_is_not_the_controllers_doing_and_lags_until_it_is_taken_back() -> None:
    more = a_route(v1=40, v2=60)

    assert told(RUN, BEFORE, more, edited=(3,)) == ""
    assert lagging(RUN, [BEFORE, more]) == "v2 has 60 %, 10 % is wanted (Progressing)"


def test_a_lowering_that_nobody_sees_lags() -> None:
    assert lagging(RUN, [BEFORE, AT_4]) == "v2 has 4 %, 10 % was in force, and the run goes on (Progressing)"
    assert lagging(LOWERED, [AT_4]) == ""


@pytest.mark.parametrize(
    "facts",
    [
        (a_rule("v1", is_ours=False), a_route(subsets="v1 v2", v1=90, v2=10)),
        (a_rule("v1 v2"), a_route(subsets="v1 v2", v1=90, v2=10), a_rule("v1")),
    ],
)
def test_a_route_that_leads_to_a_subset_that_is_not_there_is_named(facts: tuple[Fact, ...]) -> None:
    assert "checkout leads to subset v2, which is not there" in told(*facts)


def test_a_subset_may_be_of_any_rule_and_go_once_it_has_no_weight() -> None:
    used, left = a_route(subsets="v1 v2", v1=90, v2=10), a_route(subsets="v1", v1=100, v2=0)

    assert told(RUN, a_rule("v1", is_ours=False), a_rule("v2"), used, left, a_rule("")) == ""


def test_a_deleted_rollout_that_leaves_weight_with_its_canary_is_named() -> None:
    said = told(RUN, BEFORE, a_route("checkout-aside", v1=100), GONE)

    assert said == "shop/checkout at 4: deleted, and checkout gives 10 % to v2, not to stable v1"


def test_a_deleted_rollout_that_leaves_a_subset_of_ours_is_named() -> None:
    assert "rollout-checkout of ours still has subset v2" in told(a_rule("v2"), a_rule("v1", is_ours=False), GONE)


def test_a_deleted_rollout_may_leave_what_serves_and_what_is_the_users() -> None:
    promoted = replace(GONE, stable="v2", canary="")
    serving = a_route(subsets="v2", v1=0, v2=100)

    assert told(a_rule("v2"), a_rule("v1", is_ours=False), serving, promoted) == ""


def test_nobody_raises_anything_for_a_rollout_that_is_gone() -> None:
    assert "v2 got 10 %" in told(RUN, a_route(v1=100, v2=0), replace(RUN, uid="", weight=0), AT_10)


def test_both_routes_of_a_rollout_are_its_own_and_a_subset_is_a_revision() -> None:
    to_v2 = {"destination": {"host": "checkout", "subset": "v2"}}
    meta = {"namespace": "shop", "name": "checkout-aside", "resourceVersion": "7"}

    fact = routed({"metadata": meta, "spec": {"http": [{"route": [to_v2]}]}})

    assert (fact.key, fact.name, fact.pools[0]) == (KEY, "checkout-aside", {"v2": 100})
    assert fact.subsets == {"v2"}


def test_a_rule_is_ours_by_its_label_and_has_nothing_once_it_is_deleted() -> None:
    labels = {"app.kubernetes.io/managed-by": "rollout-controller"}
    meta = {"namespace": "shop", "name": "rollout-checkout", "resourceVersion": "7", "labels": labels}
    rule = {"metadata": meta, "spec": {"host": "checkout", "subsets": [{"name": "v2"}]}}

    assert ruled(rule).is_ours
    assert ruled(rule).subsets == {"v2"}
    assert ruled(rule, deleted=True).subsets == frozenset()
