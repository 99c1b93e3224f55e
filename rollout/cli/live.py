"""How does a Rollout look on a terminal while it moves?"""

import asyncio
from contextlib import suppress
from datetime import UTC, datetime
from types import TracebackType
from typing import TYPE_CHECKING, Self

from rich.live import Live
from rich.text import Text

from rollout.cli.options import Access
from rollout.cli.terminal import harmless, paper
from rollout.cli.why import account
from rollout.ports.errors import PortError
from rollout.services.account import screen

if TYPE_CHECKING:
    from rollout.services.queries import Standing
    from rollout.wiring.tools import Cluster

_EVERY_SECONDS = 2.0  # ages and soaks move without any change in the cluster; five requests a second are too many


class Screen:
    """The screen of `rollout why`, kept up to date until it is left."""

    def __init__(self, access: Access, cluster: "Cluster", name: str) -> None:
        self._access = access
        self._cluster = cluster
        self._name = name
        self._live = Live(auto_refresh=False, vertical_overflow="crop")
        self._changed = asyncio.Event()
        self._drawing: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._live.start()
        self._drawing = asyncio.create_task(self._draw(), name="screen")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._drawing is not None:
            self._drawing.cancel()
            with suppress(asyncio.CancelledError):
                await self._drawing
        self._live.stop()

    def show(self, kind: str, now: "Standing") -> None:
        """Something changed: draw again soon."""
        self._changed.set()

    async def _draw(self) -> None:
        while True:
            self._changed.clear()
            try:
                found = await account(self._cluster, self._access, self._name, datetime.now(UTC))
            except PortError as error:
                self._live.update(Text(harmless(str(error))), refresh=True)
            else:
                shown = harmless("\n".join(screen(found, paper())))
                self._live.update(Text.from_ansi(shown), refresh=True)
            with suppress(TimeoutError):
                async with asyncio.timeout(_EVERY_SECONDS):
                    await self._changed.wait()
