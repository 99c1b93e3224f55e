"""What does the hook take for Slack's, and why is everything else refused?"""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from structlog.testing import capture_logs

from rollout.demo.slack_clicks import signed
from rollout.ports.errors import Unreachable
from tests.support.builders import NOON
from tests.support.commandlines import comes_true
from tests.support.slack import FORMER, SECRET, a_slack_receiver
from tests.support.slack_knocks import VALUE, a_quiet_desk, form, headers_of, payload
from webhooks.knock import Knock, RefusedError
from webhooks.slack import MOST_AT_ONCE, verify

BODY = form(payload())
STAMP = "x-slack-request-timestamp"
# Slack's own example (docs.slack.dev, "Verifying requests from Slack").
PUBLISHED = "a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"
PUBLISHED_BODY = (
    b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V"
    b"&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text="
    b"&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN"
    b"&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
)


def test_the_fake_slack_signs_as_slacks_own_library_does() -> None:
    found = signed(SECRET, BODY, NOON)

    assert {name.lower(): value for name, value in found.headers.items()}.items() >= headers_of(BODY).items()


def test_slacks_own_example_is_believed_in_its_time() -> None:
    knock = Knock(
        receiver=a_slack_receiver(),
        uid="uid-1",
        headers={STAMP: "1531420618", "x-slack-signature": f"v0={PUBLISHED}"},
        body=PUBLISHED_BODY,
        now=datetime.fromtimestamp(1531420618 + 60, UTC),
        secrets=(b"another", b"8f742231b10e8888abcd99yyyzzz85a5"),
    )

    assert verify(knock) == timedelta(minutes=5)
    with pytest.raises(RefusedError, match="stale"):
        verify(replace(knock, now=knock.now + timedelta(minutes=5)))
    with pytest.raises(RefusedError, match="forged"):
        verify(replace(knock, body=PUBLISHED_BODY + b"0"))


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


async def test_what_takes_too_long_is_given_up_and_said() -> None:
    desk = a_quiet_desk()
    desk.hooks.within = timedelta(seconds=0.05)
    desk.slack.hold_people()

    await desk.hear(BODY)

    assert "it took too long or failed here and was given up" in desk.told()[-1]
    assert desk.commands() == []


async def test_secrets_are_in_no_log_line() -> None:
    desk = a_quiet_desk()

    with capture_logs() as lines:
        await desk.hear(BODY)
        await desk.hear(form(payload({**VALUE, "run": 0}, trigger_id="2.1.x")))

    written = str(lines)
    assert "slack_command_recorded" in written
    assert not any(one in written for one in (SECRET, FORMER, desk.tokens[-1], "hooks.slack.com"))
