"""What did webhooks answer last, and who is being asked now?

Calls run beside the tick: it waits for a fast answer for a moment, and finds a slow one later. So a slow or dead hook
keeps no weight from going down. What is remembered is lost at a restart, which only means to ask again.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from rollout.model.hooks import HookAnswer, HookQuestion
from rollout.model.names import Key
from rollout.model.rollout import RolloutSpec
from rollout.model.status import RolloutStatus
from rollout.ports.hooks import HookCalls

MOMENT = timedelta(
    milliseconds=300
)  # how long a tick waits for an answer; the metrics server is asked at the same time
Call = asyncio.Task[HookAnswer]
Questions = tuple[HookQuestion, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """The last answers by the name of the question, and the names of those that are being asked."""

    answers: Mapping[str, HookAnswer]
    calling: frozenset[str]


@dataclass(slots=True)
class _Asked:
    """One question and what is known of it. call: None once it was answered."""

    question: HookQuestion
    call: Call | None
    answer: HookAnswer | None = None


@dataclass(slots=True)
class HookMemory:
    """Asks each webhook at most once per analysis interval, and again at once when it is asked for another step.

    moment: how long a tick waits for answers.
    """

    calls: HookCalls
    moment: timedelta = MOMENT
    _asked: dict[Key, dict[str, _Asked]] = field(default_factory=dict)

    async def heard(self, spec: RolloutSpec, status: RolloutStatus, questions: Questions, now: datetime) -> Heard:
        """What is known after asking those of `questions` that are due; waits for their answers no longer than `moment`."""
        key, every = spec.key, spec.analysis.interval
        known = self._asked.setdefault(key, {})
        _drop_the_past(known, status, questions)
        begun = [call for question in questions if (call := self._begin(known, question, every, now)) is not None]
        if begun:
            await asyncio.wait(begun, timeout=self.moment.total_seconds())
        for one in known.values():
            if one.call is not None and one.call.done():
                one.answer, one.call = one.call.result(), None
        if not known:
            del self._asked[key]
        answers = {name: one.answer for name, one in known.items() if one.answer is not None}
        return Heard(answers=answers, calling=frozenset(name for name, one in known.items() if one.call is not None))

    def forget(self, key: Key) -> None:
        """Ask nothing more for a Rollout that is gone."""
        for one in self._asked.pop(key, {}).values():
            _cancel(one)

    async def close(self) -> None:
        """End every call."""
        calls = [one.call for known in self._asked.values() for one in known.values() if one.call is not None]
        for key in tuple(self._asked):
            self.forget(key)
        await asyncio.gather(*calls, return_exceptions=True)

    def _begin(self, known: dict[str, _Asked], question: HookQuestion, every: timedelta, now: datetime) -> Call | None:
        """The call that is begun now; None where one runs already, or was made a moment ago."""
        name = question.about or question.hook.name
        before = known.get(name)
        if before is not None and _is_same(before.question, question):
            # an age below none: the clock was set back meanwhile
            if before.call is not None or timedelta(0) <= now - before.question.asked < every:
                return None
        elif before is not None:
            _cancel(before)
            before = None
        call = asyncio.ensure_future(self.calls.call(question))
        known[name] = _Asked(question, call, before.answer if before is not None else None)
        return call


def _drop_the_past(known: dict[str, _Asked], status: RolloutStatus, questions: Questions) -> None:
    """Forget what was asked in another run or step, and what is owed no more: nobody wants to know it."""
    place = (status.runs, status.run.step) if status.run is not None else None
    owed = {question.about for question in questions}
    for name, one in tuple(known.items()):
        asked = one.question
        if asked.about not in owed if asked.about else (asked.run, asked.step) != place:
            _cancel(known.pop(name))


def _is_same(one: HookQuestion, other: HookQuestion) -> bool:
    return (one.run, one.step, one.hook) == (other.run, other.step, other.hook)


def _cancel(one: _Asked) -> None:
    if one.call is not None:
        one.call.cancel()
