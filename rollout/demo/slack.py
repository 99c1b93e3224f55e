"""What would Slack answer, and what does it send when somebody presses a button?

A workspace on loopback with the methods of the Web API that an app like ours needs: shapes, error codes and limits as
Slack documents them. It remembers every message, and nobody but the bearer of its token gets an answer.
"""

import asyncio
import json
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from rollout.demo.bootstrap import LOOPBACK
from rollout.demo.slack_blocks import LONGEST_TEXT, problems

Json = dict[str, Any]
Method = Callable[[Json], Json]
TEAM = "T024BE7LD"
MOST_RESPONSES = 5  # of one response_url


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """Somebody of the workspace, or of another one (team) who is in a shared channel."""

    id: str
    name: str
    email: str = ""
    team: str = TEAM
    is_confirmed: bool = True
    is_restricted: bool = False
    is_ultra_restricted: bool = False
    is_bot: bool = False
    deleted: bool = False


@dataclass(slots=True, kw_only=True)
class Message:
    """A message. seen_by: the only one who sees it, "" for everybody in the channel. edits: how often it was changed."""

    channel: str
    ts: str
    text: str
    blocks: list[Json]
    thread_ts: str = ""
    seen_by: str = ""
    edits: int = 0


@dataclass(slots=True, kw_only=True)
class Answerable:
    """Where a response_url leads: to a message that was used, or (None) to the place where a command was given."""

    message: Message | None
    channel: str
    user: str
    left: int = MOST_RESPONSES


class SlackError(Exception):
    """The `error` of an answer that is not ok."""

    def __init__(self, code: str, **more: str) -> None:
        super().__init__(code)
        self.answer = {"ok": False, "error": code, **more}


@dataclass(slots=True, kw_only=True)
class Workspace:
    """A workspace of Slack with one app in it.

    limited: Retry-After of the next calls of a method, each once; "" of the method means the next call of any. broken:
    error codes that a method answers until they are taken out. scopes: what the token may. calls: method and arguments of
    each call. answers: cleared while no call is answered; waiting: methods of the calls that wait then. changed: set by each message, cleared by who waits for one.
    """

    token: str
    secret: str
    team: str = TEAM
    domain: str = "shop"
    scopes: set[str] = field(
        default_factory=lambda: {"chat:write", "commands", "users:read", "users:read.email", "usergroups:read"}
    )
    members: dict[str, Member] = field(default_factory=dict)
    groups: dict[str, tuple[str, ...]] = field(default_factory=dict)
    channels: dict[str, str] = field(default_factory=lambda: {"C024BE91L": "releases"})
    messages: list[Message] = field(default_factory=list)
    answerable: dict[str, Answerable] = field(default_factory=dict)
    limited: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    broken: dict[str, str] = field(default_factory=dict)
    calls: list[tuple[str, Json]] = field(default_factory=list)
    url: str = ""
    answers: asyncio.Event = field(default_factory=asyncio.Event)
    waiting: list[str] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    clock: int = 1_700_000_000

    def __post_init__(self) -> None:
        self.answers.set()

    def add(self, *members: Member) -> None:
        """They are in the workspace's directory from now on."""
        self.members |= {member.id: member for member in members}

    def stamp(self) -> str:
        """A new time stamp; no two are equal."""
        self.clock += 1
        return f"{self.clock}.{self.clock % 1_000_000:06d}"

    def put(self, message: Message) -> Message:
        """The message, remembered as the newest."""
        self.messages.append(message)
        self.changed.set()
        return message

    def change(self, message: Message, text: str, blocks: list[Json]) -> None:
        """Put this in place of what a message said."""
        message.text, message.blocks, message.edits = text, blocks, message.edits + 1
        self.changed.set()

    def shown_to(self, user: str) -> list[str]:
        """Texts that only this user saw, oldest first."""
        return [message.text for message in self.messages if message.seen_by == user]


