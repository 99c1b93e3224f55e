"""Does a Rollout keep its promises whatever git, people, pods, metrics and time do, in any order?"""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from policies.approval import Approvers, Realm
from rollout.model.approval import OnTimeout
from rollout.model.commands import Verb
from rollout.model.hooks import Hook
from rollout.model.rollout import Analysis, Auto, ErrorRatio, OnInconclusive, RouteRef, Step
from tests.support.builders import ERRORS, SEQUENTIAL, VIRTUAL_SERVICE, a_step, an_approval_policy
from tests.support.examples import examples
from tests.support.freezing import Freezing
from tests.support.promises import Promises
from tests.support.pure_world import FLUX, OUTER, REVISIONS
from tests.support.spec_hooks import HOOKS

PLANS = (
    (a_step(5), a_step(50)),
    (a_step(10, approval="team"), a_step(40)),
    (a_step(5), a_step(20, approval="team"), a_step(60)),
    (a_step(30),),
)
ROUTES = (VIRTUAL_SERVICE, OUTER)
BEN = {"actor": "T1/UBEN", "realm": Realm.SLACK, "channel": "slack"}
EVE = {"actor": "eve", "channel": "cli"}
_routes = st.sampled_from(ROUTES)
_revisions = st.sampled_from(REVISIONS)


class Machine(Freezing, RuleBasedStateMachine):
    """Everything that may happen, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.world = Promises()
        self.world.settle()

    @rule(revision=_revisions)
    def git_names(self, revision: str) -> None:
        self.world.spec = replace(self.world.spec, revision=revision)

    @rule(plan=st.sampled_from(PLANS), objective=st.sampled_from((ERRORS, SEQUENTIAL)))
    def git_plans(self, plan: tuple[Step, ...], objective: ErrorRatio) -> None:
        self.world.spec = replace(self.world.spec, steps=plan, auto=None, objectives=(objective,))

    @rule(minutes=st.sampled_from((0, 5)))
    def git_leaves_the_plan_to_the_judge(self, minutes: int) -> None:
        auto = Auto(max=50, min_duration=timedelta(minutes=minutes))
        self.world.spec = replace(self.world.spec, steps=(), auto=auto, objectives=(SEQUENTIAL,))

    @rule(bad=st.sampled_from((0, 0, 100)))
    def stable_fails(self, bad: int) -> None:
        self.world.stable_bad = bad

    @rule(minimum=st.sampled_from((1, 2)), minutes=st.sampled_from((None, 4, 20)), way=st.sampled_from(OnTimeout))
    def the_policy_asks_for(self, minimum: int, minutes: int | None, way: OnTimeout) -> None:
        quorum = {"minimum": minimum, "expires_after": timedelta(minutes=minutes) if minutes else None}
        approvers = Approvers(users=("ana",), slack_users=("T1/UBEN",))
        self.world.policies["team"] = an_approval_policy("team", approvers=approvers, on_timeout=way, **quorum)

    @rule()
    def the_policy_goes(self) -> None:
        self.world.policies["team"] = None

    @rule(verb=st.sampled_from((Verb.APPROVE, Verb.REJECT)), who=st.sampled_from((BEN, EVE)))
    def somebody_else_says(self, verb: Verb, who: dict[str, str]) -> None:
        self.world.command(verb, **who)

    @rule()
    def both_approve(self) -> None:
        self.world.command(Verb.APPROVE)
        self.world.command(Verb.APPROVE, **BEN)

    @rule(hooks=st.sets(st.sampled_from(HOOKS)))
    def git_names_webhooks(self, hooks: set[Hook]) -> None:
        self.world.spec = replace(self.world.spec, hooks=tuple(hook for hook in HOOKS if hook in hooks))

    @rule(hook=st.sampled_from(HOOKS), says=st.sampled_from((True, True, False, None)))
    def a_webhook_says(self, hook: Hook, says: bool | None) -> None:
        self.world.hooks[hook.name] = says

    @rule(suspend=st.booleans())
    def git_suspends(self, suspend: bool) -> None:
        self.world.spec = replace(self.world.spec, suspend=suspend)

    @rule(bake=st.sampled_from((0, 3)), way=st.sampled_from(OnInconclusive))
    def git_analyses(self, bake: int, way: OnInconclusive) -> None:
        analysis = Analysis(bake=timedelta(minutes=bake), on_inconclusive=way, step_deadline=timedelta(minutes=7))
        self.world.spec = replace(self.world.spec, analysis=analysis)

    @rule(bad=st.sampled_from((0, 0, 0, 500, None)))
    def requests_fail(self, bad: int | None) -> None:
        self.world.bad = bad

    @rule(revision=_revisions, ready=st.sampled_from((0, 1, 4, 4)))
    def pods_are_ready(self, revision: str, ready: int) -> None:
        self.world.services[revision].ready = ready

    @rule(revision=_revisions, template=st.sampled_from(("a", "b")))
    def image_changes(self, revision: str, template: str) -> None:
        self.world.services[revision].template = template

    @rule(verb=st.sampled_from([verb for verb in Verb if verb is not Verb.NAME_STABLE]))
    def ana_says(self, verb: Verb) -> None:
        self.world.command(verb)

    @rule(verb=st.sampled_from((Verb.APPROVE, Verb.PROMOTE, Verb.PROMOTE_FULL)), what=st.sampled_from(("run", "step")))
    def ana_says_of_something_else(self, verb: Verb, what: str) -> None:
        self.world.command(verb, **{what: 77})

    @rule(revision=_revisions)
    def ana_names_stable(self, revision: str) -> None:
        self.world.command(Verb.NAME_STABLE, backend=f"checkout-{revision}")

    @rule(route=_routes, first=st.integers(0, 100))
    def somebody_edits(self, route: RouteRef, first: int) -> None:
        status = self.world.status
        if status.stable is None or status.run is None:
            return
        self.world.give(route, **{status.stable.name: 100 - first, status.run.canary.name: first})

    @rule(route=_routes, revision=st.sampled_from(("v1", "v2")), seconds=st.sampled_from((1, 20)))
    def flux_applies(self, route: RouteRef, revision: str, seconds: int) -> None:
        self.world.pass_time(timedelta(seconds=seconds))
        self.world.give_by(FLUX, route, **{revision: 100})

    @rule(route=_routes)
    def flux_fights(self, route: RouteRef) -> None:
        for _ in range(4):
            self.world.pass_time(timedelta(seconds=61))
            self.world.give_by(FLUX, route, v1=100)
            self.world.settle()

    @rule(route=_routes)
    def route_goes(self, route: RouteRef) -> None:
        self.world.missing.add(route)

    @rule()
    def routes_are_back(self) -> None:
        self.world.missing.clear()

    @rule(minutes=st.sampled_from((1, 3, 6, 11)))
    def time_passes(self, minutes: int) -> None:
        self.world.pass_time(timedelta(minutes=minutes))

    @rule()
    def tick(self) -> None:
        self.world.tick()

    @rule()
    def tick_unsaved(self) -> None:
        self.world.tick(saves=False)

    @precondition(lambda self: self.world.commands)
    @rule()
    def rest(self) -> None:
        self.world.settle()
        status, pools = self.world.status, dict(self.world.pools)
        self.world.tick()
        assert (self.world.status, self.world.pools) == (status, pools)

    @invariant()
    def handled_once(self) -> None:
        handled = [item.uid for item in self.world.status.handled]
        assert len(handled) == len(set(handled))


Machine.TestCase.settings = examples(60, steps=40)
TestMachine = pytest.mark.slow(Machine.TestCase)
