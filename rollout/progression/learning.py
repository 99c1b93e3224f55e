"""What did stable's last hour teach, before the first request goes to the canary?"""

from dataclasses import replace
from datetime import datetime, timedelta

from policies.sequential import judge
from policies.sequential.judge import Pace
from rollout.model.measurement import Answer, Arm, Counters, Measurement, NoData
from rollout.model.rollout import RolloutSpec, Step
from rollout.model.status import Phase, Reason, RolloutStatus, Run
from rollout.progression.aims import Memory, Ratio, aim_of, checkpoint_of, deciding, sequential
from rollout.progression.counting import bounds_of, history_of
from rollout.progression.judging import no_evidence
from rollout.progression.view import FULL, View, skips_to_the_end

LOOK_BACK = timedelta(hours=1)
SOAK = timedelta(seconds=45)  # of each step that the judge chooses: three scrapes, so that a fault has been seen twice


def unlearnt(spec: RolloutSpec, status: RolloutStatus) -> tuple[Ratio, ...]:
    """The objectives whose history is still to be read: () once the first weight is raised, and where nothing is judged."""
    run = status.run
    if run is None or run.straight or run.step or status.stable is None or run.incident is not None:
        return ()
    if status.phase not in (Phase.PROGRESSING, Phase.PAUSED):
        return ()
    return tuple(one for one in sequential(spec) if checkpoint_of(run, one) is None)


def taught(view: View) -> RolloutStatus:
    """The status with what the history that was read taught: the judge's memory, the plan of `auto` and the outlook."""
    wanted, answers = unlearnt(view.spec, view.status), _answers(view)
    needed = [one for one in deciding(view.spec) if one in wanted]
    if not wanted or not all(one.name in answers and _is_read(answers[one.name].answer) for one in needed):
        return view.status
    memories = [_begun(view, one, answers[one.name]) for one in wanted if one.name in answers]
    run = replace(view.run, judged=(*view.run.judged, *(memory.kept() for memory in memories)))
    if not needed:
        return replace(view.status, run=run)
    main = next(one for one in memories if one.objective == needed[0])
    run = _planned(view, main, run)
    return replace(view.status, run=replace(run, outlook=_outlook(main, run)))


def history_unread(view: View) -> Reason | None:
    """No weight is raised before the judge knows what is usual for stable, or that nothing can be known."""
    wanted = unlearnt(view.spec, view.status)
    needed = [one for one in deciding(view.spec) if one in wanted]
    if not needed or skips_to_the_end(view):
        return None
    answers = _answers(view)
    for one in needed:
        if one.name not in answers:
            return Reason(code="NotMeasured", message="stable's history is read before the first request")
        why = no_evidence(answers[one.name].answer)
        if why is not None and not _is_read(answers[one.name].answer):
            words = f"{one.name}: stable's history cannot be read: {why.message}"
            return Reason(
                code="HistoryUnread", message=f"{words}; it is asked again, and no weight is raised on a guess"
            )
    return None


def history_since(now: datetime) -> datetime:
    """When the history begins that is read at `now`."""
    return now - LOOK_BACK


def _answers(view: View) -> dict[str, Measurement]:
    return {one.question.objective.name: one for one in view.seen.measurements if one.question.arm is Arm.HISTORY}


def _is_read(answer: Answer) -> bool:
    """Whether there is a history, or certainly none."""
    return isinstance(answer, Counters | NoData)


def _begun(view: View, objective: Ratio, told: Measurement) -> Memory:
    answer = told.answer
    history = history_of(answer, told.question.window) if isinstance(answer, Counters) else None
    bounds = bounds_of(answer) if history is not None and isinstance(answer, Counters) else ()
    aim = aim_of(objective, view.spec, bounds)
    state = judge.begun(aim, history, view.now.timestamp())
    return Memory(objective=objective, aim=aim, state=state, learnt=judge.learnt_words(state))


def _planned(view: View, main: Memory, run: Run) -> Run:
    """The run with the plan that the judge chooses where the spec leaves it to it."""
    auto = view.spec.auto
    if auto is None or run.plan:
        return run
    weights = (round(weight * FULL) for weight in judge.ramp(main.state, main.aim, auto.max / FULL))
    return replace(run, plan=tuple(Step(weight=weight, soak=SOAK) for weight in weights))


def _outlook(main: Memory, run: Run) -> str:
    """What the run can prove, and when its plan lets it."""
    steps = [step for step in run.plan if step.weight < FULL] or [Step(weight=FULL)]
    soaks = [step.soak.total_seconds() for step in steps]
    first, top = steps[0].weight / FULL, max(step.weight for step in steps) / FULL
    pace = Pace(weight=0.0, since=0.0, soak=soaks[-1], following=first, top=top)
    return judge.outlook(main.state, main.aim, pace, sum(soaks[:-1]))
