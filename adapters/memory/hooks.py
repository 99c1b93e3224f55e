"""What do webhooks answer where nobody is outside: what they were told to?"""

import asyncio
from dataclasses import replace

from rollout.model.hooks import HookAnswer, HookQuestion
from rollout.ports.clock import Clock


class MemoryHooks:
    """Implements the port `HookCalls`; until told otherwise every hook passes. asked: every question, oldest first."""

    def __init__(self, clock: Clock) -> None:
        self.asked: list[HookQuestion] = []
        self._clock = clock
        self._told: dict[str, tuple[bool, str]] = {}
        self._silent: set[str] = set()
        self._spoken = asyncio.Event()

    async def call(self, question: HookQuestion) -> HookAnswer:
        """What was told of the hook; one that is silent answers once it is told something."""
        self.asked.append(question)
        while question.hook.name in self._silent:
            self._spoken.clear()
            await self._spoken.wait()
        passed, message = self._told.get(question.hook.name, (True, "200: OK"))
        answer = HookAnswer(
            passed=passed,
            message=message,
            run=question.run,
            step=question.step,
            asked=question.asked,
            at=question.asked,
        )
        return replace(answer, at=max(self._clock.now(), question.asked))

    def tell(self, name: str, *, passed: bool, message: str = "") -> None:
        """This hook answers so from now on."""
        self._told[name] = (passed, message or ("200: Approved" if passed else "403: Forbidden"))
        self._silent.discard(name)
        self._spoken.set()

    def silence(self, name: str) -> None:
        """This hook does not answer any more."""
        self._silent.add(name)
