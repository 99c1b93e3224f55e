"""Can everybody use every page: in light and dark, on a phone, without a mouse, without eyes, without being moved about?"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from tests.browser.conftest import Visit
from tests.browser.person import PHONE, Person, a_person
from tests.support.dashboard import Dashboard, a_dashboard

pytestmark = [pytest.mark.server, pytest.mark.xdist_group("browser"), pytest.mark.asyncio(loop_scope="session")]

# Each page in each state that looks different, and what is there once it is read.
PAGES = {
    "/": "11 Rollouts",
    "/?q=nothing-is-called-like-this": "No Rollout is like this",
    "/rollouts/shop/checkout": "checkout",
    "/rollouts/shop/search": "search",
    "/rollouts/shop/images": "images",
    "/rollouts/shop/invoices": "invoices",
    "/rollouts/shop/unreadable": "weight 500",
    "/rollouts/shop/nowhere": "there is no Rollout",
    "/rollouts/pay/ledger": "ledger",
    "/rollouts/pay/payments": "payments",
    "/meshmigrations": "to-strict",
    "/meshmigrations/to-strict": "vault",
    "/meshmigrations/to-ambient": "lab",
    "/meshmigrations/nowhere": "there is no MeshMigration",
    "/login": "You are signed in",
}
MOVING = "document.getAnimations().filter((one) => one.effect.getComputedTiming().activeDuration > 100).length"


@dataclass(slots=True)
class Looked:
    """What was found on each page."""

    barriers: dict[str, list[str]] = field(default_factory=dict)
    strange: dict[str, list[str]] = field(default_factory=dict)
    spilt: dict[str, list[str]] = field(default_factory=dict)
    small: dict[str, list[str]] = field(default_factory=dict)
    moving: dict[str, int] = field(default_factory=dict)
    troubles: list[str] = field(default_factory=list)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def looked(browser: Browser) -> Looked:
    """ana looks at each page: at a desk in light and in dark, then on a phone, where she wants nothing to move."""
    found = Looked()
    async with a_dashboard() as dashboard:
        await dashboard.live_through("shop/checkout")
        async with a_person(browser, dashboard.url, "ana") as ana:
            for path, text in PAGES.items():
                await ana.opens(path)
                await ana.sees(text)
                found.strange[path] = await ana.strange()
                found.barriers[path] = await ana.barriers("light", "dark")
            found.troubles += ana.troubles
        phone = {"viewport": PHONE, "has_touch": True, "is_mobile": True, "reduced_motion": "reduce"}
        async with a_person(browser, dashboard.url, "ana", **phone) as ana:
            for path, text in PAGES.items():
                await ana.opens(path)
                await ana.sees(text)
                found.spilt[path], found.small[path] = await ana.spills(), await ana.small_targets()
                found.moving[path] = await ana.page.evaluate(MOVING)
            found.troubles += ana.troubles
    return found


async def test_nothing_keeps_anybody_out_of_a_page_in_light_or_dark(looked: Looked) -> None:
    assert found_in(looked.barriers) == {}
    assert looked.barriers.keys() == PAGES.keys()


async def test_no_page_is_wider_than_a_phone(looked: Looked) -> None:
    assert found_in(looked.spilt) == {}


async def test_all_that_can_be_pressed_can_be_hit_by_a_finger(looked: Looked) -> None:
    assert found_in(looked.small) == {}


async def test_nothing_moves_for_whoever_wants_no_motion(looked: Looked) -> None:
    assert looked.moving == dict.fromkeys(PAGES, 0)


async def test_no_page_breaks_the_policy_or_says_an_error_to_the_console(looked: Looked) -> None:
    assert looked.troubles == []
    assert found_in(looked.strange) == {}


def found_in(findings: Mapping[str, list[str]]) -> dict[str, list[str]]:
    """Those pages on which something was found."""
    return {path: found for path, found in findings.items() if found}


async def test_charts_draw_what_was_seen_and_tell_it_in_words_and_numbers(visit: Visit, dashboard: Dashboard) -> None:
    await dashboard.live_through("shop/checkout")
    ana = await visit("ana", "/rollouts/shop/checkout")

    weight = ana.page.get_by_role("img", name="Weight of v2 in run 4: from 5 % to 25 % wanted")
    await expect(weight.locator("path.line.wanted")).to_have_attribute(
        "d", re.compile(r"^M[\d. ]+H[\d.]+V[\d.]+H[\d.]+V")
    )
    await ana.page.locator("summary", has_text="Numbers").first.click()

    await expect(ana.page.get_by_role("region", name="Numbers: weight of v2")).to_contain_text("25 %")
    assert await ana.barriers() == []


async def test_the_switch_of_colours_is_remembered(visit: Visit) -> None:
    ana = await visit("ana", color_scheme="light")
    light = await background(ana)

    for _ in ("light", "dark"):
        await ana.page.get_by_role("button", name="Colours:").click()
    await ana.page.reload()

    await expect(ana.page.get_by_role("button", name="Colours: dark")).to_be_visible()
    assert await background(ana) != light
    await ana.sees("11 Rollouts")
    assert await ana.barriers() == []


async def background(person: Person) -> str:
    """The colour behind everything."""
    return str(await person.page.evaluate("getComputedStyle(document.body).backgroundColor"))


async def test_the_first_key_leads_past_the_top_of_the_page(visit: Visit) -> None:
    ana = await visit("ana")
    await ana.sees("11 Rollouts")

    await ana.page.keyboard.press("Tab")
    await expect(ana.page.get_by_role("link", name="Skip to the content")).to_be_focused()
    await ana.page.keyboard.press("Enter")
    await ana.page.keyboard.press("Tab")

    await expect(ana.page.get_by_role("searchbox", name="Search")).to_be_focused()


async def test_what_has_the_focus_is_seen(visit: Visit) -> None:
    ana = await visit("ana")
    await ana.sees("11 Rollouts")
    unseen = []

    for _ in range(20):
        await ana.page.keyboard.press("Tab")
        unseen += await ana.page.evaluate(
            """() => {
              const { outlineStyle, outlineWidth, boxShadow } = getComputedStyle(document.activeElement);
              const isSeen = (outlineStyle !== 'none' && parseFloat(outlineWidth) >= 2) || boxShadow !== 'none';
              return isSeen ? [] : [document.activeElement.outerHTML.slice(0, 160)];
            }"""
        )

    assert unseen == []


async def test_a_new_page_is_told_to_whoever_cannot_see_it(visit: Visit) -> None:
    ana = await visit("ana")
    await ana.row("shop/checkout").get_by_role("link").click()
    await ana.is_at("/rollouts/shop/checkout")

    await expect(ana.page).to_have_title("checkout · rollout")
    await expect(ana.page.get_by_role("status").filter(has_text="checkout").first).to_be_attached()
    assert await ana.page.evaluate("document.getElementById('main').contains(document.activeElement)")
