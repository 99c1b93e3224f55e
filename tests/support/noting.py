"""Which scenes take a Rollout through every move that the table of transitions has?"""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from rollout.model.approval import OnTimeout
from rollout.model.commands import Verb
from rollout.model.decision import Decision
from rollout.model.names import BackendName
from rollout.model.observation import Entry, Pool
from rollout.model.rollout import Analysis, OnInconclusive
from rollout.model.status import Phase, RolloutStatus
from rollout.progression.decide import decide_deletion
from rollout.progression.transitions import TRANSITIONS, Trigger
from tests.support.builders import SEQUENTIAL, VIRTUAL_SERVICE, a_step, an_approval_policy
from tests.support.pure_world import OUTER, PureWorld

MINUTE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)
Move = tuple[Phase, Trigger, Phase]
GATE = (a_step(5, approval="team"), a_step(50))


class Noting(PureWorld):
    """A world that notes every move."""

    seen: list[Move]

    def tick(self, *, saves: bool = True) -> Decision:
        """One tick."""
        phase = self.status.phase
        decision = super().tick(saves=saves)
        for trigger in filter(None, decision.trigger.split(",")):
            following = TRANSITIONS[phase][Trigger(trigger)]
            self.seen.append((phase, Trigger(trigger), following))
            phase = following
        return decision

    def names(self, revision: str) -> None:
        """Git names a revision, and the world comes to rest."""
        self.spec = replace(self.spec, revision=revision)
        self.settle()

    def says(self, verb: Verb, **made_for: object) -> None:
        """ana says something, and the world comes to rest."""
        self.command(verb, **made_for)
        self.settle()


def a_noting_world() -> Noting:
    """v1 is stable."""
    world = Noting()
    world.seen = []
    world.settle()
    return world


def _progressing(world: Noting) -> None:
    world.names("v2")


def _paused(world: Noting) -> None:
    world.names("v2")
    world.says(Verb.PAUSE)


def _promoting(world: Noting) -> None:
    world.spec = replace(world.spec, analysis=replace(world.spec.analysis, bake=60 * MINUTE))
    world.names("v2")
    world.pass_time(11 * MINUTE)


def _failed(world: Noting) -> None:
    world.names("v2")
    world.says(Verb.ABORT)


def _goes_on(world: Noting) -> None:
    world.pass_time(20 * MINUTE)


def _fails(world: Noting) -> None:
    world.bad = 500
    world.pass_time(MINUTE)


def _dies(world: Noting) -> None:
    world.services["v2"].ready = 0
    world.pass_time(MINUTE)


def _shrinks(world: Noting) -> None:
    world.services["v2"].ready = 0
    world.settle()
    run = world.status.run
    assert run is not None
    world.status = replace(world.status, run=replace(run, dark_since=None, weight=0))
    world.pass_time(11 * MINUTE)


def _no_verdict(world: Noting) -> None:
    world.bad = None
    analysis = Analysis(
        on_inconclusive=OnInconclusive.ROLLBACK, step_deadline=3 * MINUTE, bake=world.spec.analysis.bake
    )
    world.spec = replace(world.spec, analysis=analysis)
    world.pass_time(90 * MINUTE)


def _lowers(world: Noting) -> None:
    world.give(VIRTUAL_SERVICE, v1=98, v2=2)
    world.settle()


def _changes_image(world: Noting) -> None:
    world.services["v2"].template = "b"
    world.settle()


def _suspended_third(world: Noting) -> None:
    world.spec = replace(world.spec, suspend=True)
    world.names("v3")


def _deleted(world: Noting) -> None:
    decision = decide_deletion(world.spec, world.status, world.look(), world.now)
    if decision.status.phase is not world.status.phase:
        world.seen.append((world.status.phase, Trigger.DELETED, decision.status.phase))


def _too_small(world: Noting) -> None:
    """The next weight's capacity is missing for too long."""
    world.services["v1"].ready = 100
    world.pass_time(30 * MINUTE)


