"""What if a metrics server hangs, or records and an inventory cannot be read or written?"""

import asyncio
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from rollout.model.telemetry import MeshAnswer, MeshQuestion
from rollout.ports.errors import Unreachable
from rollout.ports.migrations import Record


class Hanging:
    """A metrics server that never answers."""

    async def ask(self, _question: MeshQuestion, _now: datetime) -> MeshAnswer:
        """Never."""
        answer: asyncio.Future[MeshAnswer] = asyncio.get_running_loop().create_future()
        return await answer


class Unread:
    """Records and an inventory that nobody can read."""

    async def read(self, _migration: str, _namespace: str) -> Record:
        """Never."""
        raise Unreachable("no answer")

    async def keep(self, _migration: str, _namespace: str, _record: Record) -> Record:
        """Never."""
        raise Unreachable("no answer")

    async def objects(self, _root: str) -> tuple[Mapping[str, Any], Mapping[str, str]]:
        """Never."""
        raise Unreachable("no answer")

    async def periods(self, _now: datetime) -> tuple[Any, ...]:
        """Never."""
        raise Unreachable("no answer")

    async def webhooks(self) -> Mapping[str, tuple[str, ...]]:
        """Never."""
        raise Unreachable("no answer")


class OnlyOf(Unread):
    """Records of one namespace alone can be written."""

    def __init__(self, records: Any, namespace: str) -> None:
        self._records = records
        self._namespace = namespace

    async def read(self, migration: str, namespace: str) -> Record:
        """As it is stored."""
        found: Record = await self._records.read(migration, namespace)
        return found

    async def keep(self, migration: str, namespace: str, record: Record) -> Record:
        """As it is stored, or not."""
        if namespace != self._namespace:
            raise Unreachable("quota exceeded")
        kept: Record = await self._records.keep(migration, namespace, record)
        return kept
