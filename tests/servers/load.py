"""How many requests went to which version, and was one of them lost?

A client of its own, because HTTP libraries quietly repeat a request whose kept connection was reset, and a lost request
must be seen.
"""

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from threading import Event, Thread
from urllib.parse import urlsplit

from tests.servers.upstreams import VERSION_HEADER

ANSWER_S = 10.0
CONNECTIONS = 16


@dataclass(slots=True)
class Report:
    """What the requests of one load met."""

    by_version: Counter[str] = field(default_factory=Counter)  # every answer that names its version
    by_status: Counter[int] = field(default_factory=Counter)
    broken: list[str] = field(default_factory=list)  # no answer: refused, reset or too late, with the reason

    @property
    def total(self) -> int:
        """Requests sent."""
        return self.by_status.total() + len(self.broken)

    @property
    def failed(self) -> int:
        """Requests that were not answered with a 2xx."""
        good = sum(count for status, count in self.by_status.items() if 200 <= status < 300)
        return self.total - good

    def share(self, version: str) -> float:
        """Percent of the answers that came from `version`; 0 when there were none."""
        return 100 * self.by_version[version] / self.by_version.total() if self.by_version else 0.0


async def counted(url: str, host: str, requests: int) -> Report:
    """The report of so many requests, as fast as a few kept connections carry them."""
    report, left = Report(), iter(range(requests))

    async def work() -> None:
        connection = _Connection(url, host)
        for _ in left:
            await connection.request(report)
        connection.close()

    await asyncio.gather(*(work() for _ in range(CONNECTIONS)))
    return report


def count(url: str, host: str, requests: int) -> Report:
    """`counted` for tests that have no event loop."""
    return asyncio.run(counted(url, host, requests))


class Load:
    """Requests at a fixed rate from a thread of its own, until `stop`; connections are kept and used again."""

    def __init__(self, url: str, host: str, rate: float = 200.0) -> None:
        self.report = Report()
        self._url, self._host, self._rate = url, host, rate
        self._ending = Event()
        self._thread = Thread(target=lambda: asyncio.run(self._work()), name="load", daemon=True)

    def start(self) -> "Load":
        """Begin."""
        self._thread.start()
        return self

    def stop(self) -> Report:
        """The report, after the requests in hand were answered."""
        self._ending.set()
        self._thread.join(ANSWER_S * 2)
        return self.report

    async def _work(self) -> None:
        loop = asyncio.get_running_loop()
        free = [_Connection(self._url, self._host) for _ in range(CONNECTIONS)]
        running: set[asyncio.Task[None]] = set()
        due = loop.time()
        while not self._ending.is_set():
            due += 1 / self._rate
            await asyncio.sleep(max(0.0, due - loop.time()))
            if free:  # all are busy only when answers take longer than CONNECTIONS / rate
                running.add(asyncio.create_task(self._send(free.pop(), free)))
            running = {task for task in running if not task.done()}
        await asyncio.gather(*running)
        for connection in free:
            connection.close()

    async def _send(self, connection: "_Connection", free: list["_Connection"]) -> None:
        await connection.request(self.report)
        free.append(connection)


class _Connection:
    """One kept HTTP/1.1 connection; opened again when an answer closed it."""

    def __init__(self, url: str, host: str) -> None:
        parts = urlsplit(url)
        self._address = (parts.hostname or "127.0.0.1", parts.port or 80)
        self._request = f"GET {parts.path or '/'} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def request(self, report: Report) -> None:
        """Send one request and note its end; nothing is ever repeated."""
        try:
            async with asyncio.timeout(ANSWER_S):
                await self._exchange(report)
        except (OSError, EOFError, TimeoutError) as error:  # IncompleteReadError is an EOFError
            report.broken.append(f"{type(error).__name__}: {error}")
            self.close()

    def close(self) -> None:
        """Give the socket back."""
        if self._streams:
            self._streams[1].close()
            self._streams = None

    async def _exchange(self, report: Report) -> None:
        if self._streams is None:
            self._streams = await asyncio.open_connection(*self._address)
        reader, writer = self._streams
        writer.write(self._request)
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:])}
        await _skip_body(reader, headers)
        report.by_status[int(head[0].split()[1])] += 1
        if version := headers.get(VERSION_HEADER):
            report.by_version[version] += 1
        if headers.get("connection") == "close":
            self.close()


async def _skip_body(reader: asyncio.StreamReader, headers: dict[str, str]) -> None:
    if headers.get("transfer-encoding") != "chunked":
        await reader.readexactly(int(headers.get("content-length", 0)))
        return
    size = 1
    while size:
        size = int(await reader.readline(), 16)
        await reader.readexactly(size + 2)
