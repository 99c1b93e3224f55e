"""What does the hook take for Slack's, and why is everything else refused?"""

import asyncio
import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from rollout.demo.slack_clicks import signed
from rollout.ports.errors import Unreachable
from tests.support.builders import NOON
from tests.support.commandlines import comes_true
from tests.support.slack import BEA, FORMER, GUS, SECRET, a_slack_receiver
from tests.support.slack_knocks import VALUE, a_quiet_desk, form, headers_of, payload, typed
from webhooks.slack import MOST_AT_ONCE

BODY = form(payload())


def test_the_fake_slack_signs_as_slacks_own_library_does() -> None:
    found = signed(SECRET, BODY, NOON)

    assert {name.lower(): value for name, value in found.headers.items()}.items() >= headers_of(BODY).items()


async def test_what_slack_signed_is_heard_and_recorded() -> None:
    desk = a_quiet_desk()

    assert await desk.hear(BODY) == "heard"

    assert [one["spec"]["verb"] for one in desk.commands()] == ["approve"]


async def test_the_former_secret_counts_while_it_is_changed() -> None:
    desk = a_quiet_desk()

    assert await desk.hear(BODY, headers_of(BODY, secret=FORMER)) == "heard"


def _with(**changes: str) -> Mapping[str, str]:
    return {**headers_of(BODY), **{name.replace("_", "-"): value for name, value in changes.items()}}


def _at(delta: timedelta) -> Mapping[str, str]:
    return headers_of(BODY, NOON + delta)


GOOD = headers_of(BODY)["x-slack-signature"]
STAMP = "x-slack-request-timestamp"
UNPROVEN: dict[str, tuple[Mapping[str, str], str]] = {
    "no headers": ({}, "unsigned"),
    "no signature": ({STAMP: headers_of(BODY)[STAMP]}, "unsigned"),
    "no time": ({"x-slack-signature": GOOD}, "unsigned"),
    "another secret": (headers_of(BODY, secret="other"), "forged"),
    "another body": (headers_of(BODY + b"&x=1"), "forged"),
    "one digit": (_with(x_slack_signature=GOOD[:-1] + ("0" if GOOD[-1] != "0" else "1")), "forged"),
    "cut short": (_with(x_slack_signature=GOOD[:-1]), "unsigned"),
    "upper case": (_with(x_slack_signature=GOOD.upper()), "unsigned"),
    "another scheme": (_with(x_slack_signature="v1" + GOOD[2:]), "unsigned"),
    "no ASCII": (_with(x_slack_signature="v0=" + "é" * 64), "unsigned"),
    "a surrogate": (_with(x_slack_signature="v0=\udcff"), "unsigned"),
    "empty": (_with(x_slack_signature=""), "unsigned"),
    "another time": (_with(x_slack_request_timestamp=str(int(NOON.timestamp()) + 1)), "forged"),
    "time in words": (_with(x_slack_request_timestamp="noon"), "unsigned"),
    "negative time": (_with(x_slack_request_timestamp="-1"), "unsigned"),
    "time with a fraction": (_with(x_slack_request_timestamp=f"{NOON.timestamp():.1f}"), "unsigned"),
    "time in other digits": (_with(x_slack_request_timestamp="١٧٠٠٠٠٠٠٠٠"), "unsigned"),
    "endless time": (_with(x_slack_request_timestamp="9" * 5000), "unsigned"),
    "too old": (_at(timedelta(seconds=-301)), "stale"),
    "from the future": (_at(timedelta(seconds=301)), "stale"),
}


@pytest.mark.parametrize("name", UNPROVEN)
async def test_what_is_not_proven_is_refused_and_leads_to_nothing(name: str) -> None:
    desk = a_quiet_desk()
    headers, why = UNPROVEN[name]

    assert await desk.hear(BODY, headers) == why

    assert (desk.commands(), desk.told(), desk.slack.asked) == ([], [], [])


async def test_a_body_that_is_no_utf8_is_refused_without_a_crash() -> None:
    desk = a_quiet_desk()

    assert await desk.hear(b"payload=\xff\xfe", _with()) == "forged"


