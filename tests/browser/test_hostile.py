"""Does any text from git or Kubernetes become more than a text on the page?

All that could be written anywhere by somebody is an attack here (`tests/support/hostile.py`), and the policy that would
stop it in the browser is switched off, so that nothing but the pages themselves holds.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from playwright.async_api import Browser, expect

from adapters.memory.access import User
from tests.browser.person import PHONE, Person, a_person
from tests.support.dashboard import RIGHTS, Dashboard, a_dashboard
from tests.support.hostile import Attacks, a_hostile_migration, hostile_commands, hostile_rollouts

pytestmark = [pytest.mark.server, pytest.mark.xdist_group("browser"), pytest.mark.asyncio(loop_scope="session")]

# What each page shows of it, by the marks of `Attacks`; the whole attack has to stand there as it was written.
SHOWN = {
    "/": ("stable.name", "run.canary.name", "reasons.message", "spec.revision", "spec.key"),
    "/rollouts/shop/evil": (
        "stable.name",
        "run.canary.name",
        "reasons.message",
        "next",
        "verdicts.name",
        "verdicts.value",
        "verdicts.limit",
        "history.revision",
        "history.message",
        "history.deeds.by",
        "history.deeds.reason",
    ),
    "/rollouts/shop/broken": ("spec.revision", "spec.key"),
    "/meshmigrations": ("move.paused",),
    "/meshmigrations/evil": (
        "move.reasons.message",
        "move.next",
        "move.paused",
        "move.namespaces.reasons.message",
        "move.namespaces.callers.source",
        "move.namespaces.next",
    ),
}

ADDRESSES = (
    "/?q=%3Cimg%20src%3Dx%20onerror%3Dhit%3D1%3E&ns=%3Cscript%3Ehit%3D1%3C%2Fscript%3E&sort=__proto__",
    "/rollouts/%3Cimg%20src%3Dx%20onerror%3Dhit%3D1%3E/x",
    "/rollouts/shop/%3Csvg%20onload=hit%3D1%3E",
    "/meshmigrations/%22onload%3Dhit%3D1",
    "/rollouts/%E0%A4%A/x",
    "/login?next=javascript:hit%3D1",
    "/login?next=//evil.example/",
    "/#<img src=x onerror=hit=1>",
)


@asynccontextmanager
async def attacked(
    browser: Browser, attacks: Attacks, *, guarded: bool, **how: Any
) -> AsyncIterator[tuple[Dashboard, Person]]:
    """A dashboard full of attacks, opened by somebody whose very name is one."""
    objects = [*hostile_rollouts(attacks), *hostile_commands(attacks), a_hostile_migration(attacks)]
    async with a_dashboard(objects) as dashboard:
        name = attacks.text("user")
        dashboard.cluster.tokens["eve"] = User(name=name, groups=(attacks.text("group"),))
        dashboard.rights[name] = RIGHTS["ana"]
        async with a_person(browser, dashboard.url, "eve", bypass_csp=not guarded, **how) as eve:
            yield dashboard, eve


@pytest.mark.parametrize("guarded", [False, True], ids=["pages alone", "with the policy"])
async def test_an_attack_stays_a_text_wherever_it_is_written(browser: Browser, guarded: bool) -> None:
    attacks = Attacks()
    found, unread = {}, {}
    async with attacked(browser, attacks, guarded=guarded) as (_, eve):
        for path, marks in SHOWN.items():
            await eve.opens(path)
            await eve.sees(*(f"[{mark}]" for mark in marks))
            text = plain(await eve.page.evaluate("document.body.textContent"))
            unread[path] = [mark for mark in ("user", *marks) if plain(attacks.made[mark]) not in text]
            found[path] = await eve.strange()

    assert found == {path: [] for path in SHOWN}
    assert unread == {path: [] for path in SHOWN}
    assert eve.troubles == []


def plain(text: str) -> str:
    """Without what a page may rightly change: white space and marks of direction."""
    return "".join(letter for letter in text if letter.isprintable() and not letter.isspace())


async def test_a_text_without_end_makes_no_page_wider_than_a_phone(browser: Browser) -> None:
    attacks = Attacks(tail="x" * 300)
    spilt = {}
    async with attacked(browser, attacks, guarded=True, viewport=PHONE, is_mobile=True) as (_, eve):
        for path, marks in SHOWN.items():
            await eve.opens(path)
            await eve.sees(f"[{marks[0]}]")
            spilt[path] = await eve.spills()

    assert spilt == {path: [] for path in SHOWN}


async def test_an_attack_in_a_dialog_stays_a_text(browser: Browser) -> None:
    attacks = Attacks()
    async with attacked(browser, attacks, guarded=False) as (_, eve):
        await eve.opens("/rollouts/shop/evil")
        await eve.sees("[run.canary.name]")
        strange = []

        for button in await eve.page.get_by_role("button", name="Abort").all():
            await button.click()
            await eve.sees("[run.canary.name]", within="dialog[open]")
            strange += await eve.strange()
            await eve.page.keyboard.press("Escape")

    assert strange == []


async def test_an_attack_in_the_address_stays_a_text(browser: Browser) -> None:
    strange = {}
    async with a_dashboard() as dashboard, a_person(browser, dashboard.url, "ana", bypass_csp=True) as ana:
        for path in ADDRESSES:
            await ana.opens(path)
            await ana.sees("rollout")
            await expect(ana.page.locator("main h1").first).to_be_visible()
            strange[path] = await ana.strange()

    assert strange == {path: [] for path in ADDRESSES}
    assert ana.troubles == []
