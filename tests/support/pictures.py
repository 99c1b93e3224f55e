"""How are the pictures of the dashboard made that README and docs show?

`python -m tests.support.pictures` takes them anew into docs/pictures: of the dashboard in Chromium, over a cluster in memory
whose objects and clock are always the same.
"""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from math import sin
from pathlib import Path
from typing import Any, Literal

from playwright.async_api import Browser, async_playwright

from adapters.kube.api import Patch
from adapters.kube.kinds import KINDS
from policies.approval import Identity, Realm
from rollout.cli.people_shop import BO, workspace
from rollout.demo import slack, slack_page
from rollout.demo.slack import Message
from rollout.model.deeds import Approval
from rollout.model.names import Key
from rollout.model.rollout import Step
from rollout.model.status import ObjectiveVerdict, Phase, Reason, RolloutStatus, Run
from rollout.services import slack_texts
from tests.servers import chromium
from tests.support.builders import NOON, a_deed, a_step, a_verdict, an_approval_manifest
from tests.support.dashboard import a_dashboard
from tests.support.dashboard_fleet import ago, past, revision, rollout

FOLDER = Path(__file__).parents[2] / "docs" / "pictures"
WIDE, TALL, PHONE, CHAT = (1200, 745), (1200, 1200), (390, 844), (640, 300)
APP, GATE = "storefront", "shop-leads"
PLAN = (a_step(5), Step(weight=25, soak=timedelta(minutes=10), approvals=(GATE,)), a_step(60))
STEPS = [
    {"weight": 5, "soak": "5m"},
    {"weight": 25, "soak": "10m", "approval": GATE},
    {"weight": 60, "soak": "5m"},
]
ROUTE = KINDS["VirtualService"].path("v1", "shop", APP)
BEGAN = 24  # minutes before the picture
STEP_2 = 14
LOOKED = 0.5  # minutes between two looks
WANDERS = ((0.3, 0.12), (2.2, 0.4))  # failed and slow requests: around which percent, and how far to both sides
OBJECTIVES = [
    {"name": "errors", "kind": "error-ratio", "max": "1%"},
    {"name": "slow", "kind": "slow-ratio", "threshold": "500ms", "max": "5%"},
]
QUERY = 'sum(rate(istio_requests_total{destination_service_name="storefront-v2",response_code=~"5.."}[1m]))'
SLOW_QUERY = (
    'sum(rate(istio_request_duration_milliseconds_bucket{destination_service_name="storefront-v2",le="500"}[1m]))'
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """One picture: which page, once it shows this text, in which colours and on which screen.

    of: the program whose page it is. part: heading of the section that is shown alone, "" for the whole screen.
    """

    name: str
    path: str
    shows: str
    colours: Literal["light", "dark"]
    size: tuple[int, int] = WIDE
    of: Literal["dashboard", "slack"] = "dashboard"
    part: str = ""

    @property
    def file(self) -> str:
        """Its name in the folder."""
        return f"{self.name}-{self.colours}.png"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What is looked at: where the dashboard is, and the demo's Slack."""

    dashboard: str
    slack: str


def _both(**picture: Any) -> tuple[Picture, Picture]:
    return Picture(colours="light", **picture), Picture(colours="dark", **picture)


PICTURES = (
    *_both(name="rollout", path=f"/rollouts/shop/{APP}", shows="waiting for 1 more approval"),
    *_both(
        name="objectives",
        path=f"/rollouts/shop/{APP}",
        shows="waiting for 1 more approval",
        size=TALL,
        part="Objectives",
    ),
    *_both(name="fleet", path="/", shows=APP),
    *_both(name="migration", path="/meshmigrations/to-strict", shows="Wave 1"),
    *_both(name="phone", path=f"/rollouts/shop/{APP}", shows="waiting for 1 more approval", size=PHONE),
    *_both(name="slack", path=f"/messages?user={BO}", shows="waiting for 1 more approval", size=CHAT, of="slack"),
)


async def take(browser: Browser, scene: Scene, picture: Picture, folder: Path) -> Path:
    """The file with the picture."""
    width, height = picture.size
    context = await browser.new_context(
        base_url=scene.slack if picture.of == "slack" else scene.dashboard,
        viewport={"width": width, "height": height},
        color_scheme=picture.colours,
        locale="en-GB",
        timezone_id="UTC",
        reduced_motion="reduce",
        extra_http_headers={"Authorization": "Bearer ana"},
    )
    try:
        page = await context.new_page()
        await page.clock.set_fixed_time(NOON)
        await page.goto(picture.path)
        for text in (picture.shows, *(("Live",) if picture.of == "dashboard" else ())):
            await page.get_by_text(text).filter(visible=True).first.wait_for()
        place = folder / picture.file
        heading = page.get_by_role("heading", name=picture.part, exact=True)
        shown = page.locator("section").filter(has=heading) if picture.part else page
        await shown.screenshot(path=place, animations="disabled", caret="hide")
    finally:
        await context.close()
    return place


@asynccontextmanager
async def a_scene() -> AsyncIterator[Scene]:
    """Noon, over a fleet in which one release has gone on for a while and waits for a second person."""
    at = workspace()
    card = slack_texts.card(Key(namespace="shop", name=APP), _standing(0))
    blocks = [dict(block) for block in card.blocks]
    at.put(Message(channel=next(iter(at.channels)), ts=at.stamp(), text=card.text, blocks=blocks))
    async with a_dashboard() as dashboard, slack.serving(at, *slack_page.routes(at, lambda: "")) as url:
        dashboard.clock.advance(-timedelta(minutes=BEGAN))
        await dashboard.put(
            _policy(), _routes(0), rollout("shop", APP, _standing(BEGAN), steps=STEPS, objectives=OBJECTIVES)
        )
        for look in range(1, round(BEGAN / LOOKED) + 1):
            dashboard.clock.advance(timedelta(minutes=LOOKED))
            now = _standing(BEGAN - look * LOOKED)
            await dashboard.api.patch(ROUTE, Patch.MERGE, {"spec": _routes(_weight(now))["spec"]}, {})
            await dashboard.status(f"shop/{APP}", now)
            await dashboard.cache.refresh()
        yield Scene(dashboard=dashboard.url, slack=url)


def _standing(minutes: float) -> RolloutStatus:
    """How the release stood so long before the picture."""
    look = round((BEGAN - minutes) / LOOKED)
    step = 2 if minutes <= STEP_2 else 1
    weight = PLAN[step - 1].weight
    waits = Reason(code="AwaitingApproval", message=f"waiting for 1 more approval of v2 by {GATE} (step 2): 1 of 2")
    ana = Identity(realm=Realm.SLACK, user="T024BE7LD/U024BE7LH", email="ana@shop.example", vouched="shop")
    approved = (Approval(step=2, by=str(ana), at=ago(3), channel="slack", identity=ana),) if minutes <= 3 else ()
    run = Run(
        canary=revision(APP, "v2"),
        plan=PLAN,
        started=ago(BEGAN),
        step_started=ago(STEP_2 if step == 2 else BEGAN),
        step=step,
        weight=weight,
        confirmed=weight,
        in_force_at=ago(STEP_2 if step == 2 else BEGAN),
        stable_ready=4,
        trial_since=ago(BEGAN),
        outlook="can prove <= 0.44% failed, in about 10 min at 50 rps",
        gate_since=ago(4) if minutes <= 4 else None,
        approvals=approved,
        deeds=(a_deed(step=2, at=ago(3), by=str(ana), reason="the till was tested"),) if approved else (),
    )
    reasons = (waits,) if minutes <= 4 else (Reason(code="Soaking", message=f"soaking at {weight} %"),)
    following = "step 3 (60%) once it is approved" if minutes <= 4 else "the next step after its soak"
    return RolloutStatus(
        phase=Phase.PROGRESSING,
        stable=revision(APP, "v1"),
        runs=4,
        run=run,
        verdicts=_verdicts(look, minutes),
        reasons=reasons,
        next=following,
        history=past(APP),
        observed_generation=1,
    )


def _verdicts(look: int, minutes: float) -> tuple[ObjectiveVerdict, ...]:
    """What was judged at this look: values wander as real ones do, and evidence stays far from what it takes to roll back."""
    errors, slow = (round(centre + width * (sin(look * 1.7) + sin(look * 0.6)), 1) for centre, width in WANDERS)
    evidence = round(3 + 2 * sin(look * 0.4), 1)
    said: dict[str, Any] = {"at": ago(minutes), "samples": 40 + look * 90}
    return (
        a_verdict(
            message=f"errors {errors}% of at most 1%",
            value=f"{errors}%",
            evidence=f"{evidence} of 125",
            query=QUERY,
            **said,
        ),
        a_verdict(
            name="slow",
            message=f"slow {slow}% of at most 5%",
            value=f"{slow}%",
            limit="at most 5%",
            query=SLOW_QUERY,
            **said,
        ),
    )


def _weight(status: RolloutStatus) -> int:
    return status.run.weight if status.run is not None else 0


def _policy() -> dict[str, Any]:
    people = [f"{name}@shop.example" for name in ("ana", "ben", "bo")]
    return an_approval_manifest(GATE, "shop", minimum=2, approvers={"emails": people})


def _routes(weight: int) -> dict[str, Any]:
    route = [
        {"destination": {"host": f"{APP}-v1"}, "weight": 100 - weight},
        {"destination": {"host": f"{APP}-v2"}, "weight": weight},
    ]
    return {
        "apiVersion": "networking.istio.io/v1",
        "kind": "VirtualService",
        "metadata": {"namespace": "shop", "name": APP},
        "spec": {"hosts": [APP], "http": [{"route": route}]},
    }


async def _all(folder: Path) -> None:
    async with async_playwright() as tool, a_scene() as scene:
        browser = await tool.chromium.launch(executable_path=chromium.browser())
        for picture in PICTURES:
            place = await take(browser, scene, picture, folder)
            sys.stdout.write(f"{place} {place.stat().st_size // 1000} kB\n")
        await browser.close()


def main() -> None:
    """Take all of them, into the folder that was named or docs/pictures."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    asyncio.run(_all(folder))


if __name__ == "__main__":
    main()
