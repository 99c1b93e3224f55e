"""How does a test knock as Slack does, rightly or with one thing wrong, at a desk without any network?

Signatures are made by Slack's own library; the cluster, the directory and what is said are in memory.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from slack_sdk.signature import SignatureVerifier

from adapters.kube.objects import KubeObjects
from adapters.memory.clock import ManualClock
from adapters.memory.cluster import Call, DirectApi, MemoryCluster
from adapters.memory.people import MemorySlack
from rollout.crds import definitions
from rollout.demo.slack import TEAM
from rollout.demo.slack_clicks import signed
from rollout.manifest.status import status_to_dict
from rollout.model.receiver import Receiver
from rollout.model.rollout import Step
from rollout.model.status import Reason, RolloutStatus
from rollout.ports.people import Place, SlackPerson
from rollout.ports.receivers import ReceiverSecrets
from rollout.services.authorising import Authority
from rollout.services.slack_desk import SlackDesk
from rollout.services.slack_people import SlackPeople
from rollout.services.vouching import Voucher
from tests.support.builders import NOON, a_rollout_manifest, a_run, a_status
from tests.support.receivers import HOME, KnownReviews
from tests.support.slack import ANA, BEA, FORMER, GUS, SECRET, TOKEN, KnownPolicies, a_slack_receiver
from webhooks.knock import Knock, RefusedError
from webhooks.slack import SlackHooks

ANSWER_AT = "https://hooks.slack.com/actions/T024BE7LD/1/abc"
MESSAGE = Place(channel="C024BE91L", ts="1700000001.000100")
VALUE: Mapping[str, Any] = {
    "k": "Rollout",
    "ns": "shop",
    "n": "checkout",
    "v": "approve",
    "run": 1,
    "step": 1,
    "rev": "v2",
    "tpl": "t-v2",
}


def waiting() -> RolloutStatus:
    """Run 1 of v2 waits in its first step for the release managers."""
    plan = (Step(weight=5, approvals=("release-managers",)), Step(weight=50))
    run = a_run(plan=plan)
    run = replace(run, canary=replace(run.canary, template="t-v2"))
    reasons = (Reason(code="AwaitingApproval", message="waiting for 1 approval of v2 by release-managers (step 1)"),)
    return a_status(run=run, reasons=reasons, next="waits for an approval")


def payload(value: Mapping[str, Any] | str = VALUE, **changes: Any) -> dict[str, Any]:
    """ana presses a button with this value; keyword arguments replace fields of the payload."""
    text = value if isinstance(value, str) else json.dumps(value)
    verb = value.get("v") if isinstance(value, Mapping) else "approve"
    action = {
        "type": "button",
        "block_id": "rollout",
        "action_id": f"rollout.{verb}",
        "action_ts": "1700000002.000200",
        "text": {"type": "plain_text", "text": "Approve"},
        "value": text,
    }
    body: dict[str, Any] = {
        "type": "block_actions",
        "user": {"id": ANA, "username": "ana", "name": "ana", "team_id": TEAM},
        "container": {
            "type": "message",
            "message_ts": MESSAGE.ts,
            "channel_id": MESSAGE.channel,
            "is_ephemeral": False,
        },
        "trigger_id": "1700000002000200.2151.abcdef",
        "team": {"id": TEAM, "domain": "shop"},
        "enterprise": None,
        "response_url": ANSWER_AT,
        "actions": [action],
    }
    return {**body, **changes}


def form(found: Mapping[str, Any] | str) -> bytes:
    """The body of a request with this payload."""
    text = found if isinstance(found, str) else json.dumps(found)
    return urlencode({"payload": text}).encode()


def typed(text: str, **changes: str) -> bytes:
    """The body of a request for `/rollout TEXT` by ana."""
    fields = {
        "team_id": TEAM,
        "user_id": ANA,
        "command": "/rollout",
        "text": text,
        "response_url": ANSWER_AT,
        "trigger_id": "1700000003000300.2151.abcdef",
    }
    return urlencode({**fields, **changes}).encode()


def headers_of(body: bytes, at: datetime = NOON, secret: str = SECRET) -> dict[str, str]:
    """Slack's headers, by its own library; by the fake Slack where the library takes no such body."""
    stamp = str(int(at.timestamp()))
    try:
        made = SignatureVerifier(secret).generate_signature(timestamp=stamp, body=body)
    except UnicodeDecodeError:
        made = signed(secret, body, at).headers["X-Slack-Signature"]
    return {"x-slack-request-timestamp": stamp, "x-slack-signature": made or ""}


