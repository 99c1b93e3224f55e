"""Does the whole controller keep its promises whatever git, people, tools, pods, metrics, time and faults do, in any order?

The invariants are listed in README.md. A seed of a failure is printed by Hypothesis; `--hypothesis-seed=N` repeats it.
"""

import asyncio
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from rollout.model import status as told
from rollout.model.commands import Verb
from rollout.model.freeze import Overrun
from rollout.ports.errors import Conflict, PortError, Rejected, Unreachable
from tests.support.examples import part
from tests.support.fate import Blow
from tests.support.troubled_shop import MINUTE, PLANS, REVISIONS, WEBHOOKS, Shape, TroubledShop, a_troubled_shop
from tests.support.turmoil import Strike

HOUR = timedelta(hours=1)
MOODS = ("good", "good", "bad", "few", "nothing", "nan", "partial", "down")
OTHERS = (Verb.NAME_STABLE, Verb.ACKNOWLEDGE, Verb.FALLBACK, Verb.ROLLBACK)  # has a rule of its own; for migrations
WRONG: tuple[PortError, ...] = (
    Conflict("409: somebody wrote in between"),
    Unreachable("429: too many requests", retry_after=timedelta(seconds=3)),
    Unreachable("500: etcd has no leader"),
    Rejected("422: a webhook says no"),
)
STATUS, ROUTE, ANY = "*/rollouts/checkout/status", "*/virtualservices/*", "*"
_revisions = st.sampled_from(REVISIONS)
_wanted = st.sampled_from(("v1", "v2", "v2", "v3"))
_routes = st.sampled_from(("checkout", "outer"))


