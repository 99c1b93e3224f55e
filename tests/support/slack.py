"""How does a test bring a Slack, people in it, and a Rollout that waits for one of them?

The fake Slack, our adapter, the desk and the hook are the real ones, over HTTP on loopback; the cluster is in memory.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from adapters.kube.objects import KubeObjects
from adapters.memory.cluster import DirectApi
from adapters.people.slack import Slack
from policies.approval import Approvers, Quorum
from rollout.demo import slack
from rollout.demo.slack import TEAM, Member, Message
from rollout.demo.slack_clicks import press, send, slash
from rollout.model.approval import ApprovalPolicy
from rollout.model.commands import Verb
from rollout.model.freeze import FreezeWindow
from rollout.model.names import Key
from rollout.model.receiver import Grant, Receiver, Sender
from rollout.model.status import RolloutStatus
from rollout.ports.people import Place, Workspace
from rollout.ports.receivers import ReceiverSecrets, ReceiverStatus, StoredReceiver
from rollout.services import slack_texts
from rollout.services.authorising import Authority
from rollout.services.slack_desk import SlackDesk
from rollout.services.slack_people import SlackPeople
from rollout.services.vouching import Voucher
from rollout.web.listen import served as listening
from tests.support.builders import CHECKOUT
from tests.support.cli import GATED, a_controller
from tests.support.controllers import USER
from tests.support.receivers import HOME, KnownReviews
from tests.support.world import World, a_release
from webhooks.routes import Doors, hooks
from webhooks.slack import SlackHooks

TOKEN, SECRET, FORMER = "xoxb-bot-1234", "signing-secret", "former-secret"
PATH = "cannot-be-guessed"
HERE = Workspace(team=TEAM, token=TOKEN)
MANAGERS = f"{TEAM}/S1"
ANA, BEA, GUS = "U1", "U2", "U3"
VERBS = (Verb.APPROVE, Verb.REJECT, Verb.ABORT, Verb.PAUSE, Verb.RESUME)


def people() -> tuple[Member, ...]:
    """ana and bea are members, gus is a guest, joe comes from elsewhere."""
    return (
        Member(id=ANA, name="ana", email="ana@shop.example"),
        Member(id=BEA, name="bea", email="bea@shop.example"),
        Member(id=GUS, name="gus", is_restricted=True),
        Member(id="U4", name="bot", is_bot=True),
        Member(id="U5", name="ida", deleted=True),
        Member(id="U6", name="joe", team="T0ELSE"),
    )


def a_workspace() -> slack.Workspace:
    """A workspace in which ana is a release manager."""
    workspace = slack.Workspace(token=TOKEN, secret=SECRET)
    workspace.add(*people())
    workspace.groups = {"S1": (ANA,), "S2": (BEA,)}
    return workspace


def a_slack_receiver(**changes: Any) -> Receiver:
    """shop/slack, whose release managers may do everything that Slack has buttons and words for."""
    fields: dict[str, Any] = {
        "key": Key(namespace="shop", name="slack"),
        "sender": Sender.SLACK,
        "secret": "slack",
        "workspace": TEAM,
        "grants": (Grant(verbs=VERBS, who=Approvers(slack_groups=(MANAGERS,))),),
    }
    return Receiver(**{**fields, **changes})


@dataclass(slots=True)
class KnownReceivers:
    """`Receivers` with one, whatever the path, and its Secret in the middle of a rotation."""

    receiver: Receiver
    token: str = TOKEN

    def keys(self) -> tuple[Key, ...]:
        """That one."""
        return (self.receiver.key,)

    def get(self, key: Key) -> StoredReceiver | None:
        """That one, for its key."""
        return self.at(PATH) if key == self.receiver.key else None

    def at(self, path: str) -> StoredReceiver | None:
        """That one."""
        key = self.receiver.key
        return StoredReceiver(key=key, uid="uid-1", version="1", generation=1, path=path, receiver=self.receiver)

    async def secrets(self, receiver: Receiver) -> ReceiverSecrets:
        """The signing secret, the one before it, and the bot's token."""
        assert receiver == self.receiver
        return ReceiverSecrets(signing=(SECRET.encode(), FORMER.encode()), token=self.token)

    async def report(self, stored: StoredReceiver, status: ReceiverStatus) -> None:
        """Nobody looks at it here."""
        assert stored.path == status.path


@dataclass(slots=True)
class KnownPolicies:
    """`Policies` that were written down here, by name, for all namespaces."""

    approvals: dict[str, ApprovalPolicy] = field(default_factory=dict)
    windows: tuple[FreezeWindow, ...] = ()

    def approval(self, namespace: str, name: str) -> ApprovalPolicy | None:
        """The policy of that name."""
        return self.approvals.get(name) if namespace else None

    def freezes(self, kind: str, key: Key) -> tuple[FreezeWindow, ...]:
        """Those that were written down, whatever they are asked for."""
        return self.windows if kind and key else ()


