"""How is one process cut off from a server that goes on for everybody else?"""

import asyncio
from contextlib import suppress
from threading import Thread

from tests.servers.process import free_port

_PIECE = 1 << 16


class Wire:
    """A TCP port on loopback that leads to another one, until it is cut.

    Held, it keeps back what the server answers, and delivers it later. Cut, it takes connections and bytes and passes nothing on, as a network that drops every packet; whole again, it ends
    those connections, because of what was dropped.
    """

    def __init__(self, target: int) -> None:
        self.port = free_port()
        self._target = target
        self._is_cut = False
        self._answers = asyncio.Event()
        self._answers.set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._loop = asyncio.new_event_loop()
        self._loop.run_until_complete(asyncio.start_server(self._connected, "127.0.0.1", self.port))
        Thread(target=self._loop.run_forever, name="wire", daemon=True).start()

    def hold(self) -> None:
        """Keep back every answer from now on."""
        self._loop.call_soon_threadsafe(self._answers.clear)

    def deliver(self) -> None:
        """Answer again, what was kept back first."""
        self._loop.call_soon_threadsafe(self._answers.set)

    def cut(self) -> None:
        """Pass nothing from now on."""
        self._is_cut = True

    def mend(self) -> None:
        """Lead to the server again."""
        self._loop.call_soon_threadsafe(self._mended)

    def _mended(self) -> None:
        self._is_cut = False
        for writer in self._writers:
            writer.transport.abort()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, out = await asyncio.open_connection("127.0.0.1", self._target)
        self._writers |= {writer, out}
        always = asyncio.Event()
        always.set()
        await asyncio.gather(self._passed(reader, out, always), self._passed(there, writer, self._answers))
        self._writers -= {writer, out}

    async def _passed(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, let_go: asyncio.Event) -> None:
        with suppress(OSError):
            while data := await source.read(_PIECE):
                await let_go.wait()
                if not self._is_cut:
                    sink.write(data)
                    await sink.drain()
        if not self._is_cut:
            sink.close()
