"""Is the time of a gate counted only while nothing but people keep the step, and does an approval bind to what was seen?"""

from dataclasses import replace
from datetime import timedelta
from functools import cache
from typing import Any

import pytest

from policies.approval import Approvers, Authors, Identity, Realm
from rollout.model.approval import ApprovalPolicy, OnTimeout
from rollout.model.commands import Result, Verb
from rollout.model.deeds import Approval
from rollout.model.status import DEEDS_KEPT, Phase, Run
from rollout.progression.decide import looked
from rollout.progression.needs import needs, needs_authors
from rollout.progression.orders import allowed
from tests.support.builders import NOON, a_run, a_spec, a_status, a_step, an_approval_policy
from tests.support.pure_world import PureWorld

MINUTE = timedelta(minutes=1)
GATE = (a_step(5, approval="team"), a_step(50))
LATER = (a_step(5), a_step(20), a_step(50, approval="team"))


def at_the_gate(**quorum: Any) -> PureWorld:
    """v2 has soaked at 5 % and waits for the team; a gate that nobody opens goes back."""
    return _waiting(frozenset(quorum.items())).twin()


@cache
def _waiting(quorum: frozenset[tuple[str, Any]]) -> PureWorld:
    world = PureWorld()
    world.policies["team"] = replace(an_approval_policy("team", **dict(quorum)), on_timeout=OnTimeout.ROLLBACK)
    world.settle()
    world.spec = replace(world.spec, revision="v2", steps=GATE)
    world.pass_time(6 * MINUTE)
    return world


def run_of(world: PureWorld) -> Run:
    """The run in hand."""
    assert world.status.run is not None
    return world.status.run


def said(world: PureWorld, verb: Verb, **made_for: object) -> str:
    """What a command was answered."""
    uid = world.command(verb, **made_for)
    world.settle()
    return f"{world.answers[uid].result.value}: {world.answers[uid].message}"


def test_the_time_of_a_gate_begins_when_all_else_is_there() -> None:
    assert run_of(at_the_gate()).gate_since == NOON + 5 * MINUTE


@pytest.mark.parametrize("verb", [Verb.PAUSE, Verb.ABORT])
def test_the_time_of_a_gate_ends_when_something_else_keeps_the_run(verb: Verb) -> None:
    world = at_the_gate()

    world.command(verb)
    world.tick()

    assert run_of(world).gate_since is None


def test_a_verdict_that_is_missing_too_is_waited_for_first() -> None:
    world = at_the_gate(expires_after=30 * MINUTE)
    world.bad = None
    world.pass_time(MINUTE)

    world.pass_time(35 * MINUTE)

    assert run_of(world).gate_since is None
    assert world.status.phase is Phase.PROGRESSING


def test_a_gate_is_waited_for_to_the_minute() -> None:
    world = at_the_gate(expires_after=30 * MINUTE)
    world.pass_time(28 * MINUTE + 59 * timedelta(seconds=1))
    before = world.status.phase

    world.pass_time(timedelta(seconds=1))

    assert (before, world.status.phase) == (Phase.PROGRESSING, Phase.FAILED)
    assert "was not opened within 30m (onTimeout: rollback)" in world.status.history[0].message


def test_an_open_gate_closes_again_when_its_approval_lapses_before_the_step_ends() -> None:
    world = at_the_gate(expires_after=30 * MINUTE)
    world.services["v1"].ready = 200  # the next weight's capacity is missing
    world.settle()
    said(world, Verb.APPROVE)
    opened = {reason.code for reason in world.status.reasons}

    world.now += 30 * MINUTE
    world.spec = replace(world.spec, available_within=600 * MINUTE)
    world.settle()

    assert "AwaitingApproval" not in opened
    assert "AwaitingApproval" in {reason.code for reason in world.status.reasons}


def test_an_approval_for_another_pod_template_says_what_changed() -> None:
    answer = said(at_the_gate(), Verb.APPROVE, template="0123456789abcdef")

    assert answer == "Refused: made for pod template 0123456789ab of v2, now it is a: its workload was changed"


@pytest.mark.parametrize("verb", [Verb.APPROVE, Verb.PROMOTE, Verb.PROMOTE_FULL])
def test_what_binds_to_a_step_binds_to_its_pod_template(verb: Verb) -> None:
    assert "made for pod template" in said(at_the_gate(), verb, template="b")
    assert "made for pod template" not in said(at_the_gate(), verb, template="a")


def test_an_approval_that_was_given_while_nobody_looked_counts_from_then() -> None:
    world = at_the_gate(expires_after=60 * MINUTE)
    world.services["v1"].ready = 200  # so that the step does not end

    said(world, Verb.APPROVE, created=world.now - 20 * MINUTE)

    (approval,) = run_of(world).approvals
    assert approval.at == world.now - 20 * MINUTE


