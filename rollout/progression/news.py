"""What of a Rollout has not been told yet?

News are the difference between a mark, which is where the Rollout stood when it was told last, and its status now. Ends
of runs come from the history, so none is lost while nobody can be told; steps in between may be skipped.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime

from rollout.model.deeds import Approval
from rollout.model.news import News
from rollout.model.notifier import Severity
from rollout.model.status import Outcome, Past, Phase, Reason, RolloutStatus, Run
from rollout.progression.decide import EARLY, QUIET
from rollout.progression.telling import NEEDS_A_PERSON

_BAD = frozenset({Outcome.FAILED, Outcome.ABORTED})
_NOTHING = "-"
_GATE = "AwaitingApproval"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """Where a Rollout stood. ended: the newest run whose end is told. run, step, began, phase: of the run in hand, 0 for none;
    began is the second in which the step did. holds: tokens of the reasons that are told. count: of news told so far.
    """

    ended: int = 0
    run: int = 0
    step: int = 0
    began: int = 0
    phase: str = _NOTHING
    holds: tuple[str, ...] = ()
    count: int = 0

    def __str__(self) -> str:
        holds = ",".join(self.holds) or _NOTHING
        return f"e{self.ended} r{self.run} s{self.step}@{self.began} {self.phase} {holds} {self.count}"


def mark_from(text: str) -> Mark | None:
    """The Mark whose text it is; None when it is none of ours."""
    try:
        ended, run, step, phase, holds, count = text.split(" ")
        number, began = step.removeprefix("s").split("@")
        return Mark(
            ended=int(ended.removeprefix("e")),
            run=int(run.removeprefix("r")),
            step=int(number),
            began=int(began),
            phase=phase,
            holds=() if holds == _NOTHING else tuple(holds.split(",")),
            count=int(count),
        )
    except ValueError:
        return None


def unmarked(status: RolloutStatus, since: datetime) -> Mark:
    """The mark of a Rollout of which nothing was told, where what ended up to `since` is not to be told."""
    old = [past.run for past in status.history if past.ended <= since]
    young = [past.run for past in status.history if past.ended > since]
    return Mark(ended=max(old, default=min(young, default=1) - 1))


def news(mark: Mark, status: RolloutStatus) -> tuple[News, ...]:
    """What is not told yet, in the order in which it came about."""
    if status.runs < max(mark.ended, mark.run):
        mark = Mark()  # the status was thrown away, and its numbers with it
    telling = _Telling(mark=mark, status=status)
    telling.ends()
    if status.run is not None:
        telling.run(status.run)
    telling.waits()
    return tuple(telling.found)


@dataclass(slots=True, kw_only=True)
class _Telling:
    """News as they are found; `mark` moves along."""

    mark: Mark
    status: RolloutStatus
    found: list[News] = field(default_factory=list)

    def ends(self) -> None:
        """Every run that ended, the oldest first."""
        ended = sorted((past for past in self.status.history if past.run > self.mark.ended), key=lambda past: past.run)
        if ended and ended[0].run > self.mark.ended + 1:
            self._forgotten(ended[0].run - 1)
        for past in ended:
            self.mark = _ended(self.mark, past.run)
            self._add(_end(past))

    def run(self, run: Run) -> None:
        """That the run in hand began, and how far it is."""
        status = self.status
        base = News(
            code="Started",
            sentence=f"{run.canary.name} is on trial: {_plan(run)}",
            key=f"run {status.runs} started",
            mark="",
            run=status.runs,
            revision=run.canary.name,
            step=run.step,
            weight=run.weight,
            phase=status.phase.value,
            at=run.started,
        )
        if self.mark.run != status.runs:
            self.mark = replace(self.mark, run=status.runs, step=0, began=0, phase=_NOTHING, holds=())
            self._add(base)
        moved = (self.mark.step, self.mark.began) != (run.step, _second(run.step_started))
        phase = status.phase.value if status.phase in (Phase.PROMOTING, Phase.ROLLING_BACK) else _NOTHING
        if not moved and self.mark.phase == phase:
            return
        turned = self.mark.phase != phase
        self.mark = replace(self.mark, step=run.step, began=_second(run.step_started), phase=phase, holds=())
        at = f"run {status.runs} step {run.step}@{self.mark.began}"
        if status.phase is Phase.ROLLING_BACK and turned:
            is_bad = run.ending is None or not run.ending.is_return
            severity = Severity.WARNING if is_bad else Severity.INFO
            why = run.ending_why or "all traffic goes to stable"
            self._add(replace(base, code="RollingBack", sentence=why, severity=severity, key=at, at=run.step_started))
        elif status.phase is Phase.PROMOTING and turned:
            sentence = f"all steps passed: {run.canary.name} takes all traffic"
            self._add(replace(base, code="Promoting", sentence=sentence, key=at, at=run.step_started))
        elif phase == _NOTHING and run.step:
            sentence = f"step {run.step} of {len(run.plan)}: {run.weight} % of requests to {run.canary.name}"
            self._add(replace(base, code="Step", sentence=sentence, key=at, at=run.step_started))

    def waits(self) -> None:
        """Reasons that hold now and did not before, and waits for a person that are over."""
        status, run = self.status, self.status.run
        held = {_token(reason, run): reason for reason in _worth(status.reasons)}
        if run is None and self.mark.run:
            self.mark = replace(self.mark, run=0, step=0, began=0, phase=_NOTHING, holds=())
        base = News(
            code="WaitOver",
            sentence="",
            key="",
            mark="",
            run=status.runs if run else 0,
            revision=run.canary.name if run else status.stable.name if status.stable else "",
            step=run.step if run else 0,
            weight=run.weight if run else 0,
            phase=status.phase.value,
        )
        stays = {_code(token) for token in held} & {_GATE}  # one of several approvals came: it waits on
        ended = (_code(token) for token in self.mark.holds if token not in held)
        over = sorted({code for code in ended if code in NEEDS_A_PERSON - stays})
        if over:
            codes = ", ".join(over)
            self.mark = replace(self.mark, holds=tuple(token for token in self.mark.holds if token in held))
            sentence = f"it waits no more for a person: {codes} is over"
            self._add(replace(base, sentence=sentence, key=self._moment(f"over {codes}"), ends=True))
        for token in sorted(held.keys() - set(self.mark.holds), key=list(held).index):
            reason = held[token]
            key = self._moment(token)
            self.mark = replace(self.mark, holds=(*(one for one in self.mark.holds if one in held), token))
            self._add(_hold(base, reason, key, self._since(reason)))

    def _forgotten(self, last: int) -> None:
        """Runs that left the history before anybody could be told."""
        first = self.mark.ended + 1
        runs = f"run {first}" if first == last else f"runs {first} to {last}"
        self.mark = _ended(self.mark, last)
        sentence = f"{runs} ended while nobody could be told; how is not remembered any more"
        lost = News(code="EndsForgotten", sentence=sentence, key=f"forgotten up to {last}", mark="", run=last)
        self._add(replace(lost, severity=Severity.WARNING, ends=True))

    def _moment(self, what: str) -> str:
        """A key for something that may come and go and come again."""
        since = self._since(None)
        episode = f"step {self.mark.step}@{self.mark.began}" if self.mark.run else f"{since and _second(since)}"
        return f"run {self.mark.run} after {self.mark.ended} {episode} {what} {self.mark.count}"

    def _since(self, reason: Reason | None) -> datetime | None:
        """Since when the reason holds, as far as the status says it."""
        run = self.status.run
        if run is None:
            return next((one.since for one in self.status.conditions if one.type == "Ready"), None)
        if reason is not None and reason.code == "Paused" and run.pause is not None:
            return run.pause.at
        if reason is None or reason.code != _GATE:
            return None
        return max((one.at for one in _given(run)), default=run.gate_since)

    def _add(self, one: News) -> None:
        self.mark = replace(self.mark, count=self.mark.count + 1)
        self.found.append(replace(one, mark=str(self.mark)))


def _ended(mark: Mark, run: int) -> Mark:
    """The mark once the end of `run` is told."""
    if mark.run > run:
        return replace(mark, ended=run)
    return replace(mark, ended=run, run=0, step=0, began=0, phase=_NOTHING, holds=())


def _end(past: Past) -> News:
    failed = past.outcome in _BAD
    return News(
        code=past.outcome.value,
        sentence=past.message or f"{past.revision}: {past.outcome.value}",
        key=f"run {past.run} ended",
        mark="",
        severity=Severity.WARNING if failed else Severity.INFO,
        run=past.run,
        revision=past.revision,
        weight=100 if past.outcome is Outcome.PROMOTED else 0,
        phase=(Phase.FAILED if failed else Phase.IDLE).value,
        at=past.ended,
        ends=True,
    )


def _hold(base: News, reason: Reason, key: str, since: datetime | None) -> News:
    waits = reason.code in NEEDS_A_PERSON
    severity = Severity.WARNING if reason.warning else Severity.INFO
    return replace(
        base, code=reason.code, sentence=reason.message, key=key, severity=severity, needs_person=waits, at=since
    )


def _worth(reasons: tuple[Reason, ...]) -> tuple[Reason, ...]:
    """Reasons that are news; a pause is, because it waits for a person."""
    soaking = any(reason.code == "Soaking" for reason in reasons)
    quiet = (QUIET - NEEDS_A_PERSON) | (EARLY if soaking else frozenset())
    return tuple(reason for reason in reasons if reason.code not in quiet)


def _token(reason: Reason, run: Run | None) -> str:
    """What tells this wait from another one: two pauses of one step are two, and so is a gate before and after an approval."""
    if reason.code == "Paused" and run is not None and run.pause is not None:
        return f"Paused@{_second(run.pause.at)}"
    if reason.code == _GATE and run is not None and _given(run):
        return f"{_GATE}@{len(_given(run))}"
    return reason.code


def _given(run: Run) -> tuple[Approval, ...]:
    return tuple(one for one in run.approvals if one.step == run.step)


def _code(token: str) -> str:
    return token.partition("@")[0]


def _plan(run: Run) -> str:
    weights = ", ".join(str(step.weight) for step in run.plan)
    return f"steps of {weights} %" if weights else "all traffic at once"


def _second(moment: datetime) -> int:
    return int(moment.timestamp())
