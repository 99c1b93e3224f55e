"""What do the answers of webhooks mean for a run?

Gates (confirm-*) hold, tests (pre-rollout, rollout) hold and then fail the run, and `rollback` ends it. Nobody's answer
holds a rollback. An answer counts only for the run and step that it was asked for, and since that step began.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from rollout.model.hooks import COUNTED, OWED_KEPT, Hook, HookAnswer, HookCount, HookOwed, HookType
from rollout.model.status import Outcome, Reason, RolloutStatus, Run
from rollout.progression.hook_questions import RUNNING, due, owed_by, owed_name
from rollout.progression.view import FULL, View, next_weight, skips_to_the_end

SOON = timedelta(seconds=1)  # how soon an answer is looked for that is still on its way
# A gate that was found open must not let a step end long after: it may have been closed since.
FRESH_LOOKS = 2
# Those that are asked from the step's beginning, and those that are asked once nothing else keeps it from ending.
_EARLY = (HookType.CONFIRM_ROLLOUT, HookType.ROLLOUT)
_LATE = (HookType.PRE_ROLLOUT, HookType.CONFIRM_TRAFFIC_INCREASE, HookType.CONFIRM_PROMOTION)


def hook_holds(view: View) -> Reason | None:
    """The first webhook of those asked all along that keeps the step from ending; `promote` skips only rollout hooks."""
    return _first(view, _EARLY)


def last_hook(view: View) -> Reason | None:
    """The first webhook of those asked last that keeps the step from ending; nobody may skip them."""
    return _first(view, _LATE)


def _first(view: View, types: tuple[HookType, ...]) -> Reason | None:
    if view.run.straight:
        return None
    hooks = (hook for kind in types for hook in view.spec.hooks if hook.type is kind and _matters(view, hook))
    return next((reason for hook in hooks if (reason := _hold(view, hook)) is not None), None)


def bake_tests(view: View) -> Reason | None:
    """The first rollout hook that has not passed at 100 %."""
    hooks = (hook for hook in view.spec.hooks if hook.type is HookType.ROLLOUT)
    return next((reason for hook in hooks if (reason := _hold(view, hook)) is not None), None)


def _matters(view: View, hook: Hook) -> bool:
    """Whether the end of this step depends on the hook."""
    run = view.run
    match hook.type:
        case HookType.CONFIRM_ROLLOUT | HookType.PRE_ROLLOUT:
            return run.step == 0
        case HookType.ROLLOUT:
            return run.step > 0 and not run.skip and not skips_to_the_end(view)
        case HookType.CONFIRM_TRAFFIC_INCREASE:
            return True
        case HookType.CONFIRM_PROMOTION:
            return next_weight(view) == FULL
        case HookType.POST_ROLLOUT | HookType.ROLLBACK | HookType.EVENT:
            return False


def _hold(view: View, hook: Hook) -> Reason | None:
    answer, name = _answer(view, hook), f"{hook.type} hook {hook.name}"
    if hook.type in COUNTED:
        count = next((one for one in view.run.hooks if one.name == hook.name), None)
        if count is not None:
            often = f"failed {count.failures} of {hook.failures} times in a row"
            return Reason(code="HookFailing", message=f"{name} {often}: {count.message}", warning=True)
        passed = answer is not None and answer.passed
        return None if passed else Reason(code="HookPending", message=f"waiting for {name} to pass")
    if answer is None:
        return Reason(code="HookWaiting", message=f"waiting for {name} to answer")
    if not answer.passed:
        words = f"{name} does not say yes: {answer.message}"
        if hook.mute_alert:
            return Reason(code="HookWaiting", message=words)
        return Reason(code="HookClosed", message=words, warning=True)
    if view.now - answer.at > FRESH_LOOKS * view.spec.analysis.interval:
        return Reason(code="HookWaiting", message=f"{name} is asked once more: it was open, which may be over")
    return None


def _answer(view: View, hook: Hook) -> HookAnswer | None:
    """The hook's last answer, if it was given for this run and step; None where there is none."""
    answer, run = view.seen.hooks.get(hook.name), view.status.run
    if answer is None or run is None or (answer.run, answer.step) != (view.status.runs, run.step):
        return None
    return answer if answer.asked >= run.step_started else None


