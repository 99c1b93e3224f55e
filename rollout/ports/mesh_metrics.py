"""What do a mesh's metrics say of a namespace?"""

from datetime import datetime
from typing import Protocol

from rollout.model.telemetry import MeshAnswer, MeshQuestion


class MeshMetrics(Protocol):
    """A metrics server that scrapes the mesh's proxies. It never raises: what went wrong is the answer's `problem`."""

    async def ask(self, question: MeshQuestion, now: datetime) -> MeshAnswer:
        """The answer as of `now`, within the adapter's deadline (default 10 s); its series are sorted by their labels.

        How many questions are under way at once is bounded by the adapter, so that many may be asked together.
        """