def a_policy(name: str, *groups: str) -> ApprovalPolicy:
    """A policy for which these Slack groups approve."""
    quorum = Quorum(approvers=Approvers(slack_groups=groups))
    return ApprovalPolicy(key=Key(namespace="shop", name=name), quorum=quorum)


def policy_manifest(name: str, *groups: str) -> dict[str, Any]:
    """The same policy as an object of the cluster."""
    meta = {"namespace": "shop", "name": name}
    spec = {"approvers": {"slackGroups": list(groups)}}
    return {"apiVersion": "rollout.dev/v1alpha1", "kind": "ApprovalPolicy", "metadata": meta, "spec": spec}


@dataclass(slots=True, kw_only=True)
class SlackStand:
    """A Slack and a controller that know of each other. app: where presses and commands go."""

    world: World
    workspace: slack.Workspace
    served: Slack
    hook: SlackHooks
    policies: KnownPolicies
    receivers: KnownReceivers
    app: str = ""

    async def show(self) -> Message:
        """Post how the Rollout stands now, as news do; the message."""
        card = slack_texts.card(CHECKOUT, self.status)
        place = await self.served.post(HERE, "#releases", card)
        return next(one for one in self.workspace.messages if Place(channel=one.channel, ts=one.ts) == place)

    async def press(self, message: Message, verb: str, user: str = ANA) -> int:
        """Somebody presses a button of the message, and all that follows is over; what Slack was answered."""
        signed = press(self.workspace, message, f"rollout.{verb}", user, self.world.clock.now())
        code = await send(self.workspace, self.app, signed, user)
        await self.hook.idle()
        return code

    async def type(self, text: str, user: str = ANA) -> int:
        """Somebody types `/rollout TEXT`, and all that follows is over; what Slack was answered."""
        signed = slash(self.workspace, text, user, self.world.clock.now())
        code = await send(self.workspace, self.app, signed, user)
        await self.hook.idle()
        return code

    def told(self, user: str = ANA) -> str:
        """What only this user was shown last; "" for nothing."""
        seen = [one for one in self.workspace.messages if one.seen_by == user]
        return written(seen[-1]) if seen else ""

    async def commands(self) -> list[dict[str, Any]]:
        """All RolloutCommands, oldest first."""
        found = await KubeObjects(self.world.person).list("RolloutCommand", "shop")
        return sorted((dict(one) for one in found), key=lambda one: int(one["metadata"]["resourceVersion"]))

    @property
    def status(self) -> RolloutStatus:
        """The Rollout's."""
        return self.world.status


def written(message: Message) -> str:
    """All words of a message, one line for each text."""
    return "\n".join([message.text, *texts(message.blocks)])


def texts(blocks: list[dict[str, Any]]) -> list[str]:
    """The texts of blocks, buttons as [word]."""
    found: list[str] = []
    for block in blocks:
        found += [block["text"]["text"]] if "text" in block else []
        for element in block.get("elements", []):
            is_button = element["type"] == "button"
            found.append(f"[{element['text']['text']}]" if is_button else element["text"])
    return found


@asynccontextmanager
async def a_stand(**spec: Any) -> AsyncIterator[SlackStand]:
    """v2 is on trial at 5 % and waits in its first step for release managers of Slack."""
    gated = [{**GATED[0], "soak": "0s", "approval": "release-managers"}, {**GATED[1], "soak": "0s"}]
    del gated[1]["approval"]
    workspace = a_workspace()
    async with a_release(**{"steps": gated, **spec}) as world, slack.serving(workspace) as url:
        world.metrics.tell_requests("errors", total=2000, bad=2)
        served = Slack(world.clock, within=timedelta(seconds=5), jitter=lambda: 0.0, api=f"{url}/api/")
        policies = KnownPolicies({"release-managers": a_policy("release-managers", MANAGERS)})
        receivers = KnownReceivers(a_slack_receiver())
        hook = SlackHooks(desk=a_desk(world, served, policies), secrets=receivers.secrets)
        stand = SlackStand(
            world=world, workspace=workspace, served=served, hook=hook, policies=policies, receivers=receivers
        )
        await world.put(policy_manifest("release-managers", MANAGERS))
        await world.commit(revision="v2")
        await world.pass_time(timedelta(minutes=1))
        doors = Doors(receivers=receivers, clock=world.clock, handlers={"slack": hook})
        async with listening(hooks(doors), "127.0.0.1:0") as app, a_controller(world):
            stand.app = f"{app}/hooks/slack/{PATH}"
            yield stand
        await hook.close()
        await served.close()


def a_desk(world: World, served: Slack, policies: KnownPolicies) -> SlackDesk:
    """The desk, at the cluster as the controller's own account."""
    objects = KubeObjects(DirectApi(world.cluster, user=USER))
    authority = Authority(reviews=KnownReviews(), home=HOME)
    return SlackDesk(
        people=SlackPeople(directory=served, policies=policies),
        messages=served,
        objects=objects,
        voucher=Voucher(authority=authority, create=objects.create, clock=world.clock),
        clock=world.clock,
        patience=timedelta(seconds=5),
    )
