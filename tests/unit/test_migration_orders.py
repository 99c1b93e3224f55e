"""Does every command do what it says where it may, and say what is possible where it may not?"""

from dataclasses import replace
from typing import Any

import pytest

from policies.approval import Approvers, Identity, Realm
from rollout.migration.orders import MOST_ACKNOWLEDGED, Desk, Orders, obeyed
from rollout.migration.stages import AT_LEAST_CANARY, TRANSITIONS, Trigger
from rollout.model.commands import Command, Result, Verb
from rollout.model.migration import MigrationStatus, Stage
from rollout.model.migration_marks import Acknowledged, WaveApproval
from tests.support.builders import NOON, an_approval_policy
from tests.support.fleets import a_wave
from tests.support.moving import a_spec, an_order, standing

GATED = a_spec(waves=(a_wave("core", "shop", approval="platform"),))
DESK = Desk(spec=GATED, approvals={"platform": an_approval_policy("platform")}, actors_bound=True, now=NOON)


def after(*commands: Command, stage: Stage = Stage.OBSERVING, bound: bool = True, **status: Any) -> Orders:
    """What these commands do while shop is in this stage."""
    known = MigrationStatus(**{"namespaces": (standing(stage),), **status})
    return obeyed(replace(DESK, actors_bound=bound), known, commands)


def result(orders: Orders) -> Result:
    """What the last command was answered."""
    return orders.news[-1].result


@pytest.mark.parametrize("stage", TRANSITIONS)
@pytest.mark.parametrize(
    ("verb", "trigger"),
    [
        (Verb.FALLBACK, Trigger.FALLBACK_ASKED),
        (Verb.ROLLBACK, Trigger.ROLLBACK_ASKED),
        (Verb.RETRY, Trigger.RETRIED),
    ],
)
def test_a_verb_moves_a_namespace_where_the_table_knows_it(stage: Stage, verb: Verb, trigger: Trigger) -> None:
    orders = after(an_order(verb), stage=stage)

    possible = trigger in TRANSITIONS[stage]
    assert result(orders) is (Result.ACCEPTED if possible else Result.REFUSED)
    assert (("shop" in orders.fires) and orders.fires["shop"].trigger is trigger) is possible


def test_an_abort_opens_all_that_is_becoming_strict_and_pauses() -> None:
    orders = after(an_order(Verb.ABORT, "", reason="smoke"), stage=Stage.STRICT)

    assert orders.status.paused == "aborted by ana: smoke"
    assert orders.fires["shop"].trigger is Trigger.FALLBACK_ASKED


@pytest.mark.parametrize("stage", sorted(set(TRANSITIONS) - AT_LEAST_CANARY | {Stage.DONE}))
def test_an_abort_takes_nothing_back_that_is_at_rest(stage: Stage) -> None:
    orders = after(an_order(Verb.ABORT, ""), stage=stage)

    assert orders.fires == {}
    assert orders.status.paused


def test_an_abort_comes_before_all_others() -> None:
    orders = after(an_order(Verb.RESUME, ""), an_order(Verb.ABORT, ""), paused="ben")

    assert [one.uid for one in orders.news] == ["uid-abort-", "uid-resume-"]


def test_a_command_is_obeyed_once() -> None:
    first = after(an_order(Verb.PAUSE, ""))

    again = obeyed(DESK, first.status, (an_order(Verb.PAUSE, ""),))

    assert again.news == ()
    assert again.status == first.status


@pytest.mark.parametrize("verb", Verb)
def test_without_bound_actors_only_what_lowers_risk_is_obeyed(verb: Verb) -> None:
    orders = after(an_order(verb), stage=Stage.STRICT, bound=False)

    accepted = {Verb.ABORT, Verb.FALLBACK, Verb.PAUSE}
    assert result(orders) is (Result.ACCEPTED if verb in accepted else Result.REFUSED)


def test_a_wave_is_approved_by_name_and_once() -> None:
    orders = after(an_order(Verb.APPROVE, "core"))
    again = obeyed(DESK, orders.status, (an_order(Verb.APPROVE, "core", uid="2"),))

    ana = Identity(realm=Realm.CLUSTER, user="ana")
    assert orders.status.approved == (WaveApproval(wave="core", by="ana", at=NOON, channel="cli", identity=ana),)
    assert orders.news[0].message == "wave core may begin"
    assert result(again) is Result.REFUSED
    assert again.news[0].message == "wave core is approved already"


def test_a_wave_waits_for_as_many_people_as_its_policy_says() -> None:
    two = replace(DESK, approvals={"platform": an_approval_policy("platform", minimum=2)})
    orders = obeyed(two, MigrationStatus(), (an_order(Verb.APPROVE, "core"),))
    again = obeyed(two, orders.status, (an_order(Verb.APPROVE, "core", uid="2"),))
    other = obeyed(two, orders.status, (an_order(Verb.APPROVE, "core", uid="3", actor="ben"),))

    assert orders.news[0].message == (
        "counted; wave core waits for 1 more approval by platform (1 of 2, given by ana): `approve` lets it begin"
    )
    assert result(again) is Result.REFUSED
    assert other.news[0].message == "wave core may begin"


