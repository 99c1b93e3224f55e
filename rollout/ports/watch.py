"""Which Rollouts might need a look?"""

from collections.abc import AsyncIterator
from typing import Protocol

from rollout.model.names import Key


class Watch(Protocol):
    """Changes in the cluster, already turned into the Rollouts they concern."""

    def changes(self) -> AsyncIterator[Key]:
        """Keys of Rollouts concerned by a change, without end; the same key may come again at once."""

    async def refresh(self) -> None:
        """Return once every kind was listed consistently after this call began."""

    def is_synced(self) -> bool:
        """Whether every served kind was listed at least once."""
