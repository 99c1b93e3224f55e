"""Does `rollout serve` say on a git host how a commit's Rollout fares?"""

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
from rollout.model.source import ForgeKind
from rollout.settings import Settings
from rollout.wiring.serving import running
from tests.support.builders import a_rollout_manifest
from tests.support.followed import SOON
from tests.support.forge_servers import COMMIT, TOKEN, ForgeServer, forge_server
from tests.support.world import MESH

pytestmark = pytest.mark.slow  # real HTTP, and the controller looks around once a second


def git_source(server: ForgeServer) -> dict[str, Any]:
    """A GitSource of the forge's repository, which has no git to offer."""
    status = {"kind": server.kind.value, "secretRef": {"name": "forge"}}
    spec = {"url": f"{server.url}/{server.repository}.git", "interval": "1h", "commitStatus": status}
    meta = {"name": "specs", "namespace": "shop"}
    return {"apiVersion": "rollout.dev/v1alpha1", "kind": "GitSource", "metadata": meta, "spec": spec}


def applied() -> dict[str, Any]:
    """A Rollout that COMMIT brought; it cannot begin, because its route is not there."""
    manifest = a_rollout_manifest(revision="v1")
    manifest["metadata"] |= {
        "labels": {"rollout.dev/source": "specs", "rollout.dev/source-namespace": "shop"},
        "annotations": {"rollout.dev/commit": COMMIT},
    }
    return manifest


def token() -> dict[str, Any]:
    """The Secret with the forge's token."""
    data = {"token": base64.b64encode(TOKEN.encode()).decode()}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "forge", "namespace": "shop"}, "data": data}


@asynccontextmanager
async def a_controller(directory: Path, server: ForgeServer) -> AsyncIterator[MemoryCluster]:
    """What `rollout serve` wires, leading."""
    cluster = MemoryCluster.with_kinds(*MESH)
    spaces = [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}} for name in ("rollout-system", "shop")
    ]
    cluster.seed(*definitions().values(), *spaces, git_source(server), applied(), token())
    face = await start_face(cluster)
    settings = Settings(kubeconfig=face.kubeconfig(directory / "kubeconfig"), elect=False, allow_file_urls=True)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(face.close)
        wired = await stack.enter_async_context(running(settings))
        stop = asyncio.Event()
        leading = asyncio.create_task(wired.controller.run(stop))
        stack.push_async_callback(asyncio.wait_for, leading, SOON.total_seconds())
        stack.callback(stop.set)
        yield cluster


async def test_the_commit_of_a_rollout_says_what_it_waits_for(tmp_path: Path) -> None:
    async with forge_server(ForgeKind.GITEA) as server, a_controller(tmp_path, server):
        await asyncio.wait_for(server.came.wait(), 6 * SOON.total_seconds())

        (entry, *_) = server.shown
        assert (entry["context"], entry["status"]) == ("rollout/shop/checkout", "pending")
        assert entry["description"].startswith("v1")
        assert ("POST", f"/api/v1/repos/shop/specs/statuses/{COMMIT}") in server.heard
