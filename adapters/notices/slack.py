"""How do news reach Slack? One message for each run, edited in place; each piece of news is a reply below it."""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from adapters.notices.payload import title
from adapters.notices.posts import Posts
from adapters.notices.webhook import place_of
from rollout.model.notifier import Notifier, Severity
from rollout.ports.errors import Forbidden, NotFound, PortError, Rejected, Unreachable
from rollout.ports.messages import Message, NoticeSecrets

API = "https://slack.com/api"
Blocks = Callable[[Message], list[dict[str, Any]]]
_LONGEST = 2900  # characters of a section are 3000 at most
_MOST_LINES = 20
_RECEIPT = re.compile(r"[A-Z0-9]{1,32}/[0-9]{1,16}\.[0-9]{1,16}")
_CODE = re.compile(r"[a-z0-9_]{1,60}")
# What Slack calls an error (https://docs.slack.dev/reference/methods/chat.postMessage), by what is to be done about it.
_LATER = frozenset(
    {"internal_error", "fatal_error", "service_unavailable", "request_timeout", "ratelimited", "rate_limited"}
)
_TOKEN = frozenset(
    {
        *("not_authed", "invalid_auth", "account_inactive", "token_revoked", "token_expired", "no_permission"),
        *("missing_scope", "not_allowed_token_type", "ekm_access_denied", "org_login_required", "access_denied"),
    }
)
_CHANNEL = frozenset({"channel_not_found", "not_in_channel", "is_archived", "restricted_action"})
_GONE = frozenset({"message_not_found", "cant_update_message", "edit_window_closed", "thread_not_found"})


def plain_blocks(message: Message) -> list[dict[str, Any]]:
    """The message as text alone: what it is about, where it stands, and when."""
    last = message.last
    lines = "\n".join(escaped(one.sentence) for one in message.news[-_MOST_LINES:])
    small = [f"run {last.run}"] if last.run else []
    small += [f"step {last.step}", f"{last.weight} %"] if last.step else []
    small.append(f"<!date^{int(message.at.timestamp())}^{{date_short_pretty}} {{time_secs}}|{message.at:%H:%M:%S} UTC>")
    return [
        {"type": "section", "text": {"type": "mrkdwn", "text": f"*{escaped(title(message))}*"}},
        {"type": "section", "text": {"type": "mrkdwn", "text": lines[:_LONGEST]}},
        {"type": "context", "elements": [{"type": "mrkdwn", "text": " · ".join(small)}]},
    ]


class Slack:
    """`Messenger` for a Slack app with chat:write. blocks: what a message looks like."""

    def __init__(self, secrets: NoticeSecrets, posts: Posts, *, blocks: Blocks = plain_blocks, api: str = API) -> None:
        self._secrets = secrets
        self._posts = posts
        self._blocks = blocks
        self._api = api.rstrip("/")

    async def send(self, notifier: Notifier, message: Message) -> str:
        """Channel and time stamp, which Slack names a message by."""
        payload = {"event_type": "rollout_news", "event_payload": {"id": message.id}}
        said = await self._call(
            notifier,
            "chat.postMessage",
            {
                "channel": notifier.address,
                **self._shown(message),
                "metadata": payload,
                "unfurl_links": False,
                "unfurl_media": False,
            },
        )
        return f"{said.get('channel', '')}/{said.get('ts', '')}"

    async def update(self, notifier: Notifier, receipt: str, message: Message) -> None:
        """Make the message say this instead; NotFound when it is gone."""
        channel, stamp = _place(receipt)
        await self._call(notifier, "chat.update", {"channel": channel, "ts": stamp, **self._shown(message)})

    async def thread(self, notifier: Notifier, receipt: str, message: Message) -> None:
        """Add the news below the message. Edits ping nobody, so what went wrong or waits is shown in the channel, too."""
        channel, stamp = _place(receipt)
        loud = message.needs_person or any(one.severity is Severity.WARNING for one in message.news)
        text = "\n".join(escaped(one.sentence) for one in message.news[-_MOST_LINES:])[:_LONGEST]
        body = {"channel": channel, "thread_ts": stamp, "text": text, "reply_broadcast": loud, "unfurl_links": False}
        await self._call(notifier, "chat.postMessage", body)

    def _shown(self, message: Message) -> dict[str, Any]:
        """`text` is what notifications and screen readers say."""
        text = escaped(f"{title(message)}: {message.last.sentence}")[:_LONGEST]
        return {"text": text, "blocks": self._blocks(message)}

    async def _call(self, notifier: Notifier, method: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        place, secret = place_of(notifier), await self._secrets.read(notifier)
        token = secret.get("token", "")
        if not re.fullmatch(r"[\x21-\x7e]{1,500}", token):
            raise Rejected(f"{place} has no key token; put the Slack app's bot token (xoxb-...) there")
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json; charset=utf-8"}
        url = f"{self._api}/{method}"
        answer = await self._posts.post(place, url, json.dumps(body).encode(), headers)
        try:
            said = json.loads(answer.body)
        except ValueError:
            said = None
        if not isinstance(said, dict):
            raise Unreachable(f"{answer.who}: the answer to {method} is no JSON")
        if said.get("ok") is not True:
            raise _refusal(f"Slack's {method}", str(said.get("error")), place, notifier)
        return said


def escaped(text: str) -> str:
    """Text that Slack shows as it is: no mention, no link."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _place(receipt: str) -> tuple[str, str]:
    """Channel and time stamp; NotFound for a receipt that is none, as after a move from another channel."""
    if not _RECEIPT.fullmatch(receipt):
        raise NotFound("the message is not known any more")
    channel, _, stamp = receipt.partition("/")
    return channel, stamp


def _refusal(what: str, error: str, place: str, notifier: Notifier) -> PortError:
    code = error if _CODE.fullmatch(error) else "an error without a name"
    if code in _LATER:
        return Unreachable(f"{what}: {code}")
    if code in _TOKEN:
        return Forbidden(f"{what}: {code}; see the token in {place} and the app's scopes (chat:write)")
    if code in _CHANNEL:
        return Rejected(f"{what}: {code}; invite the app into {notifier.address} (spec.channel of {notifier.key})")
    if code in _GONE:
        return NotFound(f"{what}: {code}")
    return Rejected(f"{what}: {code}")