LISTED = Approvers(users=("zoe",), groups=("security",))


@pytest.mark.parametrize(
    ("actor", "verb", "said"),
    [
        ({"actor": "zoe"}, Verb.APPROVE, "wave core may begin"),
        ({"groups": ("security",)}, Verb.APPROVE, "wave core may begin"),
        ({}, Verb.APPROVE, "platform: ana is no approver; users zoe; groups security may approve"),
        ({"actor": "zoe"}, Verb.REJECT, "wave core does not begin, and the migration is paused"),
        (
            {},
            Verb.REJECT,
            "only an approver may reject (platform: users zoe; groups security); `pause` holds the migration",
        ),
    ],
)
def test_only_those_whom_the_policy_lists_let_a_wave_begin_or_refuse_it(
    actor: dict[str, Any], verb: Verb, said: str
) -> None:
    listed = replace(DESK, approvals={"platform": an_approval_policy("platform", approvers=LISTED)})

    orders = obeyed(listed, MigrationStatus(), (an_order(verb, "core", **actor),))

    assert orders.news[0].message == said


@pytest.mark.parametrize("verb", [Verb.APPROVE, Verb.REJECT])
def test_a_wave_whose_policy_is_not_there_is_neither_approved_nor_rejected(verb: Verb) -> None:
    orders = obeyed(replace(DESK, approvals={}), MigrationStatus(), (an_order(verb, "core"),))

    assert result(orders) is Result.REFUSED
    assert "ApprovalPolicy platform, which does not exist" in orders.news[0].message


@pytest.mark.parametrize("wave", ["", "other", "shop"])
def test_a_wave_that_waits_for_nobody_cannot_be_approved(wave: str) -> None:
    orders = after(an_order(Verb.APPROVE, wave))

    assert result(orders) is Result.REFUSED
    assert "core" in orders.news[0].message


def test_approvals_of_waves_that_are_gone_are_forgotten() -> None:
    orders = after(an_order(Verb.APPROVE, "core"), approved=(WaveApproval(wave="old", by="ben"),))

    assert [one.wave for one in orders.status.approved] == ["core"]


def test_a_rejected_wave_loses_its_approval_and_pauses_the_migration() -> None:
    orders = after(
        an_order(Verb.REJECT, "core", reason="friday"),
        stage=Stage.PENDING,
        approved=(WaveApproval(wave="core", by="ben"),),
    )

    assert orders.status.approved == ()
    assert orders.status.paused == "ana rejected wave core: friday"


def test_a_wave_that_has_begun_cannot_be_rejected() -> None:
    assert result(after(an_order(Verb.REJECT, "core"))) is Result.REFUSED


def test_a_resume_gives_the_budget_of_fallbacks_back() -> None:
    orders = after(an_order(Verb.RESUME, ""), namespaces=(standing(Stage.FALLEN_BACK, fallbacks=2),))

    assert result(orders) is Result.ACCEPTED
    assert orders.status.of("shop").fallbacks == 0


def test_who_acknowledges_gives_a_reason_and_the_checks_run_again() -> None:
    orders = after(an_order(Verb.ACKNOWLEDGE, finding="PORT-01 x", reason="known"))

    assert orders.status.of("shop").acknowledged == (Acknowledged(key="PORT-01 x", by="ana", reason="known"),)
    assert orders.status.of("shop").looked is None
    assert result(after(an_order(Verb.ACKNOWLEDGE, finding="PORT-01 x"))) is Result.REFUSED


def test_there_is_an_end_to_acknowledgements() -> None:
    known = tuple(Acknowledged(key=f"PORT-01 {n}", by="ana", reason="known") for n in range(MOST_ACKNOWLEDGED))
    orders = after(
        an_order(Verb.ACKNOWLEDGE, finding="PORT-01 x", reason="known"),
        namespaces=(standing(Stage.OBSERVING, acknowledged=known),),
    )

    assert result(orders) is Result.REFUSED


def test_a_skipped_soak_names_who_and_why() -> None:
    orders = after(an_order(Verb.PROMOTE, reason="read the code"))

    soak = orders.status.of("shop").soak
    assert (soak.skipped_by, soak.skipped_why) == ("ana", "read the code")


@pytest.mark.parametrize(
    ("stage", "reason", "running"),
    [(Stage.OBSERVING, "", True), (Stage.REHEARSAL, "why", True), (Stage.OBSERVING, "why", False)],
)
def test_a_soak_is_skipped_with_a_reason_while_it_runs(stage: Stage, reason: str, running: bool) -> None:
    one = standing(stage)
    one = one if running else replace(one, soak=replace(one.soak, clock=None))

    orders = after(an_order(Verb.PROMOTE, reason=reason), namespaces=(one,))

    assert result(orders) is Result.REFUSED


def test_a_namespace_that_nobody_moves_is_named_as_unknown() -> None:
    orders = after(an_order(Verb.FALLBACK, "nowhere"))

    assert orders.news[0].message == "fallback needs a namespace of this migration, such as shop"
