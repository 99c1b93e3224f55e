"""How are buttons pressed where nobody sits in front of a browser? By what a browser would send, over HTTP."""

import aiohttp

from rollout.cli.people_shop import BO
from rollout.cli.people_stage import PeopleStage
from rollout.demo.slack import Message


async def approve_in_slack(at: PeopleStage, message: Message, user: str) -> None:
    """Press Approve below the message, as this member, on the page that shows it."""
    form = {"user": user, "ts": message.ts, "action": "rollout.approve"}
    async with aiohttp.ClientSession(at.slack_url) as browser, browser.post("/press", data=form) as answer:
        answer.raise_for_status()


async def approve_in_dashboard(at: PeopleStage, name: str) -> None:
    message = next(
        one for one in at.workspace.messages if one.blocks and any("rollout.approve" in str(b) for b in one.blocks)
    )
    await approve_in_slack(at, message, BO)
