"""On what stage do people of the demo meet: Slack, the dashboard, and the shop whose release waits for them?"""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from rollout.cli.people_shop import SLACK, SPEC, objects, people, workspace
from rollout.cli.stage import Scene, Stage, stage
from rollout.demo import slack, slack_page
from rollout.demo.bootstrap import LOOPBACK
from rollout.demo.issuer import Issuer, serving
from rollout.web.listen import served
from rollout.wiring.serving import running

RATE = 100  # requests per second: a person may take his time, and the machine has other things to do
FREE = f"{LOOPBACK}:0"
LOOK_S = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class PeopleStage:
    """The running parts. slack_url: the page with the messages; dashboard_url: where people sign in."""

    on: Stage
    workspace: slack.Workspace
    slack_url: str
    dashboard_url: str


@asynccontextmanager
async def people_stage() -> AsyncIterator[PeopleStage]:
    """A shop that v1 serves, a Slack that the controller knows, and a dashboard; all of it ends with the context."""
    async with AsyncExitStack() as stack:
        at, hears = workspace(), {"at": ""}
        pages = slack_page.routes(at, lambda: hears["at"])
        slack_url = await stack.enter_async_context(slack.serving(at, *pages))
        dashboard_url = f"http://{LOOPBACK}:{_free_port()}"
        issuer = Issuer(people=people(), returns=(f"{dashboard_url}/login/callback", f"{dashboard_url}/login"))
        settings: dict[str, Any] = {
            "webhooks_listen": FREE,
            "api_listen": dashboard_url.removeprefix("http://"),
            "api_url": dashboard_url,
            "login_issuer": await stack.enter_async_context(serving(issuer)),
            "login_client_id": issuer.client,
            "login_username_claim": "email",
        }
        start = partial(running, slack=f"{slack_url}/api/")
        on = await stack.enter_async_context(stage(Scene(rate=RATE, spec=SPEC, settings=settings, start=start)))
        on.cluster.seed(*objects(at))
        if on.wired.hooks is None:
            raise AssertionError("the settings above say where webhooks listen")
        hooks = await stack.enter_async_context(served(on.wired.hooks, FREE))
        hears["at"] = f"{hooks}{await _door(on)}"
        await stack.enter_async_context(served(on.wired.api, settings["api_listen"]))
        yield PeopleStage(on=on, workspace=at, slack_url=slack_url, dashboard_url=dashboard_url)


def _free_port() -> int:
    """A port that nobody has now: the issuer is told where a browser comes back before anybody listens there."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port


async def _door(on: Stage) -> str:
    """The path at which Slack's Receiver hears, once the controller has told it."""
    while True:
        receiver = await on.read(f"receivers/{SLACK}")
        if path := (receiver.get("status") or {}).get("path", ""):
            return str(path)
        await asyncio.sleep(LOOK_S)
