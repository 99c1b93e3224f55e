"""What does a controller hold in memory before anybody asks anything of it?"""

import asyncio
import sys
from pathlib import Path

import pytest
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp

from adapters.memory.cluster import MemoryCluster
from adapters.memory.face import start_face
from rollout.crds import definitions
from rollout.wiring.late import Late
from tests.support.asgi import asked

ASKED_FOR = {
    "an API or a dashboard": ("fastapi", "rollout.web.api", "opentelemetry"),
    "webhooks": ("webhooks", "slack_sdk", "jwt", "cryptography"),
    "objectives": ("prometheus_api_client", "requests", "adapters.metrics.prometheus"),
    "a GitSource": ("git", "gitdb"),
    "nothing at all": (
        "kubernetes.client",
        "kubernetes.dynamic",
        "kubernetes.aio.dynamic",
        "pandas",
        "numpy",
        "matplotlib",
        "rich.traceback",
        "pygments",
    ),
}
IDLE = """
import asyncio, sys
from datetime import timedelta
from click import Context
from rollout.cli.main import main as commands
commands.get_command(Context(commands), "serve")
import rollout.cli.serve, rollout.web.listen, rollout.web.probes
from rollout.settings import Settings
from rollout.wiring.serving import running
async def main():
    settings = Settings(kubeconfig=sys.argv[1], prometheus_url="http://127.0.0.1:9")
    async with running(settings) as wired:
        await wired.cache.wait_synced(timedelta(seconds=30))
        print(*sys.modules)
asyncio.run(main())
"""


@pytest.fixture
async def loaded(tmp_path: Path) -> frozenset[str]:
    """The modules of a controller that has listed everything, in a process of its own."""
    cluster = MemoryCluster.with_kinds("VirtualService")
    cluster.seed(*definitions().values())
    face = await start_face(cluster)
    try:
        running = await asyncio.create_subprocess_exec(
            sys.executable, "-c", IDLE, str(face.kubeconfig(tmp_path / "config")), stdout=asyncio.subprocess.PIPE
        )
        said, _ = await running.communicate()
    finally:
        await face.close()
    return frozenset(said.decode().split())


@pytest.mark.slow
async def test_an_idle_controller_has_loaded_nothing_that_nobody_asked_for(loaded: frozenset[str]) -> None:
    too_early = {what: found for what, names in ASKED_FOR.items() if (found := loaded.intersection(names))}

    assert "adapters.kube.cache" in loaded
    assert too_early == {}


async def test_a_late_app_is_made_once_however_many_come_first() -> None:
    made: list[ASGIApp] = []

    def make() -> ASGIApp:
        made.append(PlainTextResponse("there"))
        return made[0]

    late = Late("rollout.settings", make)
    before = len(made)

    answers = await asyncio.gather(*(asked(late, "/", b"", {}, method="GET") for _ in range(3)))

    assert (before, len(made)) == (0, 1)
    assert [one.text for one in answers] == ["there"] * 3
