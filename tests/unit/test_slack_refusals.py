"""What do people who may not, and forms that Slack does not send, lead to?"""

import json
from typing import Any

import pytest

from tests.support.slack import BEA, GUS, a_slack_receiver
from tests.support.slack_knocks import VALUE, a_quiet_desk, form, payload, typed

BODY = form(payload())


def _value(**changes: Any) -> bytes:
    return form(payload({name: one for name, one in {**VALUE, **changes}.items() if one is not None}))


def _action(**changes: Any) -> bytes:
    whole = payload()
    return form({**whole, "actions": [{**whole["actions"][0], **changes}]})


def _nested(text: str) -> str:
    return json.dumps(payload()).replace('"enterprise": null', f'"enterprise": {text}')


UNREADABLE: dict[str, bytes] = {
    "no form": b"{}",
    "empty": b"",
    "bad UTF-8 in a field": b"payload=%ff%fe",
    "no ASCII": "payload=é".encode(),
    "two payloads": BODY + b"&" + BODY,
    "too many fields": BODY + b"&a=1" * 100,
    "no JSON": form("{"),
    "a list": form("[]"),
    "null": form("null"),
    "a number without end": form(_nested("9" * 5000)),
    "nested without end": form(_nested("[" * 50_000)),
    "another type": form(payload(type="view_submission")),
    "no actions": form(payload(actions=[])),
    "actions in a text": form(payload(actions="approve")),
    "two actions": form(payload(actions=payload()["actions"] * 2)),
    "no trigger": form(payload(trigger_id=None)),
    "a trigger with spaces": form(payload(trigger_id="a b")),
    "a trigger without end": form(payload(trigger_id="1" * 500)),
    "no action time": _action(action_ts=None),
    "no button": _action(type="static_select"),
    "no user": form(payload(user=None)),
    "a user that is none": form(payload(user={"id": "U1/../U2"})),
    "a user in a list": form(payload(user=["U1"])),
    "a surrogate for a user": form(payload(user={"id": "\ud800"})),
    "a team that is none": form(payload(team={"id": "*"})),
    "no container": form(payload(container=None)),
    "in a modal": form(payload(container={"type": "view"})),
    "a channel that is none": form(
        payload(container={"type": "message", "is_ephemeral": False, "channel_id": "#x", "message_ts": "1.2"})
    ),
    "a value that is no JSON": _action(value="approve"),
    "a value that is no text": _action(value={"v": "approve"}),
    "another field in the value": _value(actor="root"),
    "a verb that has no button": _value(v="promote"),
    "override": _value(v="override"),
    "no verb": form(payload({**VALUE, "v": None})),
    "a list for a verb": _action(value=json.dumps({**VALUE, "v": ["approve"]})),
    "another verb than the button's": _action(action_id="rollout.abort"),
    "another kind": _value(k="GitSource"),
    "no name": _value(n=None),
    "a path for a name": _value(n="../checkout"),
    "a path for a namespace": _value(ns="shop/x"),
    "no namespace": _value(ns=""),
    "no run": _value(run=None),
    "a run in words": _value(run="1"),
    "true for a run": _value(run=True),
    "half a run": _value(run=1.5),
    "a negative run": _value(run=-1),
    "a run without end": _value(run=2**40),
    "no step": _value(step=None),
    "no revision": _value(rev=None),
    "a revision with a newline": _value(rev="v2\nv3"),
    "a revision without end": _value(rev="v" * 65),
    "a template that is no text": _value(tpl=7),
    "a reason with a newline": _value(r="a\nb"),
    "a reason without end": _value(r="x" * 1025),
    "an abort without a run": form(payload({"k": "Rollout", "ns": "shop", "n": "checkout", "v": "abort"})),
    "a command without a user": typed("abort checkout", user_id=""),
    "a command without a trigger": typed("abort checkout", trigger_id=""),
}


@pytest.mark.parametrize("name", UNREADABLE)
async def test_what_is_signed_but_not_what_slack_sends_leads_to_nothing(name: str) -> None:
    desk = a_quiet_desk()

    assert await desk.hear(UNREADABLE[name]) == "unreadable"

    assert (desk.commands(), desk.slack.asked) == ([], [])


@pytest.mark.parametrize("body", [b"ssl_check=1&token=x", _action(action_id="open.link")], ids=["ssl", "a link"])
async def test_what_is_not_meant_for_us_is_answered_and_left_alone(body: bytes) -> None:
    desk = a_quiet_desk()

    assert await desk.hear(body) == "heard"

    assert (desk.commands(), desk.told(), desk.slack.asked) == ([], [], [])


REFUSED: dict[str, tuple[bytes, str]] = {
    "an older run": (_value(run=0), "the button was made for run 0, step 1, v2; now it is run 1, step 1, v2"),
    "a later run": (_value(run=2), "the button was made for run 2"),
    "another step": (_value(step=2), "the button was made for run 1, step 2, v2; now it is run 1, step 1, v2"),
    "another revision": (_value(rev="v3"), "made for run 1, step 1, v3"),
    "another template": (_value(tpl="t-v3"), "the pod template of v2 is not the one"),
    "no template": (_value(tpl=None), "the pod template of v2 is not the one"),
    "another Rollout": (_value(n="cart"), "there is no Rollout shop/cart"),
    "another namespace": (_value(ns="pay"), "does not reach the namespace pay"),
    "another workspace": (form(payload(team={"id": "T0ELSE"})), "this workspace is not heard here"),
    "no workspace": (form(payload(team=None)), "this workspace is not heard here"),
    "a stranger": (
        form(payload(user={"id": BEA, "team_id": "T0ELSE"})),
        "people of other workspaces (Slack Connect) are not heard",
    ),
    "a guest": (form(payload(user={"id": GUS})), "guests are not heard"),
    "nobody": (form(payload(user={"id": "U404"})), "Slack does not know the user U404"),
    "without a grant": (form(payload(user={"id": BEA})), "does not grant approve to slack:bea@shop.example"),
}


@pytest.mark.parametrize("name", REFUSED)
async def test_what_may_not_be_is_told_with_the_reason_and_not_recorded(name: str) -> None:
    desk = a_quiet_desk()
    body, why = REFUSED[name]

    assert await desk.hear(body) == "heard"

    assert why in desk.told()[-1]
    assert desk.commands() == []


@pytest.mark.parametrize(
    "url", ["", "http://hooks.slack.com/x", "https://evil.example/x", None, 7, ["https://slack.com"]]
)
async def test_whoever_wants_the_answer_elsewhere_gets_nothing(url: object) -> None:
    desk = a_quiet_desk()

    await desk.hear(form(payload(response_url=url)))

    assert (desk.commands(), desk.told(), desk.slack.asked) == ([], [], [])


async def test_a_command_that_wants_its_answer_elsewhere_gets_nothing() -> None:
    desk = a_quiet_desk()

    await desk.hear(typed("abort checkout", response_url="https://evil.example/x"))

    assert (desk.commands(), desk.told(), desk.slack.asked) == ([], [], [])


async def test_an_organisation_is_heard_by_its_id() -> None:
    desk = a_quiet_desk()
    whole = payload(team=None, enterprise={"id": "E012"}, user={"id": "U404"})

    await desk.hear(form(whole), receiver=a_slack_receiver(workspace="E012"))

    assert "Slack does not know the user U404 in E012" in desk.told()[-1]
