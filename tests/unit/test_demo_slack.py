"""Does the demo's Slack answer as Slack does, and do the buttons of its page work?"""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qs

import aiohttp
import pytest
from aiohttp import web

from rollout.demo import slack
from rollout.demo.slack import Member, Message, Workspace
from rollout.demo.slack_blocks import problems
from rollout.demo.slack_clicks import press, send, signed, slash
from rollout.demo.slack_page import routes
from tests.support.builders import NOON

TOKEN = "xoxb-1"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
CHANNEL = "C024BE91L"
DIALOG = {
    "title": {"type": "plain_text", "text": "Approve v2?"},
    "text": {"type": "mrkdwn", "text": "5 % to *50* %"},
    "confirm": {"type": "plain_text", "text": "Yes"},
    "deny": {"type": "plain_text", "text": "No"},
}
BUTTON = {
    "type": "button",
    "action_id": "rollout.approve",
    "text": {"type": "plain_text", "text": "Approve"},
    "value": "x",
    "style": "primary",
    "confirm": DIALOG,
}
BLOCKS: list[dict[str, Any]] = [
    {"type": "section", "text": {"type": "mrkdwn", "text": "v2 &lt;b&gt; by <@U1> <script>"}},
    {"type": "actions", "block_id": "b", "elements": [BUTTON]},
]


@asynccontextmanager
async def a_slack() -> AsyncIterator[tuple[Workspace, aiohttp.ClientSession, list[bytes]]]:
    """A workspace with its pages, and an app that keeps what it is sent."""
    workspace = Workspace(token=TOKEN, secret="signing")
    workspace.add(Member(id="U1", name="ana"), Member(id="U2", name="bea"))
    heard: list[bytes] = []

    async def app(request: web.Request) -> web.Response:
        heard.append(await request.read())
        return web.Response(text="")

    async with (
        slack.serving(workspace, *routes(workspace, lambda: f"{workspace.url}/app"), ("POST", "/app", app)) as url,
        aiohttp.ClientSession(url) as session,
    ):
        yield workspace, session, heard


async def called(session: aiohttp.ClientSession, method: str, **arguments: Any) -> dict[str, Any]:
    async with session.post(f"/api/{method}", json=arguments, headers=BEARER) as response:
        return dict(await response.json())


async def test_without_the_token_nothing_is_told() -> None:
    async with a_slack() as (_, session, _):
        answers = [
            await (await session.post("/api/auth.test", headers=headers)).json()
            for headers in ({}, {"Authorization": "Bearer x"}, BEARER)
        ]

        assert [one.get("error") for one in answers] == ["not_authed", "invalid_auth", None]


@pytest.mark.parametrize(
    ("method", "arguments", "error"),
    [
        ("users.info", {"user": "U9"}, "user_not_found"),
        ("usergroups.users.list", {"usergroup": "S9"}, "no_such_subteam"),
        ("chat.postMessage", {"channel": "#nowhere", "text": "x"}, "channel_not_found"),
        ("chat.postMessage", {"channel": "#releases"}, "no_text"),
        ("chat.postMessage", {"channel": "#releases", "text": "x", "blocks": [{"type": "x"}]}, "invalid_blocks"),
        ("chat.postMessage", {"channel": "#releases", "text": "x" * 40_001}, "msg_too_long"),
        ("chat.postMessage", {"channel": "#releases", "text": "x", "thread_ts": "1.2"}, "thread_not_found"),
        ("chat.update", {"channel": CHANNEL, "ts": "1.2", "text": "x"}, "message_not_found"),
        ("views.open", {}, "unknown_method"),
    ],
)
async def test_what_slack_refuses_is_refused_with_its_code(method: str, arguments: dict[str, Any], error: str) -> None:
    async with a_slack() as (_, session, _):
        assert (await called(session, method, **arguments))["error"] == error


async def test_too_many_calls_are_answered_429() -> None:
    async with a_slack() as (workspace, session, _):
        workspace.limited["auth.test"] = [7]

        response = await session.post("/api/auth.test", headers=BEARER)

        assert (response.status, response.headers["Retry-After"]) == (429, "7")


async def test_a_response_url_works_five_times() -> None:
    async with a_slack() as (workspace, session, _):
        slash(workspace, "status", "U1")
        (path,) = workspace.answerable

        codes = [(await session.post(f"/actions/{path}", json={"text": f"{n}"})).status for n in range(6)]

        assert codes == [200] * 5 + [404]
        assert workspace.shown_to("U1") == ["0", "1", "2", "3", "4"]


