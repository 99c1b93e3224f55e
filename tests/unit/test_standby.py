"""What does a replica without the lease do?"""

import asyncio
import hashlib
import hmac
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import pytest

from adapters.kube.receiver_paths import path_of
from adapters.kube.source_watch import REQUESTED_AT
from adapters.memory.cluster import DirectApi, MemoryCluster
from adapters.memory.face import start_face
from rollout.crds import definitions
from rollout.settings import Settings
from rollout.web.listen import served
from rollout.wiring.serving import LEASE, Running, running
from tests.support.builders import a_rollout_manifest
from tests.support.followed import SOON
from tests.support.hooked import a_git_receiver
from tests.support.world import MESH

pytestmark = pytest.mark.slow  # real HTTP

SECRET, BODY = b"open sesame", b"{}"
SOURCE = "/apis/rollout.dev/v1alpha1/namespaces/shop/gitsources/specs"


@dataclass(frozen=True, slots=True, kw_only=True)
class Standby:
    """A wired controller that waits for the lease, and the cluster behind it."""

    cluster: MemoryCluster
    wired: Running
    api: str
    webhooks: str


def held_by_another() -> dict[str, object]:
    """The controller's Lease, renewed a moment ago by somebody else."""
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    spec = {"holderIdentity": "another", "leaseDurationSeconds": 3600, "acquireTime": now, "renewTime": now}
    meta = {"name": LEASE, "namespace": "rollout-system"}
    return {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": meta, "spec": spec}


def git_source() -> dict[str, object]:
    """A GitSource that is due at once."""
    spec = {"url": "https://git.invalid/specs.git", "ref": "main", "interval": "1m"}
    meta = {"name": "specs", "namespace": "shop"}
    return {"apiVersion": "rollout.dev/v1alpha1", "kind": "GitSource", "metadata": meta, "spec": spec}


@asynccontextmanager
async def a_standby(directory: Path) -> AsyncIterator[Standby]:
    """What `rollout serve` wires, on a cluster whose Lease another replica holds."""
    cluster = MemoryCluster.with_kinds(*MESH)
    spaces = [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}} for name in ("rollout-system", "shop")
    ]
    cluster.seed(*definitions().values(), *spaces)
    cluster.seed(held_by_another(), git_source(), a_rollout_manifest(revision="v1"))
    cluster.seed(*a_git_receiver(secret=SECRET)[:2])
    face = await start_face(cluster)
    settings = Settings(kubeconfig=face.kubeconfig(directory / "kubeconfig"), webhooks_listen="127.0.0.1:0")
    async with AsyncExitStack() as stack:
        stack.push_async_callback(face.close)
        wired = await stack.enter_async_context(running(settings))
        stop = asyncio.Event()
        leading = asyncio.create_task(wired.controller.run(stop))
        stack.push_async_callback(asyncio.wait_for, leading, SOON.total_seconds())
        stack.callback(stop.set)
        await wired.cache.wait_synced(SOON)
        assert wired.hooks is not None
        read = await stack.enter_async_context(served(wired.api, "127.0.0.1:0"))
        told = await stack.enter_async_context(served(wired.hooks, "127.0.0.1:0"))
        yield Standby(cluster=cluster, wired=wired, api=read, webhooks=told)


async def test_a_standby_shows_every_rollout_and_writes_nothing(tmp_path: Path) -> None:
    async with a_standby(tmp_path) as standby, aiohttp.ClientSession(standby.api) as session:
        async with session.get("/api/v1/rollouts") as answer:
            shown = await answer.json()

        assert [item["name"] for item in shown["items"]] == ["checkout"]
        assert not standby.wired.controller.leads
        assert standby.cluster.faults.writes == []


async def test_a_standby_hands_on_a_signed_webhook(tmp_path: Path) -> None:
    signature = {"X-Hub-Signature-256": "sha256=" + hmac.new(SECRET, BODY, hashlib.sha256).hexdigest()}

    async with a_standby(tmp_path) as standby, aiohttp.ClientSession(standby.webhooks) as session:
        (receiver,) = standby.wired.cache.list("Receiver")
        async with session.post(f"/hooks/git/{path_of(receiver)}", data=BODY, headers=signature) as answer:
            code = answer.status

        found = await DirectApi(standby.cluster).get(SOURCE)
        assert code == 202
        assert REQUESTED_AT in found["metadata"]["annotations"]
        assert not standby.wired.controller.leads
        assert standby.cluster.faults.writes == [("patch", SOURCE)]
