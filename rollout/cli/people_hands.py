"""How are buttons pressed where nobody sits in front of a browser? By what a browser would send, over HTTP."""

import re
from dataclasses import dataclass
from html import unescape
from typing import Any
from urllib.parse import quote

import aiohttp
from yarl import URL

from rollout.cli.telling import UnfinishedError
from rollout.demo.slack import Message

PAGE = "/rollouts/shop/checkout"
API = f"/api/v1{PAGE}"
_ASSET = re.compile(r'(?:src|href)="(/static/[^"]+)"')


@dataclass(frozen=True, slots=True, kw_only=True)
class Browser:
    """Presses buttons on these pages. UnfinishedError with the answer where one is not what it should be."""

    slack_url: str
    dashboard_url: str

    async def approve_in_slack(self, message: Message, user: str) -> None:
        """Press Approve below the message, as this member, on the page that shows it."""
        form = {"user": user, "ts": message.ts, "action": "rollout.approve"}
        async with aiohttp.ClientSession(self.slack_url) as session, session.post("/press", data=form) as answer:
            await _must_be_fine(answer)

    async def approve_in_dashboard(self, name: str) -> None:
        """Sign in at the issuer as this person, in a browser of his own, and press Approve on the Rollout's page."""
        cookies = aiohttp.CookieJar(unsafe=True)  # of addresses, too: nothing here has a name
        async with aiohttp.ClientSession(self.dashboard_url, cookie_jar=cookies) as session:
            async with session.get(f"/login/issuer?next={quote(PAGE)}") as asked:
                choice = _link(await _must_be_fine(asked), name)
                place = asked.url.join(URL(choice, encoded=True))
            async with session.get(place) as page:
                named = _ASSET.findall(await _must_be_fine(page))
            for asset in named:
                async with session.get(asset) as part:
                    await _must_be_fine(part)
            async with session.get(API) as shown:
                await _must_be_fine(shown)
                seen = _seen(await shown.json())
            async with session.post(f"{API}/commands", json=seen, headers={"X-Rollout-Request": "1"}) as answer:
                await _must_be_fine(answer)


def _link(page: str, name: str) -> str:
    """Where the issuer's page leads who says that he is this person."""
    found = re.search(rf'href="([^"]*\bsub={re.escape(name)})"', page)
    if found is None:
        raise UnfinishedError(f"the issuer does not offer {name}: {page[:500]}")
    return unescape(found[1])


def _seen(shown: Any) -> dict[str, Any]:
    """An approval of what the page shows."""
    summary = shown["summary"]
    made_for = {name: summary[name] for name in ("run", "step", "revision")}
    return {"verb": "approve", **made_for, "template": shown["template"]}


async def _must_be_fine(answer: aiohttp.ClientResponse) -> str:
    text = await answer.text()
    if not answer.ok:
        raise UnfinishedError(f"{answer.method} {answer.url.path}: {answer.status} {text[:500]}")
    return text
