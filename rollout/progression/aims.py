"""What does the sequential judge aim at in each objective, and what does it remember of it?"""

from collections.abc import Sequence
from dataclasses import dataclass

from policies.sequential import judge
from policies.sequential.judge import Aim, State
from rollout.model.rollout import ErrorRatio, Method, Mode, RolloutSpec, SlowRatio
from rollout.model.status import Checkpoint, Run
from rollout.progression.judging import what_of

Ratio = ErrorRatio | SlowRatio

# Parts of a run's chance of a false rollback where both kinds decide: errors are what users feel first.
OF_ERRORS, OF_LATENCY = 0.6, 0.4
LEAST = 1e-6  # `max: 0%` aims at: no number of requests shows that none ever fails


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """What the judge knows of one objective after a look. anew: why it had to begin again, "" where it had not."""

    objective: Ratio
    aim: Aim
    state: State
    learnt: str = ""
    anew: str = ""

    def kept(self) -> Checkpoint:
        """The memory as a status keeps it."""
        return Checkpoint(
            objective=self.objective.name,
            state=judge.dumped(self.state),
            learnt=self.learnt,
            bounds=self.aim.bounds,
        )


def sequential(spec: RolloutSpec) -> tuple[Ratio, ...]:
    """The objectives that are judged by evidence over the whole run, in the spec's order."""
    return tuple(
        one for one in spec.objectives if isinstance(one, ErrorRatio | SlowRatio) and one.method is Method.SEQUENTIAL
    )


def deciding(spec: RolloutSpec) -> tuple[Ratio, ...]:
    """Those of them that decide, error ratios first."""
    found = [one for one in sequential(spec) if one.mode is Mode.DECIDE]
    return tuple(sorted(found, key=lambda one: isinstance(one, SlowRatio)))


def aim_of(objective: Ratio, spec: RolloutSpec, bounds: Sequence[float] = ()) -> Aim:
    """What the judge is asked of this objective. bounds: of its latency histogram, in ms, rising."""
    return Aim(
        max_ratio=max(objective.max_ratio, LEAST),
        bounds=tuple(bounds),
        false_rollback=_share(objective, spec) * spec.analysis.false_rollback,
        harm_budget=spec.analysis.harm_budget,
        min_requests=spec.analysis.min_requests,
        what=what_of(objective),
    )


def _share(objective: Ratio, spec: RolloutSpec) -> float:
    """This objective's part of the run's chance of a false rollback; one that only observes spends nothing of it."""
    if objective.mode is Mode.OBSERVE:
        return 1.0
    all_kinds = deciding(spec)
    same = [one for one in all_kinds if type(one) is type(objective)]
    both = len(same) < len(all_kinds)
    of_kind = (OF_LATENCY if isinstance(objective, SlowRatio) else OF_ERRORS) if both else 1.0
    return of_kind / len(same)


def checkpoint_of(run: Run, objective: Ratio) -> Checkpoint | None:
    """What the run keeps of an objective; None where that is nothing."""
    return next((one for one in run.judged if one.objective == objective.name), None)
