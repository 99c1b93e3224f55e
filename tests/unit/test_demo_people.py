"""Is the story of a release that people let go on told as it happens, and not believed when it did not?"""

from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from policies.approval import Identity, Realm
from rollout.cli.people_shop import ANA, CY, NEEDED, SPEC, objects, workspace
from rollout.cli.people_story import Ending, Story, check, deed, news, summary
from rollout.cli.telling import UnfinishedError
from rollout.demo.slack import Message, Workspace
from rollout.manifest.parse import parse_approval_policy, parse_notifier, parse_receiver
from rollout.manifest.status import status_to_dict
from rollout.model.deeds import Approval
from rollout.model.status import Outcome, Past, Reason, RolloutStatus
from tests.support.builders import NOON, a_run, a_status

GATE = Reason(code="AwaitingApproval", message="waiting for 2 approvals of v2 by release-managers (step 1)")
BUTTONS = [
    {
        "type": "actions",
        "elements": [
            {"type": "button", "action_id": "rollout.approve", "text": {"type": "plain_text", "text": "Approve"}}
        ],
    }
]


def by(name: str, channel: str) -> Approval:
    """An approval of step 1."""
    address = f"{name}@shop.example"
    realm = Realm.SLACK if channel == "slack" else Realm.CLUSTER
    identity = Identity(realm=realm, user=address, email=address if realm is Realm.SLACK else "")
    return Approval(step=1, by=str(identity), at=NOON, channel=channel, identity=identity)


ANAS, BOS = by("ana", "slack"), by("bo", "dashboard")


def gated(*approvals: Approval) -> RolloutStatus:
    """v2 is at 10 % and waits for people."""
    return a_status(run=replace(a_run(), weight=10, approvals=approvals), reasons=(GATE,))


def over(outcome: Outcome = Outcome.PROMOTED) -> RolloutStatus:
    """v2's run has ended."""
    past = Past(run=1, revision="v2", stable="v1", outcome=outcome, started=NOON, ended=NOON, message="v2 is stable")
    return replace(a_status(run=None), history=(past,))


def an_ending(*approvals: Approval, outcome: Outcome = Outcome.PROMOTED) -> Ending:
    return Ending(outcome=outcome, approvals=approvals, waited_s=1.5, seconds=30)


def refused() -> dict[str, Any]:
    """The command by which ana approves a second time."""
    spec = {"actor": {"user": "ana@shop.example"}, "verb": "approve", "channel": "dashboard"}
    status = {"result": "Refused", "message": "approved already; one person counts once, whatever the channel"}
    return {"metadata": {"name": "second"}, "spec": spec, "status": status}


@dataclass(slots=True)
class PlayedShop:
    """A shop that is looked at and pressed in. stages: of each press the statuses that follow it, the last one for ever."""

    stages: list[list[RolloutStatus]]
    workspace: Workspace = field(default_factory=workspace)
    shares: dict[str, float] = field(default_factory=dict)
    pressed: list[str] = field(default_factory=list)

    async def release(self, name: str, *, failing: float) -> None:
        """Slack asks at once."""
        assert (name, failing) == ("v2", 0)
        self.workspace.put(Message(channel="C1", ts="1.0", text="checkout waits", blocks=BUTTONS))

    async def status(self) -> dict[str, Any]:
        """The present one."""
        stage = self.stages[len(self.pressed)]
        return status_to_dict(stage.pop(0) if len(stage) > 1 else stage[0])

    async def read(self, path: str) -> dict[str, Any]:
        """A refusal of what ana asks for in the dashboard."""
        assert path == "rolloutcommands"
        return {"items": [refused()] if "ana" in self.pressed else []}

    async def approve_in_slack(self, message: Message, user: str) -> None:
        """Remember who."""
        assert message.text == "checkout waits"
        self.pressed.append(user)

    async def approve_in_dashboard(self, name: str) -> None:
        """Remember who."""
        self.pressed.append(name)


def a_story(shop: PlayedShop, patience_s: float = 5) -> Story:
    return Story(shop=shop, workspace=shop.workspace, hands=shop, patience_s=patience_s)


async def test_ana_presses_in_slack_in_vain_in_the_dashboard_and_then_bo_does_there(
    capsys: pytest.CaptureFixture[str],
) -> None:
    shop = PlayedShop([[gated()], [gated(ANAS)], [gated(ANAS)], [gated(ANAS, BOS), over()]])

    ending = await a_story(shop).play()

    assert shop.pressed == [ANA, "ana", "bo"]
    assert (ending.outcome, ending.approvals) == (Outcome.PROMOTED, (ANAS, BOS))
    assert "#releases: checkout waits  [Approve]" in capsys.readouterr().out


async def test_a_gate_that_never_opens_is_told_with_what_it_waits_for() -> None:
    with pytest.raises(
        UnfinishedError, match="there is not ana's approval: Progressing; waiting for 2 approvals of v2"
    ):
        await a_story(PlayedShop([[gated()], [gated()]]), patience_s=0.5).play()


@pytest.mark.parametrize(
    "ending",
    [
        an_ending(ANAS, BOS, outcome=Outcome.FAILED),
        an_ending(BOS, ANAS),
        an_ending(ANAS, by("bo", "slack")),
        an_ending(ANAS),
    ],
    ids=["rolled back", "in another order", "both in Slack", "by one alone"],
)
def test_only_the_two_buttons_in_their_order_count(ending: Ending) -> None:
    with pytest.raises(UnfinishedError, match="it should be by"):
        check(ending)


def test_the_two_buttons_in_their_order_count() -> None:
    ending = an_ending(ANAS, BOS)

    check(ending)

    assert summary(ending).endswith("Approved by ana@shop.example in Slack and bo@shop.example in the dashboard.")


def test_a_gate_a_weight_and_an_end_are_told_once() -> None:
    told = [words for _, words in news(RolloutStatus(), gated())]

    assert told[1:] == ["step 1 of 2: v2 gets 10 %", GATE.message]
    assert list(news(gated(), gated())) == []
    assert list(news(gated(), over())) == [("controller", "run 1 of v2: promoted (v2 is stable)")]


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ({}, ""),
        ({"result": "Refused", "message": "too late"}, "cy@shop.example, in Slack: approve is refused: too late"),
    ],
)
def test_what_somebody_asked_for_is_told_with_the_answer(status: dict[str, str], words: str) -> None:
    spec = {"actor": {"user": "T1/U1", "email": "cy@shop.example"}, "verb": "approve", "channel": "slack"}

    assert deed({"spec": spec, "status": status}) == words


def test_the_policy_the_receiver_and_the_notifier_are_what_the_cluster_takes() -> None:
    kinds = {one["kind"]: one for one in objects(workspace())}

    policy = parse_approval_policy(kinds["ApprovalPolicy"])

    assert policy.quorum.minimum == NEEDED
    assert policy.key.name in SPEC
    assert parse_receiver(kinds["Receiver"]).workspace == workspace().team
    assert parse_notifier(kinds["Notifier"]).address == "#releases"
    assert policy.quorum.approvers is not None
    assert workspace().members[CY].email not in policy.quorum.approvers.emails
