"""What does Slack send to an app whose button is pressed, or whose command is typed?

The request is built as Slack builds it: a form, signed over its raw bytes with the app's signing secret.
"""

import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import aiohttp

from rollout.demo.slack import Answerable, Message, Workspace
from rollout.demo.slack_blocks import buttons

APP = "A0KRD7HC3"
PATIENCE_S = 3.0  # an app that takes longer gets "operation_timeout" shown to the user


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """A request as Slack sends it."""

    body: bytes
    headers: Mapping[str, str]


def signed(secret: str, body: bytes, at: datetime) -> Signed:
    """The body with Slack's two headers."""
    stamp = str(int(at.timestamp()))
    digest = hmac.new(secret.encode(), b"v0:" + stamp.encode() + b":" + body, hashlib.sha256).hexdigest()
    headers = {
        "Content-Type": "application/x-www-form-urlencoded",
        "X-Slack-Request-Timestamp": stamp,
        "X-Slack-Signature": f"v0={digest}",
        "User-Agent": "Slackbot 1.0 (+https://api.slack.com/robots)",
    }
    return Signed(body=body, headers=headers)


def press(workspace: Workspace, message: Message, action: str, user: str, at: datetime | None = None) -> Signed:
    """The request that says that `user` pressed the button with this action_id."""
    block, button = next(found for found in buttons(message.blocks) if found[1]["action_id"] == action)
    payload = pressed(workspace, message, user)
    told = {key: button[key] for key in ("action_id", "text", "value", "style") if key in button}
    payload["actions"] = [{**told, "type": "button", "block_id": block, "action_ts": workspace.stamp()}]
    return signed(workspace.secret, urlencode({"payload": json.dumps(payload)}).encode(), at or datetime.now(UTC))


def pressed(workspace: Workspace, message: Message, user: str) -> dict[str, Any]:
    """The payload of a press, without its actions."""
    container = {"type": "message", "message_ts": message.ts, "channel_id": message.channel}
    shown = {"type": "message", "bot_id": "B0BOT", "text": message.text, "ts": message.ts, "blocks": message.blocks}
    payload: dict[str, Any] = {
        "type": "block_actions",
        "user": {
            "id": user,
            "username": _name(workspace, user),
            "name": _name(workspace, user),
            "team_id": _team(workspace, user),
        },
        "api_app_id": APP,
        "token": "not-looked-at",
        "container": {**container, "is_ephemeral": bool(message.seen_by)},
        "trigger_id": _trigger(workspace),
        "team": {"id": workspace.team, "domain": workspace.domain},
        "enterprise": None,
        "is_enterprise_install": False,
        "channel": {"id": message.channel, "name": workspace.channels[message.channel]},
        "response_url": _response_url(workspace, Answerable(message=message, channel=message.channel, user=user)),
    }
    return payload if message.seen_by else {**payload, "message": shown}


def slash(workspace: Workspace, text: str, user: str, at: datetime | None = None) -> Signed:
    """The request that says that `user` typed `/rollout TEXT` in the first channel."""
    channel = next(iter(workspace.channels))
    form = {
        "token": "not-looked-at",
        "team_id": workspace.team,
        "team_domain": workspace.domain,
        "channel_id": channel,
        "channel_name": workspace.channels[channel],
        "user_id": user,
        "user_name": _name(workspace, user),
        "command": "/rollout",
        "text": text,
        "api_app_id": APP,
        "is_enterprise_install": "false",
        "response_url": _response_url(workspace, Answerable(message=None, channel=channel, user=user)),
        "trigger_id": _trigger(workspace),
    }
    return signed(workspace.secret, urlencode(form).encode(), at or datetime.now(UTC))


async def send(workspace: Workspace, url: str, request: Signed, user: str) -> int:
    """The status that the app at `url` answered; what it says in its answer is shown to the user, and so is a failure."""
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=PATIENCE_S)) as session,
            session.post(url, data=request.body, headers=request.headers) as response,
        ):
            status, said = response.status, await response.text()
    except (aiohttp.ClientError, TimeoutError, OSError):
        status, said = 0, "operation_timeout"
    if status != 200:
        _show(workspace, user, f"This app responded with an error ({status or said}).")
    elif said.strip():
        _show(workspace, user, said)
    return status


def _show(workspace: Workspace, user: str, text: str) -> None:
    channel = next(iter(workspace.channels))
    workspace.put(Message(channel=channel, ts=workspace.stamp(), text=text, blocks=[], seen_by=user))


def _name(workspace: Workspace, user: str) -> str:
    return workspace.members[user].name if user in workspace.members else user.lower()


def _team(workspace: Workspace, user: str) -> str:
    return workspace.members[user].team if user in workspace.members else workspace.team


def _trigger(workspace: Workspace) -> str:
    return f"{workspace.stamp().replace('.', '')}.2151{secrets.randbelow(10**7)}.{secrets.token_hex(16)}"


def _response_url(workspace: Workspace, answerable: Answerable) -> str:
    identity = secrets.token_hex(12)
    workspace.answerable[identity] = answerable
    return f"{workspace.url}/actions/{identity}"
