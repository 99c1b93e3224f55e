"""What do the metrics say?"""

from typing import Protocol

from rollout.model.measurement import Answer, Question


class Metrics(Protocol):
    """A metrics server. It never raises: what went wrong is an Answer of its own kind."""

    async def measure(self, question: Question) -> Answer:
        """The answer to one question, within the adapter's deadline (default 10 s)."""
