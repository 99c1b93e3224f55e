"""How does a test let an answer of the API server come late?"""

import asyncio

from adapters.kube.store import KubeRollouts
from rollout.model.status import RolloutStatus
from rollout.ports.rollouts import Stored


class Unanswered(KubeRollouts):
    """Rollouts whose status is sent, and whose answer comes when `answered` is set. is_asked: it was sent."""

    answered: asyncio.Event
    is_asked = False

    async def save(self, stored: Stored, status: RolloutStatus) -> Stored:
        self.is_asked = True
        await self.answered.wait()
        return await super().save(stored, status)