def test_an_approval_of_the_former_version_counts_as_that_of_a_user_of_the_cluster() -> None:
    world = at_the_gate(approvers=Approvers(users=("ana",)))
    old = Approval(step=1, by="ana", at=world.now)
    world.status = replace(world.status, run=replace(run_of(world), approvals=(old,)))

    world.settle()

    assert run_of(world).step == 2


def test_people_of_other_channels_must_be_listed() -> None:
    slack = {"actor": "T1/U1", "realm": Realm.SLACK, "vouched": "shop", "channel": "slack"}

    assert "is no approver" in said(at_the_gate(), Verb.APPROVE, **slack)
    assert said(at_the_gate(approvers=Approvers(slack_users=("T1/U1",))), Verb.APPROVE, **slack).startswith("Accepted")


def test_the_last_deeds_of_a_run_go_into_its_history() -> None:
    world = at_the_gate()
    for number in range(DEEDS_KEPT + 3):
        said(world, Verb.RESUME if number % 2 else Verb.PAUSE)
    said(world, Verb.ABORT, reason="enough")

    deeds = world.status.history[0].deeds

    assert len(deeds) == DEEDS_KEPT
    assert (deeds[-1].verb, deeds[-1].by, deeds[-1].proof, deeds[-1].reason) == ("abort", "ana", "cluster", "enough")


def test_a_refused_command_is_no_deed() -> None:
    world = at_the_gate()

    said(world, Verb.PROMOTE)

    assert run_of(world).deeds == ()


def test_authors_that_were_proven_stay_so_for_the_run() -> None:
    world = at_the_gate(four_eyes=True)
    world.authors = Authors(commit="abc", emails=("eve@shop.example",))
    world.settle()
    world.authors = Authors(unproven="git cannot be asked")

    world.settle()

    authors = run_of(world).authors
    assert authors is not None
    assert authors.commit == "abc"


@pytest.mark.parametrize(
    ("run", "asked"),
    [
        (a_run(plan=LATER, step=1), False),
        (a_run(plan=LATER, step=2), True),
        (a_run(plan=LATER, step=3), True),
        (a_run(plan=LATER, step=4), False),
        (a_run(plan=LATER, step=3, authors=Authors(commit="abc", emails=("a@b.example",))), False),
        (a_run(plan=LATER, step=3, authors=Authors(unproven="no verify")), True),
        (a_run(plan=GATE, step=0), True),
    ],
)
def test_git_is_asked_for_authors_when_a_gate_with_four_eyes_is_near(run: Run, asked: bool) -> None:
    status = a_status(run=run)

    assert needs_authors(status, {"team": an_approval_policy("team", four_eyes=True)}) is asked
    assert not needs_authors(status, {"team": an_approval_policy("team")})


def test_policies_of_gits_plan_and_of_the_runs_are_looked_at() -> None:
    status = a_status(run=a_run(plan=(a_step(5, approval="pinned"),)))

    assert needs(a_spec(steps=GATE), status, NOON).approvals == ("pinned", "team")


@pytest.mark.parametrize(
    ("policy", "verbs"),
    [
        (an_approval_policy("team"), {Verb.APPROVE, Verb.REJECT}),
        (an_approval_policy("team", four_eyes=True), {Verb.REJECT}),
        (None, {Verb.REJECT}),
    ],
)
def test_approve_is_offered_only_while_it_could_count(policy: ApprovalPolicy | None, verbs: set[Verb]) -> None:
    world = at_the_gate()
    world.policies["team"] = policy
    world.settle()

    view = looked(world.spec, world.status, world.look(), world.now)

    assert {verb for verb in allowed(view) if verb in (Verb.APPROVE, Verb.REJECT)} == verbs


def test_where_nothing_binds_actors_neither_yes_nor_no_counts() -> None:
    world = at_the_gate()
    world.actors_bound = False

    assert said(world, Verb.APPROVE).startswith("Refused: no approval counts here")
    assert said(world, Verb.REJECT).startswith("Refused: no veto counts here")


def test_a_command_tells_its_channel() -> None:
    world = at_the_gate()
    ben = Identity(realm=Realm.OIDC, user="7f3", email="ben@shop.example", vouched="shop")
    uid = world.command(Verb.ABORT, actor=ben.user, realm=ben.realm, email=ben.email, channel="callback")

    world.settle()

    assert world.answers[uid].result is Result.ACCEPTED
    assert world.status.history[0].message == "aborted by oidc:ben@shop.example (callback)"
