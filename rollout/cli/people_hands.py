"""How are buttons pressed where nobody sits in front of a browser? By what a browser would send, over HTTP."""

from dataclasses import dataclass

import aiohttp

from rollout.demo.slack import Message


@dataclass(frozen=True, slots=True, kw_only=True)
class Browser:
    """Presses buttons on these pages."""

    slack_url: str
    dashboard_url: str

    async def approve_in_slack(self, message: Message, user: str) -> None:
        """Press Approve below the message, as this member, on the page that shows it."""
        form = {"user": user, "ts": message.ts, "action": "rollout.approve"}
        async with aiohttp.ClientSession(self.slack_url) as session, session.post("/press", data=form) as answer:
            answer.raise_for_status()

    async def approve_in_dashboard(self, name: str) -> None:
        """Sign in as this person, and press Approve on the page of the Rollout."""
        raise NotImplementedError(name)
