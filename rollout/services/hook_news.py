"""How do news reach the event hooks without keeping a tick waiting?

Each event hook of a Rollout has a line of its own: calls go out one after the other, in the order of the news, beside
the ticks. A receiver that is slow or gone loses the oldest news once WAITING of them wait; every call is retried as the
hook says. What waits at a restart is lost: Kubernetes Events have it.
"""

import asyncio
from collections import deque
from dataclasses import dataclass, field

import structlog

from rollout.model.hooks import HookQuestion
from rollout.model.names import Key
from rollout.model.status import Reason
from rollout.ports.clock import Clock
from rollout.ports.hooks import HookCalls
from rollout.ports.notices import About, Notices
from rollout.ports.rollouts import Rollouts
from rollout.progression.hook_questions import event_questions

WAITING = 100

log = structlog.get_logger("rollout.hooks")
Line = tuple[Key, str]


@dataclass(slots=True)
class HookNews:
    """`Notices` that also calls the event hooks of the Rollout that news are about."""

    notices: Notices
    rollouts: Rollouts
    calls: HookCalls
    clock: Clock
    _waiting: dict[Line, deque[HookQuestion]] = field(default_factory=dict)
    _callers: dict[Line, asyncio.Task[None]] = field(default_factory=dict)
    _number: int = 0

    async def tell(self, about: About, reason: Reason) -> None:
        """Announce it as before, and put it into the line of each event hook; waits for no hook."""
        if about.kind == "Rollout":
            self._enqueue(about.key, reason)
        await self.notices.tell(about, reason)

    async def close(self) -> None:
        """End all calls; what waits is not told any more."""
        callers = tuple(self._callers.values())
        for caller in callers:
            caller.cancel()
        await asyncio.gather(*callers, return_exceptions=True)

    def _enqueue(self, key: Key, reason: Reason) -> None:
        stored = self.rollouts.get(key)
        if stored is None or stored.spec is None:
            return
        self._number += 1
        for question in event_questions(stored.spec, stored.status, reason, self.clock.now(), self._number):
            line = (key, question.hook.name)
            waiting = self._waiting.setdefault(line, deque(maxlen=WAITING))
            if len(waiting) == WAITING:
                log.warning("hook_news_dropped", key=str(key), hook=question.hook.name, about=waiting[0].about)
            waiting.append(question)
            if line not in self._callers:
                self._callers[line] = asyncio.create_task(self._call_all(line))

    async def _call_all(self, line: Line) -> None:
        """Call until nothing waits."""
        waiting = self._waiting[line]
        try:
            while waiting:
                answer = await self.calls.call(waiting.popleft())
                if not answer.passed:
                    log.warning("hook_news_failed", key=str(line[0]), hook=line[1], message=answer.message)
        finally:
            del self._waiting[line], self._callers[line]
