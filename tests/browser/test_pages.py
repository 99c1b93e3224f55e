"""Can everybody use every page: in light and dark, on a phone, without a mouse, without eyes, without being moved about?"""

import pytest
from playwright.async_api import expect

from tests.browser.conftest import Visit
from tests.browser.person import PHONE, Person

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
    "/login": "Sign in",
    "/nowhere": "no such page",
}


async def each_page(person: Person) -> "dict[str, list[str]]":
    """What axe finds on each page."""
    found = {}
    for path, text in PAGES.items():
        await person.opens(path)
        await person.sees(text)
        found[path] = await person.barriers()
    return found


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_nothing_keeps_anybody_out_of_a_page(visit: Visit, scheme: str) -> None:
    ana = await visit("ana", color_scheme=scheme)

    found = await each_page(ana)

    assert found == {path: [] for path in PAGES}


async def test_on_a_phone_no_page_is_wider_than_the_screen_and_all_can_be_hit_by_a_finger(visit: Visit) -> None:
    ana = await visit("ana", viewport=PHONE, has_touch=True, is_mobile=True)
    spilt, small = {}, {}

    for path, text in PAGES.items():
        await ana.opens(path)
        await ana.sees(text)
        spilt[path], small[path] = await ana.spills(), await ana.small_targets()

    assert spilt == {path: [] for path in PAGES}
    assert small == {path: [] for path in PAGES}


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


async def test_nothing_moves_for_whoever_wants_no_motion(visit: Visit) -> None:
    ana = await visit("ana", reduced_motion="reduce")
    moving = {}

    for path, text in PAGES.items():
        await ana.opens(path)
        await ana.sees(text)
        moving[path] = await ana.page.evaluate(
            "document.getAnimations().filter((one) => one.effect.getComputedTiming().activeDuration > 100).length"
        )

    assert moving == dict.fromkeys(PAGES, 0)


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