def _starts_dead(world: Noting) -> None:
    world.services["v2"].ready = 0
    world.names("v2")
    world.pass_time(11 * MINUTE)


def _says(verb: Verb) -> Callable[[Noting], None]:
    return lambda world: world.says(verb)


FROM = {Phase.PROGRESSING: _progressing, Phase.PAUSED: _paused, Phase.PROMOTING: _promoting, Phase.FAILED: _failed}
ALWAYS = [
    _says(Verb.ABORT),
    _says(Verb.PAUSE),
    _says(Verb.RESUME),
    _says(Verb.RETRY),
    _goes_on,
    _fails,
    _dies,
    _no_verdict,
    _lowers,
    _changes_image,
    _suspended_third,
    _deleted,
    _too_small,
    lambda world: world.names("v1"),
    lambda world: world.names("v3"),
]


def _reject(world: Noting) -> None:
    world.spec = replace(world.spec, steps=GATE)
    world.names("v2")
    world.says(Verb.REJECT)


def _reject_while_paused(world: Noting) -> None:
    world.spec = replace(world.spec, steps=GATE)
    world.names("v2")
    world.says(Verb.PAUSE)
    world.says(Verb.REJECT)


def _nobody_approves(world: Noting) -> None:
    world.policies["team"] = an_approval_policy("team", on_timeout=OnTimeout.ROLLBACK, expires_after=10 * MINUTE)
    world.spec = replace(world.spec, steps=GATE)
    world.names("v2")
    world.pass_time(20 * MINUTE)


def _revert(world: Noting) -> None:
    _progressing(world)
    _goes_on(world)
    world.names("v1")


def _revert_from_failed(world: Noting) -> None:
    _progressing(world)
    _goes_on(world)
    world.names("v3")
    world.says(Verb.ABORT)
    world.names("v1")


def _first_deployment(world: Noting) -> None:
    world.status = RolloutStatus()
    for ref in (VIRTUAL_SERVICE, OUTER):
        placeholder = Entry(backend=BackendName(service="nothing-yet"), weight=100)
        world.pools[ref] = (Pool(name="http[0]", entries=(placeholder,)),)
    world.settle()


def _named(world: Noting) -> None:
    world.status = RolloutStatus()
    world.give(VIRTUAL_SERVICE, v1=50, v2=50)
    world.settle()
    world.says(Verb.NAME_STABLE, backend="checkout-v1")


def _named_in_rollback(world: Noting) -> None:
    _progressing(world)
    world.services["v1"].ready = 0
    world.says(Verb.ABORT)
    world.says(Verb.NAME_STABLE, backend="checkout-v2")


def _judged(world: Noting) -> None:
    """A run that is judged by evidence, while both arms fail alike."""
    world.spec = replace(world.spec, objectives=(SEQUENTIAL,))
    world.names("v2")
    world.pass_time(MINUTE)
    world.bad = world.stable_bad = 50


def _incident(world: Noting) -> None:
    """It takes the weight, is over, and comes again with the second attempt."""
    _judged(world)
    for minutes, bad in ((8, 0), (14, 50), (8, 0)):
        world.pass_time(minutes * MINUTE)
        world.bad = world.stable_bad = bad


def _incident_while_paused(world: Noting) -> None:
    """The same, but the run is paused both times."""
    _judged(world)
    for minutes, bad, verb in ((8, 0, Verb.RESUME), (14, 50, Verb.PAUSE), (8, 0, Verb.RESUME)):
        world.pass_time(minutes * MINUTE)
        world.bad = world.stable_bad = bad
        world.says(verb)


def _paused_in_an_incident(world: Noting) -> None:
    _judged(world)
    world.says(Verb.PAUSE)
    world.pass_time(8 * MINUTE)


OTHERS = [
    _incident,
    _incident_while_paused,
    _paused_in_an_incident,
    _reject,
    _reject_while_paused,
    _nobody_approves,
    _revert,
    _revert_from_failed,
    _first_deployment,
    _named,
    _named_in_rollback,
    _starts_dead,
]
