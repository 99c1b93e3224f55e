"""How does a server run in an event loop of ours, and end as soon as nobody is being answered?"""

import asyncio
import contextlib
import socket
from collections.abc import Iterator

import uvicorn

_LOOKS_PER_SECOND = 10  # what uvicorn makes of ticks: at each tenth it sets the Date header anew
_PAUSES = (0.0, 0.0, 0.0, 0.001, 0.005, 0.02)  # seconds: a connection that nobody is answered on closes in the first


class Server(uvicorn.Server):
    """Leaves signals to whoever runs the loop; `end` ends it, at once where uvicorn would take 0.2 s.

    For apps without a lifespan, as all of ours are: nothing is told to them at the end.
    """

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._over = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Install nothing."""
        yield

    def end(self) -> None:
        """Take no more connections, and return once those in hand are answered."""
        self.should_exit = True
        self._over.set()

    async def main_loop(self) -> None:
        """Wake once a second, or when it is over."""
        ticks = 0
        while not await self.on_tick(ticks):
            ticks += _LOOKS_PER_SECOND
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._over.wait(), timeout=1)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Close what is idle; uvicorn's own way, which waits in tenths of a second, is for who is still being answered."""
        for server in self.servers:
            server.close()
        for listener in sockets or ():
            listener.close()
        for connection in tuple(self.server_state.connections):
            connection.shutdown()
        for pause in _PAUSES:
            await asyncio.sleep(pause)
            if not self.server_state.connections and not self.server_state.tasks:
                return
        await super().shutdown(sockets)


def listener(host: str, port: int) -> socket.socket:
    """A socket on which whoever connects waits until a server answers; port 0 is any free one, OSError when it is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # It names its protocol: asyncio turns Nagle's algorithm off (40 ms per request) for no other one.
    found = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        found.bind((host.strip("[]"), port))
        found.listen()
    except OSError:
        found.close()
        raise
    return found
