"""How does the canary stand beside stable in an objective that is judged by evidence over the whole run?

What the status keeps is the memory as of a closed block. Each look takes what both arms did since then into it, so that a
look that is repeated, missed or made by a restarted controller changes nothing.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from policies.sequential import judge
from policies.sequential.align import Arm, slices
from policies.sequential.judge import Pace, Standing
from policies.slo import Judgement, percent
from policies.verdict import Verdict
from rollout.model.measurement import Answer, Counters, Measurement, NoData
from rollout.model.rollout import RolloutSpec
from rollout.model.status import Checkpoint, ObjectiveVerdict, Run
from rollout.progression.aims import Memory, Ratio, aim_of, checkpoint_of
from rollout.progression.counting import arm_of, bounds_of
from rollout.progression.judging import no_evidence, verdict_of
from rollout.progression.view import FULL, View, next_weight, plan_step

# A memory that is lost is gathered again from what the server still has of this step, at most so far back.
AGAIN = timedelta(minutes=15)
MOST_SAID = 1_000_000


def memory_of(run: Run, spec: RolloutSpec, objective: Ratio, now: datetime) -> Memory:
    """What the run remembers of an objective; without a memory that can be read, one that begins with the present weight."""
    kept = checkpoint_of(run, objective)
    state = judge.loaded(kept.state) if kept is not None else None
    if kept is not None and state is not None:
        return Memory(objective=objective, aim=aim_of(objective, spec, kept.bounds), state=state, learnt=kept.learnt)
    since = max(run.in_force_at or now, now - AGAIN)
    why = "is of another version or unreadable" if kept is not None else "is not there: it is new in this run"
    aim = aim_of(objective, spec)
    return Memory(
        objective=objective,
        aim=aim,
        state=judge.begun(aim, None, since.timestamp()),
        anew=f"{objective.name}: what the judge knew {why}; evidence is gathered anew, without stable's history",
    )


def taken_until(memory: Memory) -> datetime:
    """Up to when both arms are in the memory: what is newer is to be asked for."""
    return datetime.fromtimestamp(memory.state.until, UTC)


def watched(memory: Memory) -> tuple[float, ...]:
    """The bounds of the latency histogram by which the run is judged, in ms, rising; of a score there are at most four."""
    return tuple(sorted({memory.aim.bounds[one.bound] for one in memory.state.watches if one.bound is not None}))


def compared(
    view: View, objective: Ratio, canary: Measurement, stable: Measurement | None
) -> tuple[ObjectiveVerdict, Memory | None]:
    """How the objective stands, and what is remembered of it; None where this look has taught nothing.

    stable: None at 100 %, where the canary has nothing to be compared with. A stable of which the server knows no series leaves
    it as alone, so that a bad canary is rolled back all the same; one that could not be asked for leaves everything as it was.
    """
    memory = memory_of(view.run, view.spec, objective, view.now)
    stable = stable if stable is not None and not _has_no_series(stable.answer) else None
    for whose, measurement in (("", canary), ("stable: ", stable)):
        missing = _missing(memory, measurement) if measurement is not None else None
        if missing is not None:
            return verdict_of(canary, missing._replace(message=f"{whose}{missing.message}"), "", None), None
    beside = _arm(memory, stable) if stable is not None else Arm(requests=(), bad=())
    pace, new = pace_of(view), slices(_arm(memory, canary), beside, memory.state.until)
    state = judge.gathered(memory.state, memory.aim, new, pace)
    return _told(canary, judge.standing(state, memory.aim, pace)), replace(memory, state=state)


def pace_of(view: View) -> Pace:
    """Where the run stands, as the judge asks it."""
    run, following = view.run, next_weight(view)
    step = plan_step(run)
    soak = step.soak if step is not None else view.spec.analysis.bake
    return Pace(
        weight=run.weight / FULL,
        since=(run.in_force_at or view.now).timestamp(),
        soak=soak.total_seconds(),
        following=following / FULL if following < FULL else None,
        top=max((step.weight for step in run.plan if step.weight < FULL), default=run.weight) / FULL,
    )


def _has_no_series(answer: Answer) -> bool:
    return isinstance(answer, NoData) or answer == Counters(query=answer.query, total=(), bad=())


def _missing(memory: Memory, measurement: Measurement) -> Judgement | None:
    """Why the measurement tells nothing; None where it does."""
    answer = measurement.answer
    missing = no_evidence(answer)
    if missing is not None or not isinstance(answer, Counters):
        return missing
    known = bounds_of(answer)
    gone = [bound for bound in watched(memory) if bound not in known]
    if not gone:
        return None
    told = f"the latency histogram has no bound of {gone[0]:g}ms, by which the run is judged: both revisions need the same buckets"
    return Judgement(Verdict.INCONCLUSIVE, "NoData", told)


def _arm(memory: Memory, measurement: Measurement) -> Arm:
    answer = measurement.answer
    if not isinstance(answer, Counters):
        raise TypeError(f"{measurement.question.objective.name}: {type(answer).__name__} has no counters")
    places = {watch.bound for watch in memory.state.watches}
    bounds = [bound if place in places else None for place, bound in enumerate(memory.aim.bounds)]
    return arm_of(answer, bounds, measurement.question.window)


def _told(canary: Measurement, standing: Standing) -> ObjectiveVerdict:
    judgement = Judgement(standing.verdict, standing.code, standing.message)
    value = percent(standing.ratio) if standing.ratio is not None else ""
    return verdict_of(canary, judgement, value, round(standing.requests), evidence_words(standing))


def evidence_words(standing: Standing) -> str:
    """Evidence against the canary and what a rollback needs, for people: "12 of 125"."""
    worth = standing.evidence
    told = f"{worth:.2g}" if worth < 10 else f"{worth:.0f}" if worth < MOST_SAID else f"over {MOST_SAID}"
    return f"{told} of {standing.needed:.0f}"


def kept(memories: Iterable[Memory], run: Run, before: Run, now: datetime) -> Run:
    """The run with these memories, their open blocks closed where its weight is another than `before`.

    A weight raised from 0 begins a trial: what stable did while the canary had nothing is no evidence.
    """
    if run.weight and not before.weight:
        return replace(run, judged=tuple(_on_trial(one, now) for one in run.judged))
    found = {one.objective.name: one for one in memories}
    turned = run.weight != before.weight
    closed = [replace(one, state=judge.turned(one.state, one.aim)) if turned else one for one in found.values()]
    others = tuple(one for one in run.judged if one.objective not in found)
    return replace(run, judged=(*others, *(one.kept() for one in closed)))


def _on_trial(checkpoint: Checkpoint, now: datetime) -> Checkpoint:
    state = judge.loaded(checkpoint.state)
    if state is None:
        return checkpoint
    return replace(checkpoint, state=judge.dumped(judge.tried(state, now.timestamp())))
