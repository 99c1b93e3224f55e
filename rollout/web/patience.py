"""For how long may a request take to arrive?

uvicorn waits for ever for the end of a header or of a body, so whoever drips bytes holds a connection each, and as many as
the process may have.
"""

import asyncio
from datetime import timedelta
from typing import cast

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

PATIENCE = timedelta(seconds=20)  # more than webhooks wait for a body (10 s), which they answer


def impatient(patience: timedelta) -> type[asyncio.Protocol]:
    """uvicorn's protocol, which closes a connection whose next request is not whole in time."""

    class Impatient(H11Protocol):
        """One connection."""

        _deadline: asyncio.TimerHandle | None = None

        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            """As asyncio has it."""
            super().connection_made(cast("asyncio.Transport", transport))
            self._mind()

        def data_received(self, data: bytes) -> None:
            """As asyncio has it."""
            super().data_received(data)
            self._mind()

        def on_response_complete(self) -> None:
            """As uvicorn has it: the next request is waited for."""
            super().on_response_complete()
            self._mind()

        def connection_lost(self, exc: Exception | None) -> None:
            """As asyncio has it."""
            super().connection_lost(exc)
            self._forget()

        def _mind(self) -> None:
            """Count from the moment on in which a request is waited for; what arrives of it gives no more time."""
            if self.conn.their_state not in (h11.IDLE, h11.SEND_BODY):
                self._forget()
            elif self._deadline is None:
                self._deadline = self.loop.call_later(patience.total_seconds(), self.transport.close)

        def _forget(self) -> None:
            if self._deadline is not None:
                self._deadline.cancel()
                self._deadline = None

    return Impatient
