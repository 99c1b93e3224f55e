"""Does `rollout serve` post news to Slack with buttons, and hear the one that is pressed?"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from adapters.kube.receiver_paths import path_of
from adapters.memory.cluster import MemoryCluster
from adapters.memory.face import start_face
from rollout.crds import definitions
from rollout.demo import slack
from rollout.demo.slack import TEAM, Message, Workspace
from rollout.demo.slack_blocks import buttons
from rollout.demo.slack_clicks import press, send
from rollout.settings import Settings
from rollout.web.listen import served
from rollout.wiring.serving import Running, running
from tests.support.builders import a_rollout_manifest
from tests.support.followed import SOON, until
from tests.support.receivers import receiver_secret
from tests.support.slack import ANA, SECRET, TOKEN, a_workspace, written
from tests.support.world import MESH

pytestmark = pytest.mark.slow  # real HTTP, and the controller looks around once a second

HERE = "127.0.0.1:0"


def ours(kind: str, **spec: Any) -> dict[str, Any]:
    meta = {"namespace": "shop", "name": "slack"}
    return {"apiVersion": "rollout.dev/v1alpha1", "kind": kind, "metadata": meta, "spec": spec}


def objects() -> list[dict[str, Any]]:
    """A Rollout that cannot begin, because its route is not there, a Notifier that tells of it, and Slack's Receiver."""
    names = ("rollout-system", "shop")
    secret = {"name": "slack"}
    return [
        *({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}} for name in names),
        receiver_secret("slack", secret=SECRET.encode(), token=TOKEN.encode()),
        a_rollout_manifest(revision="v1"),
        ours("Notifier", type="slack", secretRef=secret, channel="#releases"),
        ours("Receiver", type="slack", workspace=TEAM, secretRef=secret, grants=[{"verbs": ["abort"]}]),
    ]


@asynccontextmanager
async def a_controller(directory: Path, workspace: Workspace, **settings: Any) -> AsyncIterator[Running]:
    """What `rollout serve` wires, leading; its Slack is the workspace."""
    cluster = MemoryCluster.with_kinds(*MESH)
    cluster.seed(*definitions().values(), *objects())
    face = await start_face(cluster)
    found = Settings(
        kubeconfig=face.kubeconfig(directory / "kubeconfig"), elect=False, allow_file_urls=True, **settings
    )
    async with AsyncExitStack() as stack:
        stack.push_async_callback(face.close)
        url = await stack.enter_async_context(slack.serving(workspace))
        wired = await stack.enter_async_context(running(found, slack=f"{url}/api/"))
        stop = asyncio.Event()
        leading = asyncio.create_task(wired.controller.run(stop))
        stack.push_async_callback(asyncio.wait_for, leading, SOON.total_seconds())
        stack.callback(stop.set)
        await until(lambda: bool(workspace.messages))
        yield wired


def words(message: Message) -> list[str]:
    """What the buttons of a message say."""
    return [str(button["text"]["text"]) for _, button in buttons(message.blocks)]


async def test_a_button_below_the_news_is_heard(tmp_path: Path) -> None:
    workspace = a_workspace()
    async with a_controller(tmp_path, workspace, webhooks_listen=HERE) as wired:
        (receiver,) = wired.cache.list("Receiver")
        assert wired.hooks is not None
        async with served(wired.hooks, HERE) as app:
            pressed = press(workspace, workspace.messages[0], "rollout.why", ANA)

            code = await send(workspace, f"{app}/hooks/slack/{path_of(receiver)}", pressed, ANA)

            await until(lambda: bool(workspace.shown_to(ANA)))
            assert code == 200
            assert "shop/checkout" in written(workspace.messages[-1])


async def test_where_nobody_listens_news_have_no_button(tmp_path: Path) -> None:
    workspace = a_workspace()
    async with a_controller(tmp_path, workspace):
        assert "shop/checkout" in written(workspace.messages[0])
        assert words(workspace.messages[0]) == []
