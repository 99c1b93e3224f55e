"""Does every adapter that asks over HTTP give up in time, at whichever point a server falls silent?"""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from adapters.forges.client import HttpForges
from adapters.git.allowed import Urls
from adapters.git.past import GitPast
from adapters.git.source import GitSpecSource
from adapters.kube.api import Patch
from adapters.kube.client import HttpApi
from adapters.memory.clock import ManualClock
from adapters.metrics.access import PrometheusAccess
from adapters.metrics.prometheus import PrometheusMetrics
from rollout.model.measurement import Failed
from rollout.model.rollout import Query
from rollout.model.source import Forge, ForgeKind, GitSource
from rollout.ports.errors import Unreachable
from rollout.ports.forges import CommitState, CommitStatus
from rollout.ports.sources import Credentials
from tests.support.builders import NOON
from tests.support.git_fixtures import git_source
from tests.support.kube_server import kubeconfig
from tests.support.questions import a_question

pytestmark = pytest.mark.slow

WITHIN = timedelta(seconds=0.4)
PATIENCE_S = (
    10.0  # without a deadline an adapter would wait for ever; with one it needs a moment more on a busy machine
)
COMMIT = "1" * 40
POD = "/api/v1/namespaces/shop/pods/a"
ONE = Query(name="one", query="one", below=2)
DONE = CommitStatus(context="rollout/validate", state=CommitState.SUCCESS, text="taken")

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n"
STALLS = {
    "before it answers": (b"", False),
    "in the headers": (HEAD[:30], False),
    "before the body": (HEAD, False),
    "in the body": (HEAD + b'{"items": [', False),
    "never, but is slow without end": (HEAD, True),
    "in an error": (HEAD.replace(b"200 OK", b"500 Oh"), False),
}
Ask = Callable[[str, Path], Awaitable[str]]


@asynccontextmanager
async def stalling(begin: bytes, *, drips: bool) -> AsyncIterator[str]:
    """The URL of a server that answers every request with `begin` and then nothing, or a blank every 10 ms."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(begin)
            while drips and not writer.is_closing():
                writer.write(b" ")
                await writer.drain()
                await asyncio.sleep(0.01)
            await reader.read()
        except (OSError, EOFError):
            pass  # whoever gave up has closed the connection
        finally:
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


async def refused(call: Awaitable[object]) -> str:
    """How a call that must fail says that nobody answers."""
    with pytest.raises(Unreachable) as raised:
        await call
    return str(raised.value)


async def kube(url: str, folder: Path) -> str:
    """A read of the API server."""
    api = await HttpApi.connect(kubeconfig(folder, url, {"token": "t"}), within=WITHIN)
    said = await refused(api.get(POD))
    await api.close()
    return said


async def kube_write(url: str, folder: Path) -> str:
    """A write to the API server."""
    api = await HttpApi.connect(kubeconfig(folder, url, {"token": "t"}), within=WITHIN)
    said = await refused(api.patch(POD, Patch.MERGE, {"metadata": {}}))
    await api.close()
    return said


async def kube_text(url: str, folder: Path) -> str:
    """A log that the API server sends."""
    api = await HttpApi.connect(kubeconfig(folder, url, {"token": "t"}), within=WITHIN)
    said = await refused(api.text(f"{POD}/log", {}, 1_000_000))
    await api.close()
    return said


def source_at(url: str) -> GitSource:
    forge = Forge(kind=ForgeKind.GITEA, secret="forge")
    return git_source(f"{url}/shop/specs", forge=forge)


async def forge_read(url: str, _: Path) -> str:
    """The statuses that a forge shows."""
    forges = HttpForges(ManualClock(NOON), Urls(file=True).scheme, within=WITHIN)
    said = await refused(forges.statuses(source_at(url), "token", COMMIT))
    await forges.close()
    return said


async def forge_write(url: str, _: Path) -> str:
    """A status that a forge is told."""
    forges = HttpForges(ManualClock(NOON), Urls(file=True).scheme, within=WITHIN)
    said = await refused(forges.say(source_at(url), "token", COMMIT, DONE))
    await forges.close()
    return said


async def prometheus(url: str, _: Path) -> str:
    """A measurement."""
    metrics = PrometheusMetrics(PrometheusAccess(url=url, deadline=WITHIN))
    answer = await metrics.measure(a_question(ONE))
    await metrics.close()
    assert isinstance(answer, Failed)
    return answer.error


async def git_head(url: str, folder: Path) -> str:
    """The newest commit of a branch."""
    git = GitSpecSource(folder / "cache", urls=Urls(file=True), seconds=WITHIN.total_seconds())
    said = await refused(git.head(source_at(url), Credentials()))
    await git.close()
    return said


async def git_past(url: str, folder: Path) -> str:
    """The history of a branch."""
    git = GitSpecSource(folder / "cache", urls=Urls(file=True), seconds=WITHIN.total_seconds())
    said = await refused(GitPast(git).past(source_at(url), Credentials(), COMMIT, 50))
    await git.close()
    return said


ASKED: tuple[Ask, ...] = (kube, kube_write, kube_text, forge_read, forge_write, prometheus, git_head, git_past)


@pytest.mark.parametrize("stall", STALLS)
@pytest.mark.parametrize("ask", ASKED, ids=lambda ask: str(ask.__name__))
async def test_a_server_that_falls_silent_is_given_up(ask: Ask, stall: str, tmp_path: Path) -> None:
    begin, drips = STALLS[stall]

    async with stalling(begin, drips=drips) as url:
        said = await asyncio.wait_for(ask(url, tmp_path), PATIENCE_S)

    assert re.search(r"TimeoutError|no answer within 0\.4 s|\(500\)", said)
