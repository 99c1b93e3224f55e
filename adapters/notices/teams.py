"""How do news reach Microsoft Teams? As an Adaptive Card, posted to the URL of a Workflow; cards there carry links, no buttons."""

import json
from collections.abc import Callable
from typing import Any

from adapters.notices.payload import title
from adapters.notices.posts import Posts
from adapters.notices.webhook import place_of, url_in
from rollout.model.notifier import Notifier, Severity
from rollout.ports.messages import Message, NoticeSecrets

Links = Callable[[Message], str]  # the page of an object; "" where there is none
_MOST_LINES = 20
_LONGEST_LINE = 1000  # characters
_MOST_BYTES = 20 * 1024  # of all lines; Teams refuses messages above 28 kB


class Teams:
    """`Messenger` for Teams' Workflows; nothing can be edited there."""

    def __init__(self, secrets: NoticeSecrets, posts: Posts, links: Links = lambda _message: "") -> None:
        self._secrets = secrets
        self._posts = posts
        self._links = links

    async def send(self, notifier: Notifier, message: Message) -> str:
        """No receipt."""
        place, secret = place_of(notifier), await self._secrets.read(notifier)
        body = json.dumps(card(message, self._links(message)), ensure_ascii=False).encode()
        await self._posts.post(place, url_in(place, secret.get("url", "")), body, {"Content-Type": "application/json"})
        return ""

    async def update(self, notifier: Notifier, receipt: str, message: Message) -> None:
        """Nothing: what was sent stays."""

    async def thread(self, notifier: Notifier, receipt: str, message: Message) -> None:
        """Nothing: a card says all the news it is sent for."""


def card(message: Message, link: str) -> dict[str, Any]:
    """The message as Workflows take it. Texts are runs, which know no markup: what git says stays text."""
    last = message.last
    alarming = last.severity is Severity.WARNING or message.needs_person
    head = {"type": "TextRun", "text": title(message), "weight": "bolder", "size": "large"}
    if alarming:
        head["color"] = "attention"
    lines = _fitting([one.sentence[:_LONGEST_LINE] for one in message.news[-_MOST_LINES:]])
    content: dict[str, Any] = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": [
            {"type": "RichTextBlock", "inlines": [head]},
            *({"type": "RichTextBlock", "inlines": [{"type": "TextRun", "text": line}]} for line in lines),
        ],
    }
    if link:
        words = "Decide" if message.needs_person else "Open"
        content["actions"] = [{"type": "Action.OpenUrl", "title": words, "url": link}]
    attachment = {
        "contentType": "application/vnd.microsoft.card.adaptive",
        "contentUrl": None,
        "content": content,
    }
    return {"type": "message", "attachments": [attachment]}


def _fitting(lines: list[str]) -> list[str]:
    """The last lines, as many as Teams takes."""
    kept: list[str] = []
    room = _MOST_BYTES
    for line in reversed(lines):
        room -= len(json.dumps(line, ensure_ascii=False).encode())
        if room < 0:
            break
        kept.insert(0, line)
    return kept
