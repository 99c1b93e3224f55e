"""How does a test let an answer of the API server or of a metrics server come late?"""

import asyncio
from dataclasses import dataclass, field

from adapters.kube.store import KubeRollouts
from rollout.model.measurement import Answer, Question
from rollout.model.status import RolloutStatus
from rollout.ports.metrics import Metrics
from rollout.ports.rollouts import Stored


class Unanswered(KubeRollouts):
    """Rollouts whose status is sent, and whose answer comes when `answered` is set. is_asked: it was sent."""

    answered: asyncio.Event
    is_asked = False

    async def save(self, stored: Stored, status: RolloutStatus) -> Stored:
        self.is_asked = True
        await self.answered.wait()
        return await super().save(stored, status)


@dataclass
class Hanging:
    """A metrics server whose answers come when `over` is set."""

    behind: Metrics
    asked: list[Question] = field(default_factory=list)
    over: asyncio.Event = field(default_factory=asyncio.Event)

    async def measure(self, question: Question) -> Answer:
        """Wait, then as the one behind it."""
        self.asked.append(question)
        await self.over.wait()
        return await self.behind.measure(question)