class Controller(RuleBasedStateMachine):
    """Everything that may happen, in any order."""

    shop: TroubledShop

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.stack = AsyncExitStack()

    def do(self, what: Coroutine[Any, Any, Any]) -> Any:
        """Do it, and let no promise be broken."""
        done = self.runner.run(what)
        assert self.shop.broken == [], "\n".join(self.shop.broken)
        return done

    def live(self, minutes: float) -> None:
        """Time passes."""
        self.do(self.shop.live(minutes * MINUTE))

    @initialize(
        subsets=st.booleans(),
        routes=st.sampled_from((1, 2)),
        guest=st.sampled_from((False, False, True)),
        plan=st.sampled_from(PLANS),
        minutes=st.sampled_from((None, 0, 0.5, 2, 4)),
    )
    def a_shop(
        self, subsets: bool, routes: int, guest: bool, plan: list[dict[str, Any]], minutes: float | None
    ) -> None:
        """minutes: for how long v2 has been on its way; None where it is not yet."""
        shape = Shape(subsets=subsets, routes=routes, guest=guest)
        self.shop = self.runner.run(self.stack.enter_async_context(a_troubled_shop(shape)))
        self.do(self.shop.commit(steps=plan, revision="v1" if minutes is None else "v2"))
        self.live(minutes or 0)

    @rule(revision=_wanted, minutes=st.sampled_from((0, 1, 3)))
    def git_names(self, revision: str, minutes: int) -> None:
        self.do(self.shop.commit(revision=revision))
        self.live(minutes)

    @rule(plan=st.sampled_from(PLANS))
    def git_plans(self, plan: list[dict[str, Any]]) -> None:
        self.do(self.shop.commit(steps=plan))

    @rule(count=st.sampled_from((1, 2)))
    def git_names_routes(self, count: int) -> None:
        names = self.shop.shape.names[:count]
        self.do(self.shop.commit(routes=[{"kind": "VirtualService", "name": name} for name in names]))

    @rule(suspend=st.booleans())
    def git_suspends(self, suspend: bool) -> None:
        self.do(self.shop.commit(suspend=suspend))

    @rule(way=st.sampled_from(("hold", "rollback")), bake=st.sampled_from(("0s", "2m")))
    def git_analyses(self, way: str, bake: str) -> None:
        analysis = {"interval": "60s", "onInconclusive": way, "bake": bake, "stepDeadline": "7m"}
        self.do(self.shop.commit(analysis=analysis))

    @rule(minutes=st.sampled_from((0, 2)))
    def git_breaks_the_spec(self, minutes: int) -> None:
        self.do(self.shop.commit_nonsense(policies=["nowhere"]))
        self.live(minutes)

    @rule(minutes=st.sampled_from((0, 1, 3)))
    def git_mends_the_spec(self, minutes: int) -> None:
        self.do(self.shop.commit())
        self.live(minutes)

    @rule(minutes=st.sampled_from((0, 1, 6)), again=st.booleans())
    def git_deletes(self, minutes: int, again: bool) -> None:
        self.do(self.shop.remove())
        self.live(minutes)
        if again:
            self.do(self.shop.commit())

    @rule(verb=st.sampled_from([verb for verb in Verb if verb not in OTHERS]), minutes=st.sampled_from((0, 1)))
    def ana_says(self, verb: Verb, minutes: int) -> None:
        self.do(self.shop.says_ana(verb.value, reason="she knows why"))
        self.live(minutes)

    @rule(verb=st.sampled_from((Verb.APPROVE, Verb.PROMOTE, Verb.ABORT)), what=st.sampled_from(("run", "step")))
    def ana_says_of_something_else(self, verb: Verb, what: str) -> None:
        self.do(self.shop.says_ana(verb.value, **{what: 77}))

    @rule(revision=_revisions)
    def ana_names_stable(self, revision: str) -> None:
        backend = f"checkout/{revision}" if self.shop.shape.subsets else f"checkout-{revision}"
        self.do(self.shop.says_ana(Verb.NAME_STABLE.value, backend=backend))

    @rule(mood=st.sampled_from(MOODS), minutes=st.sampled_from((0, 2)))
    def metrics_say(self, mood: str, minutes: int) -> None:
        self.shop.metrics_say(mood)
        self.live(minutes)

    @rule(named=st.sampled_from((True, True, False)))
    def git_names_webhooks(self, named: bool) -> None:
        self.do(self.shop.commit(webhooks=WEBHOOKS if named else []))

    @rule(
        opens=st.sampled_from((True, False)),
        back=st.sampled_from((False, False, True)),
        minutes=st.sampled_from((0, 3)),
    )
    def webhooks_say(self, opens: bool, back: bool, minutes: int) -> None:
        self.shop.webhooks_say(opens=opens, back=back)
        self.live(minutes)

    @rule(revision=_revisions, ready=st.sampled_from((0, 1, 2)), minutes=st.sampled_from((0, 1)))
    def pods_are_ready(self, revision: str, ready: int, minutes: int) -> None:
        if not self.runner.run(self.shop.world.is_gone("Deployment", f"checkout-{revision}")):
            self.do(self.shop.pods(revision, ready))
        self.live(minutes)

    @rule(revision=_revisions, image=st.sampled_from(("", "b")))
    def somebody_deploys(self, revision: str, image: str) -> None:
        self.do(self.shop.deploy(revision, image))

    @rule(revision=_revisions)
    def somebody_takes_away(self, revision: str) -> None:
        self.do(self.shop.undeploy(revision))

    @rule(name=_routes, share=st.integers(0, 100), first=_revisions, second=st.sampled_from((*REVISIONS, "v9")))
    def somebody_edits(self, name: str, share: int, first: str, second: str) -> None:
        self.do(self.shop.edit(name, {first: 100 - share, second: share} if first != second else {first: 100}))

    @rule(name=_routes, share=st.sampled_from((0, 2, 30)), after=st.integers(0, 2))
    def somebody_lowers_between_two_writes(self, name: str, share: int, after: int) -> None:
        self.shop.witness.meanwhile = after, lambda: self.shop.lower(name, share)
        self.live(1)

    @rule(name=_routes, revision=_revisions, times=st.sampled_from((1, 1, 4)))
    def a_tool_applies(self, name: str, revision: str, times: int) -> None:
        for _ in range(times if name in self.shop.shape.names else 0):
            self.do(self.shop.git_applies(name, revision))
            self.live(1)

    @rule(name=_routes, minutes=st.sampled_from((0, 2)))
    def a_route_goes(self, name: str, minutes: int) -> None:
        self.do(self.shop.drop_route(name))
        self.live(minutes)

    @rule(begins=st.sampled_from((0, 2)), length=st.sampled_from((1, 8, 60)), overrun=st.sampled_from(Overrun))
    def the_platform_freezes(self, begins: int, length: int, overrun: Overrun) -> None:
        self.do(self.shop.freeze(begins, length, overrun))

    @rule()
    def the_platform_thaws(self) -> None:
        self.do(self.shop.thaw())

    @rule(
        error=st.sampled_from(WRONG),
        path=st.sampled_from((STATUS, ROUTE, ANY)),
        after=st.integers(0, 3),
        stored=st.booleans(),
        times=st.sampled_from((1, 3)),
    )
    def writes_go_wrong(self, error: PortError, path: str, after: int, stored: bool, times: int) -> None:
        for _ in range(times):
            self.shop.witness.strikes.append(Strike(path=path, error=error, after=after, stored=stored))

    @rule(minutes=st.sampled_from((1, 5)))
    def the_api_is_away(self, minutes: int) -> None:
        self.shop.world.cluster.faults.fail_all(Unreachable("connection refused"))
        self.live(minutes)
        self.shop.world.cluster.faults.recover()
        self.live(0)

    @rule(minutes=st.sampled_from((0, 3)))
    def watches_are_silent(self, minutes: int) -> None:
        self.shop.world.cluster.faults.hold()
        self.live(minutes)
        self.shop.world.cluster.faults.release()

    @rule()
    def the_history_is_forgotten(self) -> None:
        self.shop.world.cluster.compact()

    @rule(blow=st.sampled_from(Blow), after=st.integers(0, 5))
    def the_controller_is_hit(self, blow: Blow, after: int) -> None:
        self.shop.witness.blow, self.shop.witness.at = blow, self.shop.witness.begun + after

    @rule()
    def the_controller_starts_anew(self) -> None:
        self.do(self.shop.restart())

    @rule(minutes=st.sampled_from((1, 4)))
    def the_lease_is_lost(self, minutes: int) -> None:
        self.shop.witness.leads = False
        self.live(minutes)
        self.shop.witness.leads = True
        self.do(self.shop.restart())

    @rule(minutes=st.sampled_from((0.3, 1, 3, 6, 11, 70)))
    def time_passes(self, minutes: float) -> None:
        self.live(minutes)

    @rule(hours=st.sampled_from((-1, 1)))
    def the_clock_jumps(self, hours: int) -> None:
        self.shop.world.clock.advance(hours * HOUR)
        self.live(0)

    @precondition(lambda self: hasattr(self, "shop"))
    @invariant()
    def promises_are_kept(self) -> None:
        assert self.shop.broken == []

    def teardown(self) -> None:
        """When all is well outside again, every run ends or says what it waits for, and everybody was answered."""
        try:
            if hasattr(self, "shop") and self.shop.broken == []:
                self.do(self.shop.calm())
                self.live(100)
                self.ends()
        finally:
            self.runner.run(self.stack.aclose())
            self.runner.close()

    def ends(self) -> None:
        """Nothing hangs."""
        status, codes = self.shop.truth().status, {one.code for one in self.shop.truth().status.reasons}
        unanswered = self.shop.unanswered()
        is_there = self.shop.truth().rollout is not None  # of one that went before it was seen nobody knows anything
        assert not (unanswered and is_there), f"{status.phase}: {unanswered}"
        assert status.phase is not told.Phase.ROLLING_BACK, codes
        assert status.run is None or codes, f"{status.phase} waits for nothing: {status.next}"


class Quick(Controller):
    """A part of it for the inner loop."""


# What is found is told as it was found: to make it shorter takes minutes, and each rule is a sentence already.
GENERATED = settings(deadline=None, phases=(Phase.explicit, Phase.reuse, Phase.generate), print_blob=True)
Controller.TestCase.settings = settings(GENERATED, max_examples=part(40), stateful_step_count=40)
Quick.TestCase.settings = settings(GENERATED, max_examples=max(3, part(5)), stateful_step_count=12)
TestQuickly = Quick.TestCase
TestThoroughly = pytest.mark.slow(Controller.TestCase)