@pytest.mark.parametrize("seconds", [-300, 0, 300])
async def test_five_minutes_either_way_are_new(seconds: int) -> None:
    desk = a_quiet_desk()

    assert await desk.hear(BODY, _at(timedelta(seconds=seconds))) == "heard"


async def test_a_receiver_may_have_a_shorter_window_but_no_longer_one() -> None:
    desk = a_quiet_desk()
    short = a_slack_receiver(replay_window=timedelta(seconds=10))
    long = a_slack_receiver(replay_window=timedelta(minutes=10))

    assert await desk.hear(BODY, _at(timedelta(seconds=-11)), receiver=short) == "stale"
    assert await desk.hear(BODY, _at(timedelta(seconds=-301)), receiver=long) == "stale"


async def test_the_same_request_is_heard_once() -> None:
    desk = a_quiet_desk()
    assert await desk.hear(BODY) == "heard"

    assert await desk.hear(BODY) == "replayed"
    assert await desk.hear(BODY, headers_of(BODY, NOON + timedelta(seconds=1))) == "replayed"

    assert len(desk.commands()) == 1


async def test_a_replay_to_another_replica_is_refused_by_the_cluster() -> None:
    first, second = a_quiet_desk(), a_quiet_desk()
    second.hooks.desk.voucher = first.hooks.desk.voucher
    await first.hear(BODY)

    assert await second.hear(BODY) == "heard"

    assert len(first.commands()) == 1
    assert second.commands() == []


async def test_signed_requests_are_remembered_for_as_long_as_they_are_new() -> None:
    desk = a_quiet_desk()
    ahead = headers_of(BODY, NOON + timedelta(minutes=5))
    await desk.hear(BODY, ahead)

    assert await desk.hear(BODY, ahead, NOON + timedelta(minutes=9, seconds=59)) == "replayed"


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


async def test_a_directory_that_cannot_be_asked_lets_nobody_act() -> None:
    desk = a_quiet_desk()
    desk.slack.fail(Unreachable("users.info: Slack does not answer"))

    await desk.hear(BODY)

    assert desk.commands() == []


async def test_slack_is_answered_before_anything_is_looked_up() -> None:
    desk = a_quiet_desk()
    desk.slack.hold()
    hearing = asyncio.create_task(desk.hear(BODY))
    await comes_true(lambda: desk.slack.asked == ["U1"], "nobody was looked up")

    assert desk.hooks.is_busy
    assert not hearing.done()  # only because `hear` waits for what follows

    desk.slack.let_go()
    assert await hearing == "heard"
    assert len(desk.commands()) == 1


async def test_more_than_can_be_done_at_once_is_refused() -> None:
    desk = a_quiet_desk()
    desk.slack.hold()
    bodies = [
        form(payload(trigger_id=f"1.{number}.a", user={"id": f"U{number}"})) for number in range(MOST_AT_ONCE + 1)
    ]
    held = [asyncio.create_task(desk.hear(body)) for body in bodies[:-1]]
    await comes_true(lambda: not desk.hooks.has_room, "there is room left")
    last = asyncio.create_task(desk.hear(bodies[-1]))
    await asyncio.sleep(0)
    desk.slack.let_go()

    assert await last == "unavailable"
    assert {await one for one in held} == {"heard"}


async def test_what_is_being_done_is_given_up_when_the_hook_is_closed() -> None:
    desk = a_quiet_desk()
    desk.slack.hold()
    hearing = asyncio.create_task(desk.hear(BODY))
    await comes_true(lambda: desk.slack.asked == ["U1"], "nobody was looked up")

    await desk.hooks.close()

    assert await hearing == "heard"
    assert desk.commands() == []


async def test_secrets_are_in_no_log_line(capsys: pytest.CaptureFixture[str]) -> None:
    desk = a_quiet_desk()
    await desk.hear(BODY)
    await desk.hear(_value(run=0))

    written = "".join(capsys.readouterr())

    assert "slack_command_recorded" in written
    assert not any(one in written for one in (SECRET, FORMER, desk.tokens[-1], "hooks.slack.com"))