def failed_by_hooks(view: View) -> str | None:
    """Why the run has failed by its hooks; None while none failed as often as its `failures` says."""
    if view.run.straight:
        return None
    limits = {hook.name: hook for hook in view.spec.hooks if hook.type in COUNTED}
    for count in view.run.hooks:
        hook = limits.get(count.name)
        if hook is not None and count.failures >= hook.failures:
            often = f"{count.failures} times in a row" if count.failures > 1 else "once"
            return f"{hook.type} hook {hook.name} failed {often}: {count.message}"
    return None


def told_to_go_back(view: View) -> str | None:
    """Why a rollback hook ends the run; None while none says so, or nothing is there to go back to."""
    if view.stable is None or view.run.straight:
        return None
    for hook in view.spec.hooks:
        answer = _answer(view, hook) if hook.type is HookType.ROLLBACK else None
        if answer is not None and answer.passed:
            return f"rollback hook {hook.name} says so: {answer.message}"
    return None


def hooked(view: View) -> RolloutStatus:
    """The status with what this look's answers count for: failing calls in a row, and post-rollout calls that were made."""
    status = view.status
    if status.owed:
        status = replace(status, owed=tuple(one for one in status.owed if _is_still_owed(view, one)))
    if status.run is None or status.phase not in RUNNING:
        return status
    counts = _counts(view, status.run)
    return status if counts == status.run.hooks else replace(status, run=replace(status.run, hooks=counts))


def _is_still_owed(view: View, owed: HookOwed) -> bool:
    known = any(hook.name == owed.name and hook.type is HookType.POST_ROLLOUT for hook in view.spec.hooks)
    return known and owed_name(owed) not in view.seen.hooks


def _counts(view: View, run: Run) -> tuple[HookCount, ...]:
    before = {one.name: one for one in run.hooks if one.step == run.step and one.at >= run.step_started}
    found = (_counted(view, hook, before.get(hook.name)) for hook in view.spec.hooks if hook.type in COUNTED)
    return tuple(count for count in found if count is not None)


def _counted(view: View, hook: Hook, before: HookCount | None) -> HookCount | None:
    """How often in a row it has failed now; each answer counts once, and one that passed ends the row."""
    answer = _answer(view, hook)
    if answer is None or (before is not None and answer.at <= before.at):
        return before
    if answer.passed:
        return None
    return HookCount(
        name=hook.name,
        step=answer.step,
        failures=(before.failures if before else 0) + 1,
        at=answer.at,
        message=answer.message,
    )


def owed_after(view: View, outcome: Outcome) -> tuple[HookOwed, ...]:
    """All post-rollout calls that are owed once the present run has ended so."""
    return (*view.status.owed, *owed_by(view, outcome))[-OWED_KEPT:]


def hook_news(view: View, before: RolloutStatus) -> list[Reason]:
    """What came of the post-rollout calls that were owed before this look."""
    answers = [(owed, view.seen.hooks.get(owed_name(owed))) for owed in before.owed]
    return [
        Reason(
            code="HookAnswered",
            message=f"post-rollout hook {owed.name} of run {owed.run} "
            f"{'passed' if answer.passed else 'failed'}: {answer.message}",
            warning=not answer.passed,
        )
        for owed, answer in answers
        if answer is not None
    ]


def hook_moments(view: View) -> list[datetime]:
    """When webhooks are to be asked again, or their answer looked for."""
    questions = due(view)
    unanswered = any(
        question.about not in view.seen.hooks if question.about else _answer(view, question.hook) is None
        for question in questions
    )
    if unanswered or view.seen.calling:
        return [view.now + SOON]
    return [view.now + view.spec.analysis.interval] if questions else []
