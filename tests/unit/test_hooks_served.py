"""Does `rollout serve` ask the webhooks of a Rollout, signed, and go on once they say yes?"""

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest
from standardwebhooks.webhooks import Webhook

from adapters.memory.face import start_face
from rollout.settings import Settings
from rollout.wiring.serving import running
from tests.support.builders import a_rollout_manifest
from tests.support.followed import SOON
from tests.support.loadtester import LoadTester, a_load_tester
from tests.support.world import World, a_world, virtual_service

pytestmark = pytest.mark.slow  # real HTTP, and the controller looks around once a second

SECRET = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"


@asynccontextmanager
async def a_controller(directory: Path, tester: LoadTester) -> AsyncIterator[World]:
    """What `rollout serve` wires, leading: v1 serves, git names v2, and a gate of the tester is in its way."""
    gate = {"name": "gate", "type": "confirm-rollout", "url": f"{tester.url}/gate/check", "secretRef": {"name": "hook"}}
    data = {"secret": base64.b64encode(SECRET.encode()).decode()}
    meta = {"name": "hook", "namespace": "shop"}
    async with a_world() as world, AsyncExitStack() as stack:
        await world.deploy("v1")
        await world.deploy("v2")
        await world.put(virtual_service("checkout-v1"))
        await world.put({"apiVersion": "v1", "kind": "Secret", "metadata": meta, "data": data})
        load = {"name": "load", "url": f"{tester.url}/", "metadata": {"cmd": "hey"}}
        manifest = a_rollout_manifest(webhooks=[gate, load], objectives=[], analysis={"interval": "1s"})
        await world.put(manifest)
        face = await start_face(world.cluster)
        stack.push_async_callback(face.close)
        settings = Settings(kubeconfig=face.kubeconfig(directory / "kubeconfig"), elect=False)
        wired = await stack.enter_async_context(running(settings))
        stop = asyncio.Event()
        leading = asyncio.create_task(wired.controller.run(stop))
        stack.push_async_callback(asyncio.wait_for, leading, SOON.total_seconds())
        stack.callback(stop.set)
        yield world


async def test_a_gate_is_asked_with_a_signature_and_its_yes_lets_the_weight_come(tmp_path: Path) -> None:
    async with a_load_tester() as tester, a_controller(tmp_path, tester) as world, asyncio.timeout(60):
        await tester.called("/gate/check", times=2)
        closed = await world.split()
        tester.admit("gate.checkout.shop")
        await tester.called("/")
        opened = await world.split()

    headers, body = tester.calls[0]
    assert (closed, opened) == ({"checkout-v1": 100}, {"checkout-v1": 95, "checkout-v2": 5})
    assert Webhook(SECRET).verify(body, headers)["namespace"] == "shop"