async def test_an_app_that_fails_or_is_not_there_is_shown_to_who_pressed() -> None:
    async with a_slack() as (workspace, _, _):
        request = signed("signing", b"x=1", NOON)

        codes = [await send(workspace, url, request, "U1") for url in (f"{workspace.url}/none", "http://127.0.0.1:1/")]

        assert codes == [404, 0]
        assert workspace.shown_to("U1") == [
            "This app responded with an error (404).",
            "This app responded with an error (operation_timeout).",
        ]


async def test_the_page_shows_messages_and_what_is_text_stays_text() -> None:
    async with a_slack() as (_, session, _):
        await called(session, "chat.postMessage", channel="#releases", text="v2", blocks=BLOCKS)

        page = await (await session.get("/messages?user=U1")).text()

        assert "v2 &lt;b&gt; by <b>@ana</b> &lt;script&gt;" in page
        assert "<script" not in page


async def test_what_only_one_user_sees_is_not_on_the_page_of_another() -> None:
    async with a_slack() as (workspace, session, _):
        workspace.put(Message(channel=CHANNEL, ts=workspace.stamp(), text="hush", blocks=[], seen_by="U1"))

        pages = [await (await session.get(f"/messages?user={user}")).text() for user in ("U1", "U2")]

        assert ["hush" in page for page in pages] == [True, False]


async def test_a_button_of_the_page_asks_and_then_sends_a_signed_request() -> None:
    async with a_slack() as (workspace, session, heard):
        await called(session, "chat.postMessage", channel="#releases", text="v2", blocks=BLOCKS)
        ts = workspace.messages[0].ts
        where = {"user": "U2", "ts": ts, "action": "rollout.approve"}

        asked = await (await session.get("/confirm", params=where)).text()
        await session.post("/press", data=where)

        assert "Approve v2?" in asked
        assert "5 % to <b>50</b> %" in asked
        assert heard[0].startswith(b"payload=")


async def test_a_command_of_the_page_is_sent() -> None:
    async with a_slack() as (_, session, heard):
        await session.post("/slash", data={"user": "U2", "text": "why checkout"})

        assert b"text=why+checkout" in heard[0]
        assert b"user_id=U2" in heard[0]


async def test_a_button_that_is_gone_is_said() -> None:
    async with a_slack() as (_, session, _):
        assert (await session.get("/confirm?ts=1&action=x")).status == 404


async def test_the_whole_window_names_who_one_may_be() -> None:
    async with a_slack() as (_, session, _):
        response = await session.get("/?user=U2")

        assert '<option value="U2" selected>bea</option>' in await response.text()
        assert "default-src 'none'" in response.headers["Content-Security-Policy"]


def test_a_press_has_the_shape_that_slack_documents() -> None:
    workspace = Workspace(token=TOKEN, secret="signing", url="http://127.0.0.1:1")
    workspace.add(Member(id="U1", name="ana"))
    message = Message(channel=CHANNEL, ts="1.2", text="v2", blocks=BLOCKS)

    payload = json.loads(parse_qs(press(workspace, message, "rollout.approve", "U1").body.decode())["payload"][0])

    assert payload["type"] == "block_actions"
    assert payload["container"] == {
        "type": "message",
        "message_ts": "1.2",
        "channel_id": CHANNEL,
        "is_ephemeral": False,
    }
    assert payload["actions"][0]["value"] == "x"
    assert payload["team"]["id"] == workspace.team


@pytest.mark.parametrize(
    "block",
    [
        {"type": "section", "text": {"type": "mrkdwn", "text": "x" * 3001}},
        {"type": "section", "text": {"type": "mrkdwn", "text": ""}},
        {"type": "header", "text": {"type": "plain_text", "text": "x" * 151}},
        {"type": "header", "text": {"type": "mrkdwn", "text": "x"}},
        {"type": "context", "elements": []},
        {"type": "actions", "elements": [BUTTON, BUTTON]},
        {"type": "actions", "elements": [{**BUTTON, "value": "x" * 2001}]},
        {"type": "actions", "elements": [{**BUTTON, "text": {"type": "plain_text", "text": "x" * 76}}]},
        {
            "type": "actions",
            "elements": [{**BUTTON, "confirm": {**DIALOG, "text": {"type": "mrkdwn", "text": "x" * 301}}}],
        },
        {"type": "actions", "elements": [{**BUTTON, "style": "green"}]},
        "text",
    ],
)
def test_a_block_over_slacks_limits_is_a_problem(block: object) -> None:
    assert len(list(problems([block]))) == 1


def test_more_than_fifty_blocks_are_a_problem() -> None:
    assert list(problems([{"type": "divider"}] * 51)) == ["51 blocks, at most 50"]