class Api:
    """The methods of the Web API, and the response_urls."""

    def __init__(self, workspace: Workspace) -> None:
        self._at = workspace
        self._methods: Mapping[str, tuple[str, Method]] = {
            "auth.test": ("", self._auth_test),
            "users.info": ("users:read", self._users_info),
            "usergroups.users.list": ("usergroups:read", self._group),
            "chat.postMessage": ("chat:write", self._post),
            "chat.update": ("chat:write", self._update),
        }

    async def call(self, request: web.Request) -> web.Response:
        """POST or GET /api/METHOD: the answer, with 429 where the method is called too often."""
        name = request.match_info["method"]
        self._at.waiting.append(name)
        await self._at.answers.wait()
        self._at.waiting.remove(name)
        waits = self._at.limited[name] or self._at.limited[""]
        if waits:
            headers = {"Retry-After": str(waits.pop(0))}
            return web.json_response({"ok": False, "error": "ratelimited"}, status=429, headers=headers)
        try:
            arguments = await _arguments(request)
            self._at.calls.append((name, arguments))
            return web.json_response({"ok": True, **self._answer(name, request, arguments)})
        except SlackError as error:
            return web.json_response(error.answer)

    async def respond(self, request: web.Request) -> web.Response:
        """POST to a response_url: five times, then it is used up."""
        answerable = self._at.answerable.get(request.match_info["id"])
        if answerable is None or answerable.left == 0:
            return web.json_response({"ok": False, "error": "used_url"}, status=404)
        answerable.left -= 1
        body = await request.json()
        text, blocks = str(body.get("text", "")), body.get("blocks") or []
        if list(problems(blocks)) or not (text or blocks):
            return web.json_response({"ok": False, "error": "invalid_blocks"}, status=400)
        if body.get("replace_original") and answerable.message is not None:
            self._at.change(answerable.message, text, blocks)
        else:
            seen_by = "" if body.get("response_type") == "in_channel" else answerable.user
            self._at.put(
                Message(channel=answerable.channel, ts=self._at.stamp(), text=text, blocks=blocks, seen_by=seen_by)
            )
        return web.Response(text="ok")

    def _answer(self, name: str, request: web.Request, arguments: Json) -> Json:
        given = request.headers.get("Authorization", "")
        if not given:
            raise SlackError("not_authed")
        if given != f"Bearer {self._at.token}":
            raise SlackError("invalid_auth")
        if name in self._at.broken:
            raise SlackError(self._at.broken[name])
        if name not in self._methods:
            raise SlackError("unknown_method")
        scope, method = self._methods[name]
        if scope and scope not in self._at.scopes:
            raise SlackError("missing_scope", needed=scope, provided=",".join(sorted(self._at.scopes)))
        return method(arguments)

    def _auth_test(self, _: Json) -> Json:
        at = self._at
        return {"url": f"https://{at.domain}.slack.com/", "team": at.domain, "team_id": at.team, "user_id": "U0BOT"}

    def _users_info(self, arguments: Json) -> Json:
        member = self._at.members.get(str(arguments.get("user", "")))
        if member is None:
            raise SlackError("user_not_found")
        profile: Json = {"real_name": member.name, "display_name": member.name, "team": member.team}
        is_stranger = member.team != self._at.team
        if "users:read.email" in self._at.scopes and member.email and not is_stranger:
            profile["email"] = member.email
        return {
            "user": {
                "id": member.id,
                "team_id": member.team,
                "name": member.name,
                "real_name": member.name,
                "deleted": member.deleted,
                "profile": profile,
                "is_bot": member.is_bot,
                "is_restricted": member.is_restricted,
                "is_ultra_restricted": member.is_ultra_restricted,
                "is_stranger": is_stranger,
                "is_email_confirmed": member.is_confirmed,
            }
        }

    def _group(self, arguments: Json) -> Json:
        users = self._at.groups.get(str(arguments.get("usergroup", "")))
        if users is None:
            raise SlackError("no_such_subteam")
        return {"users": list(users)}

    def _channel(self, name: str) -> str:
        for identity, known in self._at.channels.items():
            if name in (identity, known, f"#{known}"):
                return identity
        raise SlackError("channel_not_found")

    def _post(self, arguments: Json) -> Json:
        channel = self._channel(str(arguments.get("channel", "")))
        text, blocks = _content(arguments)
        thread = str(arguments.get("thread_ts") or "")
        if thread and not any(message.ts == thread for message in self._at.messages):
            raise SlackError("thread_not_found")
        message = Message(channel=channel, ts=self._at.stamp(), text=text, blocks=blocks, thread_ts=thread)
        return _place(self._at.put(message))

    def _update(self, arguments: Json) -> Json:
        channel, ts = self._channel(str(arguments.get("channel", ""))), str(arguments.get("ts", ""))
        found = [one for one in self._at.messages if (one.channel, one.ts, one.seen_by) == (channel, ts, "")]
        if not found:
            raise SlackError("message_not_found")
        self._at.change(found[0], *_content(arguments))
        return _place(found[0])


async def _arguments(request: web.Request) -> Json:
    """What was given, in whichever of the three ways Slack takes it."""
    if request.method == "GET":
        return dict(request.query)
    if request.content_type == "application/json":
        return dict(await request.json())
    return dict(await request.post())


def _content(arguments: Json) -> tuple[str, list[Json]]:
    text, blocks = str(arguments.get("text") or ""), arguments.get("blocks") or []
    blocks = json.loads(blocks) if isinstance(blocks, str) else blocks
    if not text and not blocks:
        raise SlackError("no_text")
    if len(text) > LONGEST_TEXT:
        raise SlackError("msg_too_long")
    wrong = list(problems(blocks))
    if wrong:
        raise SlackError("invalid_blocks", detail="; ".join(wrong))
    return text, blocks


def _place(message: Message) -> Json:
    shown = {"type": "message", "text": message.text, "blocks": message.blocks, "ts": message.ts}
    return {"channel": message.channel, "ts": message.ts, "message": shown}


@asynccontextmanager
async def serving(
    workspace: Workspace, *more: tuple[str, str, Callable[[web.Request], Awaitable[web.StreamResponse]]]
) -> AsyncIterator[str]:
    """The base URL of the workspace on a free loopback port, until the end of this block.

    more: other routes, each a method, a path and what answers. The Web API is below /api/.
    """
    api = Api(workspace)
    app = web.Application()
    app.router.add_route("*", "/api/{method}", api.call)
    app.router.add_post("/actions/{id}", api.respond)
    for method, path, handler in more:
        app.router.add_route(method, path, handler)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, LOOPBACK, 0).start()
        workspace.url = f"http://{LOOPBACK}:{runner.addresses[0][1]}"
        yield workspace.url
    finally:
        await runner.cleanup()
