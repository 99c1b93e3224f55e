"""What would Slack, Teams, an event bus and any other receiver answer to a message, and what would they refuse?

One small server on loopback that takes only what each of them documents. Anything else gets the receiver's own error, and
stands in `complaints`.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from standardwebhooks import Webhook
from standardwebhooks.webhooks import WebhookVerificationError

KEY = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OTHER_KEY = "whsec_" + "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo="
TOKEN = "xoxb-1-notices"
CHANNEL = "C024BE91L"
POST_FIELDS = {
    *("channel", "text", "blocks", "thread_ts", "reply_broadcast", "metadata", "unfurl_links", "unfurl_media"),
}
BLOCKS = {"header", "section", "context", "actions", "divider"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """One request that was taken."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]


@dataclass(slots=True, kw_only=True)
class Receivers:
    """All of them. answers: given instead of the usual answer, once each, as (status, headers, body).

    messages: of Slack, by time stamp. keys: that a signature must be by. over: until it is set, /never does not answer.
    """

    url: str = ""
    heard: list[Heard] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    answers: list[tuple[int, dict[str, str], str]] = field(default_factory=list)
    messages: dict[str, dict[str, Any]] = field(default_factory=dict)
    keys: list[str] = field(default_factory=lambda: [KEY])
    limited: bool = False
    over: asyncio.Event = field(default_factory=asyncio.Event)

    async def respond(self, request: web.Request) -> web.StreamResponse:
        """Every request."""
        raw = await request.read()
        if request.path == "/never":
            await self.over.wait()
        if self.answers:
            status, headers, body = self.answers.pop(0)
            return web.Response(status=status, headers=headers, text=body)
        try:
            body = json.loads(raw)
        except ValueError:
            return self.refused(request, "no JSON")
        if request.method != "POST":
            return self.refused(request, "not a POST")
        self.heard.append(Heard(path=request.path, headers=dict(request.headers), body=body))
        if request.path.startswith("/slack/"):
            return self.slack(request, body)
        if request.path == "/teams":
            return self.teams(request, body, len(raw))
        return self.signed(request, raw, body)

    def refused(self, request: web.Request, why: str) -> web.Response:
        """A 400, noted."""
        self.complaints.append(f"{request.path}: {why}")
        return web.Response(status=400, text=why)

    def signed(self, request: web.Request, raw: bytes, body: dict[str, Any]) -> web.Response:
        """A receiver that verifies by the specification's own package; /events takes CloudEvents alone."""
        headers = {name.lower(): value for name, value in request.headers.items()}
        for key in self.keys:
            try:
                Webhook(key).verify(raw, headers)
            except WebhookVerificationError:
                return self.refused(request, "signature")
        if request.path == "/events":
            required = {"specversion", "id", "source", "type"}
            if request.content_type != "application/cloudevents+json" or not required <= body.keys():
                return self.refused(request, "no CloudEvent")
            if body["specversion"] != "1.0" or any(name != name.lower() or not name.isalnum() for name in body):
                return self.refused(request, "attributes")
        elif request.content_type != "application/json":
            return self.refused(request, "content type")
        return web.Response(status=204)

    def teams(self, request: web.Request, body: dict[str, Any], size: int) -> web.Response:
        """The trigger "When a Teams webhook request is received": it answers 202 before it does anything."""
        attachments = body.get("attachments")
        if body.get("type") != "message" or not isinstance(attachments, list) or size > 28 * 1024:
            return self.refused(request, "no message")
        for one in attachments:
            card = one.get("content", {})
            if (
                one.get("contentType") != "application/vnd.microsoft.card.adaptive"
                or card.get("type") != "AdaptiveCard"
            ):
                return self.refused(request, "no card")
            if any(action.get("type") != "Action.OpenUrl" for action in card.get("actions", [])):
                return self.refused(request, "Workflows carry no buttons")
        return web.Response(status=202)

    def slack(self, request: web.Request, body: dict[str, Any]) -> web.Response:
        """https://docs.slack.dev/reference/methods: errors come with status 200, but for the rate limit."""
        if self.limited:
            return web.json_response({"ok": False, "error": "ratelimited"}, status=429, headers={"Retry-After": "30"})
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            return self.slack_error("invalid_auth")
        if request.headers.get("Content-Type") != "application/json; charset=utf-8":
            return self.slack_error("invalid_post_type")
        problem = self.wrong(body)
        if problem:
            return self.slack_error(problem)
        if request.path == "/slack/chat.postMessage":
            if body["channel"] not in (CHANNEL, "#releases"):
                return self.slack_error("channel_not_found")
            stamp = f"1763726400.{len(self.messages) + 1:06}"
            self.messages[stamp] = body
        elif request.path == "/slack/chat.update":
            stamp = body["ts"]
            if body["channel"] != CHANNEL or stamp not in self.messages:
                return self.slack_error("message_not_found")
            self.messages[stamp] |= body
        else:
            return self.slack_error("unknown_method")
        return web.json_response({"ok": True, "channel": CHANNEL, "ts": stamp, "message": {"text": body["text"]}})

    def wrong(self, body: dict[str, Any]) -> str:
        """What of a message Slack refuses, "" for nothing."""
        unknown = body.keys() - POST_FIELDS - {"ts"}
        if unknown or not body.get("text"):
            return "invalid_arguments" if unknown else "no_text"
        for block in body.get("blocks", []):
            texts = [block.get("text", {}), *block.get("elements", [])]
            if block["type"] not in BLOCKS or any(len(one.get("text", "")) > 3000 for one in texts):
                return "invalid_blocks"
        return ""

    def slack_error(self, code: str) -> web.Response:
        """An error as Slack writes it, noted."""
        self.complaints.append(code)
        return web.json_response({"ok": False, "error": code})


@asynccontextmanager
async def receivers() -> AsyncIterator[Receivers]:
    """The server, until the end of the block."""
    server = Receivers()
    app = web.Application(client_max_size=10 * 1024 * 1024)
    app.router.add_route("*", "/{path:.*}", server.respond)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    server.url = f"http://{host}:{port}"
    try:
        yield server
    finally:
        server.over.set()
        await runner.cleanup()
