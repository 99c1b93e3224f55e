"""How is one process cut off from a server that goes on for everybody else?"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from threading import Event, Thread

from tests.support.deaf import deafened, heard_again

_PIECE = 1 << 16


class Wire:
    """A TCP port on loopback that leads to another one, until it is cut.

    Cut, packets are dropped and not confirmed, as in a broken network: what their sender has not given up by then arrives
    once the wire is whole. Held, only answers wait.
    """

    def __init__(self, target: int) -> None:
        self._target = target
        self._loop = asyncio.new_event_loop()
        self._answers = asyncio.Event()
        self._answers.set()
        self._server = self._loop.run_until_complete(asyncio.start_server(self._connected, "127.0.0.1", 0))
        self._writers: set[asyncio.StreamWriter] = set()
        self.port = int(self._server.sockets[0].getsockname()[1])
        Thread(target=self._loop.run_forever, name="wire", daemon=True).start()

    def hold(self) -> None:
        """Keep back every answer from now on."""
        self._done(self._answers.clear)

    def deliver(self) -> None:
        """Answer again, what was kept back first."""
        self._done(self._answers.set)

    def cut(self) -> None:
        """Let nothing through from now on, either way."""
        self._done(self._cut)

    def mend(self) -> None:
        """Lead to the server again."""
        self._done(self._mend)

    def _cut(self) -> None:
        self._answers.clear()
        for number in self._numbers():
            deafened(number)

    def _mend(self) -> None:
        for number in self._numbers():
            heard_again(number)
        self._answers.set()

    def _numbers(self) -> list[int]:
        listening = [one.fileno() for one in self._server.sockets]
        return listening + [writer.get_extra_info("socket").fileno() for writer in self._writers]

    def _done(self, what: Callable[[], None]) -> None:
        """Return when it was done in the loop's own thread."""
        done = Event()
        self._loop.call_soon_threadsafe(what)
        self._loop.call_soon_threadsafe(done.set)
        done.wait()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        there, out = await asyncio.open_connection("127.0.0.1", self._target)
        always = asyncio.Event()
        always.set()
        await asyncio.gather(_passed(reader, out, always), _passed(there, writer, self._answers))
        self._writers.discard(writer)


async def _passed(source: asyncio.StreamReader, sink: asyncio.StreamWriter, let_go: asyncio.Event) -> None:
    with suppress(OSError):
        while data := await source.read(_PIECE):
            await let_go.wait()
            sink.write(data)
            await sink.drain()
    sink.close()
