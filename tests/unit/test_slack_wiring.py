"""Does a press reach the cluster through everything that a controller wires: path, Secret, directory, command?"""

import asyncio
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any

import pytest

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
from rollout.model.rollout import RouteRef
from rollout.model.status import RolloutStatus
from rollout.ports.rollouts import Stored
from rollout.services import slack_texts
from rollout.services.authorising import Authority
from rollout.web.listen import served
from rollout.wiring.cards import SlackCards
from rollout.wiring.receiving import Reception
from rollout.wiring.slack import slack_hooks
from tests.support.builders import CHECKOUT, NOON, a_rollout_manifest
from tests.support.followed import SOON
from tests.support.receivers import HOME, KnownReviews, receiver_manifest, receiver_secret
from tests.support.slack import (
    ANA,
    MANAGERS,
    SECRET,
    TOKEN,
    KnownPolicies,
    KnownReceivers,
    a_slack_receiver,
    a_workspace,
    texts,
)
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


class OneRollout:
    """`Rollouts` with shop/checkout, which waits for an approval in run 1."""

    def get(self, key: Key) -> Stored | None:
        """That one."""
        wanted = Stored(key=CHECKOUT, uid="u", version="1", generation=1, spec=None, status=waiting())
        return wanted if key == CHECKOUT else None

    def keys(self) -> tuple[Key, ...]:
        """That one."""
        return (CHECKOUT,)

    def on_route(self, namespace: str, route: RouteRef) -> tuple[Key, ...]:
        """That one, whatever the route."""
        return self.keys() if namespace and route else ()

    async def save(self, stored: Stored, status: RolloutStatus) -> Stored:
        """As if."""
        return replace(stored, status=status)

    async def set_finalizer(self, stored: Stored, *, present: bool) -> Stored:
        """As if."""
        return replace(stored, finalizer=present)


def cards(**receiver: Any) -> SlackCards:
    """Cards where this Receiver of Slack is the only one."""
    known = KnownReceivers(a_slack_receiver(**receiver))
    return SlackCards(rollouts=OneRollout(), receivers=known, authority=Authority(reviews=KnownReviews(), home=HOME))


def test_news_of_the_present_run_are_its_card_with_buttons() -> None:
    blocks = cards().blocks("Rollout", CHECKOUT, 1, ["step 1: <!channel>"])

    assert texts(blocks)[-5:] == ["step 1: &lt;!channel&gt;", "[Approve]", "[Reject]", "[Abort]", "[Why]"]


@pytest.mark.parametrize("receiver", [{"suspend": True}, {"key": Key(namespace="pay", name="slack")}], ids=str)
def test_where_nobody_hears_a_button_there_is_none(receiver: dict[str, Any]) -> None:
    blocks = cards(**receiver).blocks("Rollout", CHECKOUT, 1, ["step 1"])

    assert blocks
    assert not any(block["type"] == "actions" for block in blocks)


@pytest.mark.parametrize(
    ("kind", "key", "run"),
    [
        ("MeshMigration", CHECKOUT, 1),
        ("Rollout", Key(namespace="shop", name="cart"), 1),
        ("Rollout", CHECKOUT, 7),
    ],
)
def test_news_of_anything_else_have_no_card(kind: str, key: Key, run: int) -> None:
    assert cards().blocks(kind, key, run, ["news"]) == []
