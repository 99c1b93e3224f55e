"""How does a test type a command, and what does the terminal show?

`Terminal` runs commands in this process, in a thread, against the memory cluster's HTTP face; `typed` starts a real process.
"""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from adapters.kube.objects import KubeObjects
from adapters.memory.access import User
from adapters.memory.face import start_face
from rollout.cli.main import main
from rollout.wiring.tools import Cluster
from tests.support.world import World, a_release

SCREENS = Path(__file__).parent.parent / "unit" / "screens"
TOKENS = {"ana-token": User(name="ana", groups=("release-managers",))}
LIMIT_SECONDS = 30
GATED = [{"weight": 5, "soak": "5m"}, {"weight": 50, "soak": "5m", "approval": "release-managers"}]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What a command printed, and how it ended."""

    code: int
    out: str
    err: str


@dataclass(slots=True, kw_only=True)
class Terminal:
    """Commands against one kubeconfig, in the namespace shop."""

    kubeconfig: Path
    world: World

    async def type(self, *words: str) -> Shown:
        """Run `rollout WORDS`; -n shop is understood."""
        return await type_words(self.kubeconfig, words)


async def type_words(kubeconfig: Path, words: tuple[str, ...]) -> Shown:
    """What `rollout WORDS` shows, run in a thread of this process."""
    environment = {"KUBECONFIG": str(kubeconfig), "COLUMNS": None, "NO_COLOR": None}

    def run() -> Shown:
        result = CliRunner().invoke(main, list(words), env=environment)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Shown(code=result.exit_code, out=result.stdout, err=result.stderr)

    async with asyncio.timeout(LIMIT_SECONDS):
        return await asyncio.to_thread(run)


@asynccontextmanager
async def a_terminal(directory: Path, world: World, *, token: str = "ana-token") -> AsyncIterator[Terminal]:
    """A terminal at the cluster of `world`, whose controller stands still."""
    face = await start_face(world.cluster, tokens=TOKENS)
    try:
        path = face.kubeconfig(directory / "kubeconfig", token)
        path.write_text(path.read_text().replace("user: memory\n", "user: memory\n    namespace: shop\n"))
        yield Terminal(kubeconfig=path, world=world)
    finally:
        await face.close()


@asynccontextmanager
async def a_release_at(directory: Path, **spec: Any) -> AsyncIterator[Terminal]:
    """v2 is on trial in its first step, errors at 0.1 %; nothing moves by itself."""
    async with a_release(**spec) as world:
        world.metrics.tell_requests("errors", total=2000, bad=2)
        await world.commit(revision="v2")
        await world.settle()
        async with a_terminal(directory, world) as terminal:
            yield terminal


@asynccontextmanager
async def a_controller(world: World) -> AsyncIterator[None]:
    """The controller ticks in the background while time stands still."""

    async def tick() -> None:
        while True:
            await world.settle()
            await asyncio.sleep(0.02)

    ticking = asyncio.create_task(tick())
    try:
        yield
    finally:
        ticking.cancel()
        await asyncio.gather(ticking, return_exceptions=True)


def cluster_of(world: World) -> Cluster:
    """The world's cluster as a command sees it, without HTTP."""
    objects = KubeObjects(world.person)
    return Cluster(objects=objects, writes=objects, api=world.person, namespace="shop")


async def typed(*words: str, **environment: str) -> asyncio.subprocess.Process:
    """A real process of `rollout WORDS`, with these environment variables over ours."""
    return await asyncio.create_subprocess_exec(
        sys.executable,
        *words,
        env={**os.environ, **environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


def same_screen(name: str, lines: list[str]) -> None:
    """Compare with screens/NAME.txt; with ROLLOUT_GOLDEN=write the file is written anew, to be read before it is kept."""
    file, text = SCREENS / f"{name}.txt", "\n".join(lines) + "\n"
    if os.environ.get("ROLLOUT_GOLDEN") == "write":
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)
    assert text == file.read_text(), f"the screen differs from {file.name}"
