"""How do the callers fare: how many requests are sent, answered, failed and cut, and by which version?

`python -m rollout.demo.load --url URL --host HOST` sends requests at a fixed rate over connections that it keeps, prints one
JSON line per second, and one with {"total": ...} at the end.
"""

import argparse
import asyncio
import json
import sys
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from rollout.demo.tether import Child, ChildError, dismissed, python_child, say

ANSWER_S = 10.0  # after this a request counts as cut
NOBODY = "-"  # version of an answer that no upstream gave


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """Requests of one second, or of the whole run: sent = ok + failed + resets once all are answered."""

    sent: int = 0
    ok: int = 0  # status below 400
    failed: int = 0  # status 400 and above: no caller here asks for what is not there
    resets: int = 0  # the connection ended, or nothing came in ANSWER_S
    by_version: Mapping[str, int] = field(default_factory=dict)
    by_status: Mapping[str, int] = field(default_factory=dict)

    def share(self, version: str) -> float:
        """Part of the answers that came from `version`, 0.0 to 1.0; 0.0 when there were none."""
        answers = sum(self.by_version.values())
        return self.by_version.get(version, 0) / answers if answers else 0.0

    def __add__(self, other: "Tally") -> "Tally":
        """Both together."""
        return Tally(
            sent=self.sent + other.sent,
            ok=self.ok + other.ok,
            failed=self.failed + other.failed,
            resets=self.resets + other.resets,
            by_version=Counter(self.by_version) + Counter(other.by_version),
            by_status=Counter(self.by_status) + Counter(other.by_status),
        )


class Load:
    """A handle on the process that sends requests."""

    def __init__(self, child: Child) -> None:
        self._child = child
        self.total: Tally | None = None  # known after the last line

    def is_running(self) -> bool:
        """Whether the process lives."""
        return self._child.is_running()

    async def seconds(self) -> AsyncIterator[Tally]:
        """The tally of each second, until the load ends; then `total` is set."""
        async for line in self._child.lines():
            said = json.loads(line)
            if "total" in said:
                self.total = Tally(**said["total"])
            else:
                yield Tally(**said)

    def dismiss(self) -> None:
        """Send no more; `seconds` ends once the answers that are due have come."""
        self._child.dismiss()

    async def finished(self) -> Tally:
        """The total, after max_seconds. Not while `seconds` is being read elsewhere; nor is `stop`."""
        async for _ in self.seconds():
            pass
        if self.total is None:
            raise ChildError("rollout.demo.load ended without a total; its errors are on stderr")
        return self.total

    async def stop(self) -> Tally:
        """Send no more, wait for the answers that are due, and return the total."""
        self.dismiss()
        return await self.finished()


@asynccontextmanager
async def running_load(
    url: str, host: str, *, rate: int = 150, connections: int = 16, max_seconds: float = 600
) -> AsyncIterator[Load]:
    """Requests to `url` with the Host header `host`, until the end of this block or of this process."""
    flags = {"--url": url, "--host": host, "--rate": rate, "--connections": connections, "--max-seconds": max_seconds}
    arguments = [str(text) for flag in flags.items() for text in flag]
    async with python_child("rollout.demo.load", *arguments) as child:
        yield Load(child)


@dataclass(slots=True)
class Counts:
    """What happened since the last report, and since the start."""

    current: Tally = field(default_factory=Tally)
    total: Tally = field(default_factory=Tally)

    def add(self, tally: Tally) -> None:
        """Count it."""
        self.current = self.current + tally

    def reported(self) -> Tally:
        """What is new since the last report."""
        new, self.current = self.current, Tally()
        self.total = self.total + new
        return new


class Caller:
    """One connection that is kept; opened again only when it was cut."""

    def __init__(self, url: str, host: str, counts: Counts) -> None:
        parts = urlsplit(url)
        self._address = parts.hostname or "127.0.0.1", parts.port or 80
        self._request = f"GET {parts.path or '/'} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: rollout-demo\r\n\r\n".encode()
        self._counts = counts
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def serve(self, due: "asyncio.Queue[None]") -> None:
        """Send a request whenever one is due."""
        while True:
            await due.get()
            self._counts.add(Tally(sent=1))
            try:
                async with asyncio.timeout(ANSWER_S):
                    self._counts.add(await self._call())
            except (OSError, EOFError, TimeoutError, ValueError):
                self.close()
                self._counts.add(Tally(resets=1))
            finally:
                due.task_done()

    def close(self) -> None:
        """Close the connection."""
        if self._streams is not None:
            self._streams[1].close()
        self._streams = None

    async def _call(self) -> Tally:
        if self._streams is None:
            self._streams = await asyncio.open_connection(*self._address)
        reader, writer = self._streams
        writer.write(self._request)
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:])}
        await reader.readexactly(int(headers.get("content-length", "0")))
        if headers.get("connection") == "close":
            self.close()
        status = head[0].split()[1]
        version = headers.get("x-version", NOBODY)
        is_ok = int(status) < 400
        return Tally(ok=int(is_ok), failed=int(not is_ok), by_version={version: 1}, by_status={status: 1})


async def _pace(due: "asyncio.Queue[None]", rate: int, max_seconds: float) -> None:
    """Make requests due at the fixed rate, whatever the answers do: a slow upstream does not slow the callers."""
    loop = asyncio.get_running_loop()
    start = loop.time()
    made = 0
    while made < rate * max_seconds:
        owed = min(int((loop.time() - start) * rate) + 1, int(rate * max_seconds)) - made
        for _ in range(owed):
            due.put_nowait(None)
        made += max(owed, 0)
        await asyncio.sleep(start + made / rate - loop.time())


async def _report(counts: Counts) -> None:
    while True:
        await asyncio.sleep(1)
        say(_plain(counts.reported()))


def _plain(tally: Tally) -> dict[str, object]:
    return {
        "sent": tally.sent,
        "ok": tally.ok,
        "failed": tally.failed,
        "resets": tally.resets,
        "by_version": dict(tally.by_version),
        "by_status": dict(tally.by_status),
    }


async def _run(options: argparse.Namespace) -> None:
    due: asyncio.Queue[None] = asyncio.Queue()
    counts = Counts()
    callers = [Caller(options.url, options.host, counts) for _ in range(options.connections)]
    serving = [asyncio.create_task(caller.serve(due)) for caller in callers]
    reporting = asyncio.create_task(_report(counts))
    pacing = asyncio.create_task(_pace(due, options.rate, options.max_seconds))
    ending = asyncio.create_task(dismissed())
    await asyncio.wait({ending, pacing}, return_when=asyncio.FIRST_COMPLETED)
    pacing.cancel()
    with suppress(TimeoutError):
        await asyncio.wait_for(due.join(), 0.8)
    for task in (*serving, reporting, ending):
        task.cancel()
    for caller in callers:
        caller.close()
    counts.reported()
    say({"total": _plain(counts.total)})


def main() -> int:
    """Send requests until our stdin is closed or the time is over."""
    parser = argparse.ArgumentParser(prog="rollout.demo.load")
    parser.add_argument("--url", required=True, help="where to connect")
    parser.add_argument("--host", required=True, help="the Host header")
    parser.add_argument("--rate", type=int, default=150, help="requests per second")
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--max-seconds", type=float, default=600)
    asyncio.run(_run(parser.parse_args()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
