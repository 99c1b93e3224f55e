"""Does `rollout serve` tell Notifiers what a Rollout waits for, on every channel?"""

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from adapters.memory.cluster import MemoryCluster
from adapters.memory.face import start_face
from rollout.crds import definitions
from rollout.settings import Settings
from rollout.wiring.serving import Running, running
from tests.support.builders import a_rollout_manifest
from tests.support.followed import SOON, until
from tests.support.notice_receivers import KEY, Receivers, receivers
from tests.support.world import MESH

pytestmark = pytest.mark.slow  # real HTTP, and the controller looks around once a second


def objects(server: Receivers, channel: str, path: str) -> list[dict[str, Any]]:
    """A Rollout that cannot begin, because its route is not there, and a Notifier that tells of it."""
    data = {"url": f"{server.url}{path}", "secret": KEY}
    encoded = {name: base64.b64encode(text.encode()).decode() for name, text in data.items()}
    names = ("rollout-system", "shop")
    return [
        *({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}} for name in names),
        a_rollout_manifest(revision="v1"),
        {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "hook", "namespace": "shop"}, "data": encoded},
        {
            "apiVersion": "rollout.dev/v1alpha1",
            "kind": "Notifier",
            "metadata": {"name": "news", "namespace": "shop"},
            "spec": {"type": channel, "secretRef": {"name": "hook"}},
        },
    ]


@asynccontextmanager
async def a_controller(directory: Path, server: Receivers, channel: str, path: str) -> AsyncIterator[Running]:
    """What `rollout serve` wires, leading."""
    cluster = MemoryCluster.with_kinds(*MESH)
    cluster.seed(*definitions().values(), *objects(server, channel, path))
    face = await start_face(cluster)
    settings = Settings(kubeconfig=face.kubeconfig(directory / "kubeconfig"), elect=False, allow_file_urls=True)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(face.close)
        wired = await stack.enter_async_context(running(settings))
        stop = asyncio.Event()
        leading = asyncio.create_task(wired.controller.run(stop))
        stack.push_async_callback(asyncio.wait_for, leading, SOON.total_seconds())
        stack.callback(stop.set)
        yield wired


@pytest.mark.parametrize(("channel", "path"), [("webhook", "/hook"), ("cloudevents", "/events"), ("teams", "/teams")])
async def test_what_a_rollout_waits_for_reaches_the_receiver(tmp_path: Path, channel: str, path: str) -> None:
    async with receivers() as server, a_controller(tmp_path, server, channel, path) as wired:
        await until(lambda: bool(server.heard))
        await until(lambda: b'rolloutctl_notifier_ready{name="news",namespace="shop"} 1.0' in wired.page())

        assert "checkout" in str(server.heard[0].body)
        assert server.complaints == []
