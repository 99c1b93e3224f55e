"""Which webhooks are to be called now, and with which words?

Everything follows from spec and status: what was answered before decides nothing here. What a hook is told is Flagger's
payload, so that testers written for it understand it.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime

from rollout.model.hooks import Hook, HookOwed, HookQuestion, HookType
from rollout.model.names import filled
from rollout.model.rollout import RolloutSpec
from rollout.model.status import Outcome, Phase, Reason, Revision, RolloutStatus
from rollout.progression.view import FULL, View, next_weight

RUNNING = (Phase.PROGRESSING, Phase.PAUSED, Phase.PROMOTING)
# Our phase in Flagger's words; two gates have words of their own (`phase_word`).
PHASES: Mapping[Phase, str] = {
    Phase.IDLE: "Succeeded",
    Phase.PROGRESSING: "Progressing",
    Phase.PAUSED: "Progressing",
    Phase.PROMOTING: "Promoting",
    Phase.ROLLING_BACK: "Failed",
    Phase.FAILED: "Failed",
}
_TESTS = frozenset({"HookPending", "HookFailing"})
_GATES = frozenset({"HookWaiting", "HookClosed"})
_NO_HOLDS = frozenset({"PlanRefused", "RouteNamesGone"})  # told beside the holds of a step, and hold none
_CHECKSUM_LENGTH = 32


def due(view: View) -> tuple[HookQuestion, ...]:
    """The questions that are to be asked now: those of the present run, and post-rollout ones of runs that ended."""
    return (*_owed(view), *_of_the_run(view))


def _of_the_run(view: View) -> Iterator[HookQuestion]:
    """A first deployment and a revert are not asked for: they have no step, gate or verdict."""
    run, status = view.status.run, view.status
    if run is None or run.straight or status.phase not in RUNNING:
        return
    for hook in view.spec.hooks:
        if hook.type in DUE and DUE[hook.type](view):
            yield HookQuestion(
                key=view.spec.key,
                hook=hook,
                phase=PHASES[status.phase],
                checksum=checksum(run.canary.name, run.canary.template),
                run=status.runs,
                step=run.step,
                metadata=_metadata(hook, run.canary.name),
                asked=view.now,
            )


def _before_the_first_weight(view: View) -> bool:
    return view.status.phase is Phase.PROGRESSING and view.run.step == 0


def _all_but(view: View, codes: frozenset[str]) -> bool:
    """Whether nothing but these held the step when it was last looked at: who tests or confirms is asked last."""
    held = {reason.code for reason in view.status.reasons} - _NO_HOLDS
    return view.status.phase is Phase.PROGRESSING and held <= codes


def _has_weight(view: View) -> bool:
    return view.run.weight > 0 and view.run.in_force_at is not None


DUE: Mapping[HookType, Callable[[View], bool]] = {
    HookType.CONFIRM_ROLLOUT: _before_the_first_weight,
    HookType.PRE_ROLLOUT: lambda view: _before_the_first_weight(view) and _all_but(view, _TESTS),
    HookType.ROLLOUT: _has_weight,
    HookType.CONFIRM_TRAFFIC_INCREASE: lambda view: _all_but(view, _GATES),
    HookType.CONFIRM_PROMOTION: lambda view: _all_but(view, _GATES) and next_weight(view) == FULL,
    HookType.ROLLBACK: lambda _: True,
}


def _owed(view: View) -> Iterator[HookQuestion]:
    hooks = {hook.name: hook for hook in view.spec.hooks if hook.type is HookType.POST_ROLLOUT}
    for owed in view.status.owed:
        if owed.name in hooks:
            yield HookQuestion(
                key=view.spec.key,
                hook=hooks[owed.name],
                phase="Succeeded" if owed.succeeded else "Failed",
                checksum=checksum(owed.revision, owed.template),
                run=owed.run,
                step=0,
                metadata=_metadata(hooks[owed.name], owed.revision),
                asked=view.now,
                about=owed_name(owed),
            )


def owed_name(owed: HookOwed) -> str:
    """What the answer to an owed question is found by; no hook has such a name."""
    return f"{owed.name}#{owed.run}"


def owed_by(view: View, outcome: Outcome) -> tuple[HookOwed, ...]:
    """The calls that the end of the present run owes to the post-rollout hooks."""
    run = view.run
    return tuple(
        HookOwed(
            name=hook.name,
            run=view.status.runs,
            revision=run.canary.name,
            template=run.canary.template,
            succeeded=outcome is Outcome.PROMOTED,
            since=view.now,
        )
        for hook in view.spec.hooks
        if hook.type is HookType.POST_ROLLOUT
    )


def event_questions(
    spec: RolloutSpec, status: RolloutStatus, news: Reason, now: datetime, number: int
) -> tuple[HookQuestion, ...]:
    """One call of each event hook for one piece of news. number: tells it from others of the same moment."""
    run = status.run
    revision = (
        run.canary if run else status.stable or Revision(name=spec.revision, backend=spec.backend_of(spec.revision))
    )
    told = (
        ("eventMessage", news.message),
        ("eventType", "Warning" if news.warning else "Normal"),
        ("timestamp", str(int(now.timestamp() * 1000))),
    )
    return tuple(
        HookQuestion(
            key=spec.key,
            hook=hook,
            phase=phase_word(status),
            checksum=checksum(revision.name, revision.template),
            run=status.runs,
            step=run.step if run else 0,
            metadata=(*told, *_metadata(hook, revision.name)),
            asked=now,
            about=f"{news.code}#{number}",
        )
        for hook in spec.hooks
        if hook.type is HookType.EVENT
    )


def phase_word(status: RolloutStatus) -> str:
    """Flagger's word for where a Rollout stands; Waiting and WaitingPromotion while a confirm hook keeps it."""
    run, waits = status.run, {"HookClosed", "HookWaiting"} & {reason.code for reason in status.reasons}
    if status.phase is Phase.PROGRESSING and run is not None and waits:
        if run.step == 0:
            return "Waiting"
        if run.step >= len(run.plan):
            return "WaitingPromotion"
    if status.phase is Phase.IDLE and not status.history:
        return "Initialized"
    return PHASES[status.phase]


def checksum(revision: str, template: str) -> str:
    """What tells a hook one release from another: the same as long as name and pod template are the same."""
    return hashlib.sha256(f"{revision}\n{template}".encode()).hexdigest()[:_CHECKSUM_LENGTH]


def _metadata(hook: Hook, revision: str) -> tuple[tuple[str, str], ...]:
    return tuple((name, filled(value, revision)) for name, value in hook.metadata)
