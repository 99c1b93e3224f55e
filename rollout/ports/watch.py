"""Which objects might need a look?"""

from collections.abc import AsyncIterator
from typing import Protocol

from rollout.model.names import Key

Work = tuple[str, Key]  # kind and key of an object that the controller keeps as it should be


class Watch(Protocol):
    """Changes in the cluster, already turned into the Rollouts and GitSources they concern."""

    def changes(self) -> AsyncIterator[Work]:
        """What is concerned by a change, without end; the same one may come again at once."""

    async def refresh(self) -> None:
        """Return once every kind was listed consistently after this call began."""

    def is_synced(self) -> bool:
        """Whether every served kind was listed at least once."""
