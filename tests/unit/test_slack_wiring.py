"""Does a press reach the cluster through everything that a controller wires: path, Secret, directory, command?"""

import asyncio
from contextlib import AsyncExitStack

from adapters.kube.cache import Cache
from adapters.kube.kinds import KINDS
from adapters.memory.clock import ManualClock
from adapters.memory.cluster import DirectApi, MemoryCluster
from rollout.crds import definitions
from rollout.demo import slack
from rollout.demo.slack import TEAM
from rollout.demo.slack_clicks import press, send
from rollout.manifest.status import status_to_dict
from rollout.model.names import Key
from rollout.services import slack_texts
from rollout.web.listen import served
from rollout.wiring.receiving import Reception
from rollout.wiring.slack import slack_hooks
from tests.support.builders import CHECKOUT, NOON, a_rollout_manifest
from tests.support.followed import SOON
from tests.support.receivers import HOME, receiver_manifest, receiver_secret
from tests.support.slack import ANA, MANAGERS, SECRET, TOKEN, KnownPolicies, a_workspace
from tests.support.slack_knocks import waiting
from webhooks.routes import Doors, hooks


def a_cluster(clock: ManualClock) -> MemoryCluster:
    """shop/checkout waits for an approval; Receiver shop/ci hears the workspace."""
    spec = {
        "type": "slack",
        "workspace": TEAM,
        "secretRef": {"name": "ci"},
        "grants": [{"verbs": ["approve"], "who": {"slackGroups": [MANAGERS]}}],
    }
    cluster = MemoryCluster(now=clock.now)
    cluster.seed(*definitions().values())
    cluster.seed({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}})
    cluster.seed(receiver_manifest(spec=spec), receiver_secret(secret=SECRET.encode(), token=TOKEN.encode()))
    cluster.seed({**a_rollout_manifest(), "status": status_to_dict(waiting())})
    return cluster


async def test_a_press_becomes_a_command_through_all_that_is_wired() -> None:
    clock = ManualClock(NOON)
    api = DirectApi(a_cluster(clock))
    cache = Cache(api, [KINDS["Receiver"]])
    workspace = a_workspace()
    async with AsyncExitStack() as stack:
        following = asyncio.create_task(cache.run())
        stack.callback(following.cancel)
        await cache.wait_synced(SOON)
        url = await stack.enter_async_context(slack.serving(workspace))
        reception = Reception(api=api, cache=cache, clock=clock, home=HOME)
        hook = slack_hooks(reception, KnownPolicies(), stack, api=f"{url}/api/")
        hook.desk.patience *= 0
        receivers = reception.receivers()
        doors = Doors(receivers=receivers, clock=clock, handlers={"slack": hook})
        app = await stack.enter_async_context(served(hooks(doors), "127.0.0.1:0"))
        stored = receivers.get(Key(namespace="shop", name="ci"))
        assert stored

        code = await _pressed(workspace, f"{app}/hooks/slack/{stored.path}")
        await hook.idle()

        commands = (await api.get("/apis/rollout.dev/v1alpha1/namespaces/shop/rolloutcommands"))["items"]
        assert code == 200
        assert [one["spec"]["actor"]["user"] for one in commands] == [f"{TEAM}/{ANA}"]


async def _pressed(workspace: slack.Workspace, url: str) -> int:
    card = slack_texts.card(CHECKOUT, waiting())
    blocks = [dict(block) for block in card.blocks]
    message = slack.Message(channel="C024BE91L", ts=workspace.stamp(), text=card.text, blocks=blocks)
    return await send(workspace, url, press(workspace, workspace.put(message), "rollout.approve", ANA, NOON), ANA)