@dataclass(slots=True, kw_only=True)
class QuietDesk:
    """The hook on a cluster in memory in which nobody reconciles: a command that is recorded stays unanswered."""

    hooks: SlackHooks
    slack: MemorySlack
    cluster: MemoryCluster
    receiver: Receiver
    policies: KnownPolicies
    tokens: list[str] = field(default_factory=lambda: [TOKEN])

    async def hear(
        self,
        body: bytes,
        headers: Mapping[str, str] | None = None,
        now: datetime = NOON,
        receiver: Receiver | None = None,
    ) -> str:
        """ "heard", or why it was refused; everything that follows is over then."""
        knock = Knock(
            receiver=receiver or self.receiver,
            uid="uid-1",
            headers=headers_of(body, now) if headers is None else headers,
            body=body,
            now=now,
            secrets=(SECRET.encode(), FORMER.encode()),
        )
        try:
            answer = await self.hooks(knock)
        except RefusedError as refused:
            return refused.refusal.value
        finally:
            await self.hooks.idle()
        assert answer.status_code == 200
        return "heard"

    def commands(self) -> list[dict[str, Any]]:
        """All RolloutCommands."""
        return list(self.cluster.read(Call(path="/apis/rollout.dev/v1alpha1/rolloutcommands"))["items"])

    def told(self) -> list[str]:
        """What people were told in answer, oldest first."""
        return [card.text for _, card, _ in self.slack.responses]


def a_quiet_desk() -> QuietDesk:
    """ana is a release manager, bea a member, gus a guest; shop/checkout waits in step 1 of run 1."""
    clock = ManualClock(NOON)
    cluster = MemoryCluster(now=clock.now)
    cluster.seed(*definitions().values())
    cluster.seed({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}})
    cluster.seed({**a_rollout_manifest(), "status": status_to_dict(waiting())})
    slack, policies, tokens = quiet_people(), KnownPolicies(), [TOKEN]

    async def secrets(_: Receiver) -> ReceiverSecrets:
        return ReceiverSecrets(signing=(SECRET.encode(),), token=tokens[-1])

    hooks = SlackHooks(desk=desk_of(slack, policies, KubeObjects(DirectApi(cluster)), clock), secrets=secrets)
    receiver = a_slack_receiver()
    return QuietDesk(hooks=hooks, slack=slack, cluster=cluster, receiver=receiver, policies=policies, tokens=tokens)


def quiet_people() -> MemorySlack:
    """A workspace in memory with ana, who is a release manager, bea, and gus, who is a guest."""
    slack = MemorySlack()
    slack.require(TOKEN)
    slack.channel(MESSAGE.channel, "releases")
    slack.group("S1", ANA)
    for user, name in ((ANA, "ana"), (BEA, "bea"), (GUS, "gus")):
        slack.add(SlackPerson(user=user, team=TEAM, name=name, email=f"{name}@shop.example", is_guest=user == GUS))
    return slack


def desk_of(
    slack: MemorySlack,
    policies: KnownPolicies,
    objects: KubeObjects,
    clock: ManualClock,
    voucher: Voucher | None = None,
) -> SlackDesk:
    """What serves presses, on this cluster, and waits for no answer of a controller. voucher: one of its own when None."""
    authority = Authority(reviews=KnownReviews(), home=HOME)
    return SlackDesk(
        people=SlackPeople(directory=slack, policies=policies),
        messages=slack,
        objects=objects,
        voucher=voucher or Voucher(authority=authority, create=objects.create, clock=clock),
        clock=clock,
        patience=timedelta(0),
    )
