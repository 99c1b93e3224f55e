"""Is whoever reads left in peace: does nothing take focus, place or page away from him?"""

import pytest
from playwright.async_api import Browser, expect

from tests.browser.conftest import Visit
from tests.browser.person import a_person
from tests.support.dashboard import Dashboard, a_dashboard
from tests.support.dashboard_fleet import failed, thousands

pytestmark = [pytest.mark.server, pytest.mark.xdist_group("browser"), pytest.mark.asyncio(loop_scope="session")]

FOCUSED = "() => document.activeElement.closest('tr')?.dataset.key"


async def test_a_row_keeps_the_focus_while_others_pass_it_and_while_it_moves_itself(
    visit: Visit, dashboard: Dashboard
) -> None:
    ana = await visit("ana", "/?ns=pay")
    await ana.lists("pay/ledger", "pay/bank", "pay/payments")
    await ana.row("pay/payments").get_by_role("link").focus()

    await dashboard.status("pay/bank", failed("bank"))
    await ana.lists("pay/bank", "pay/ledger", "pay/payments")
    passed = await ana.page.evaluate(FOCUSED)
    await dashboard.status("pay/payments", failed("payments"))
    await ana.lists("pay/bank", "pay/payments", "pay/ledger")

    assert (passed, await ana.page.evaluate(FOCUSED)) == ("pay/payments", "pay/payments")


async def test_a_row_that_is_scrolled_away_keeps_the_focus_and_the_keys_go_on_from_it(browser: Browser) -> None:
    async with a_dashboard(thousands(500)) as dashboard, a_person(browser, dashboard.url, "ana") as ana:
        await ana.opens("/?sort=name")
        await ana.sees("511 Rollouts")
        await ana.page.keyboard.press("j")
        first = await ana.page.evaluate(FOCUSED)
        await ana.page.evaluate("window.scrollTo(0, document.documentElement.scrollHeight)")
        await expect(ana.page.locator("tr[aria-rowindex='512']")).to_be_visible()

        kept = await ana.page.evaluate(FOCUSED)
        await ana.page.keyboard.press("j")

        assert kept == first
        await expect(ana.page.locator("tr[aria-rowindex='3'] a")).to_be_focused()
        await expect(ana.page.locator("tr[aria-rowindex='3']")).to_be_in_viewport()


async def test_whoever_comes_back_is_where_he_was(browser: Browser) -> None:
    async with a_dashboard(thousands(500)) as dashboard, a_person(browser, dashboard.url, "ana") as ana:
        await ana.opens("/?sort=name")
        await ana.sees("511 Rollouts")
        await ana.page.evaluate("window.scrollTo(0, 9000)")
        row = ana.page.locator("tr[aria-rowindex='165']")
        await row.get_by_role("link").click()
        await ana.page.wait_for_url("**/rollouts/**")

        await ana.page.go_back()

        await expect(row).to_be_in_viewport()
        assert await ana.page.evaluate("window.scrollY") == 9000


async def test_whoever_followed_a_broken_link_is_led_back(browser: Browser) -> None:
    async with a_dashboard() as dashboard, a_person(browser, dashboard.url, "ana") as ana:
        await ana.opens("/rolouts/shop/checkout")
        await ana.sees("There is no such page")
        assert await ana.barriers() == []

        await ana.page.get_by_role("link", name="To the Rollouts", exact=True).click()

        await ana.sees("11 Rollouts")
