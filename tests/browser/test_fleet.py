"""Does somebody find the one Rollout of thousands that he looks for, and see at once what becomes of it?"""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from rollout.model.status import Phase
from tests.browser.conftest import Visit
from tests.browser.person import a_person
from tests.support.dashboard import Dashboard, a_dashboard
from tests.support.dashboard_fleet import awaiting, failed, idle, running, thousands

pytestmark = [pytest.mark.server, pytest.mark.xdist_group("browser"), pytest.mark.asyncio(loop_scope="session")]

PAY = ("pay/ledger", "pay/bank", "pay/payments")  # what is wrong first, then what waits for a person


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def crowd() -> AsyncIterator[Dashboard]:
    """3,011 Rollouts."""
    async with a_dashboard(thousands(3000)) as found:
        yield found


async def test_one_of_three_thousand_is_found_by_a_piece_of_its_name(browser: Browser, crowd: Dashboard) -> None:
    async with a_person(browser, crowd.url, "ana") as ana:
        await ana.opens("/")
        await ana.sees("3,011 Rollouts")

        await ana.page.get_by_role("searchbox", name="Search").fill("app-2718")

        await ana.lists("team-21/app-2718")
        await ana.sees("1 of 3,011 Rollouts")
        await ana.row("team-21/app-2718").get_by_role("link").click()
        await ana.is_at("/rollouts/team-21/app-2718")


async def test_a_table_of_thousands_is_drawn_as_far_as_somebody_looks(browser: Browser, crowd: Dashboard) -> None:
    async with a_person(browser, crowd.url, "ana") as ana:
        await ana.opens("/")
        await ana.sees("3,011 Rollouts")
        first = await ana.rows()

        await ana.page.evaluate("window.scrollTo(0, document.body.scrollHeight)")

        await expect(ana.row(first[0])).to_have_count(0)
        assert len(first) < 60
        assert 0 < len(await ana.rows()) < 60


async def test_thousands_are_narrowed_down_and_sorted(browser: Browser, crowd: Dashboard) -> None:
    async with a_person(browser, crowd.url, "ana") as ana:
        await ana.opens("/")
        await ana.sees("3,011 Rollouts")

        await ana.page.get_by_label("Namespace").select_option("team-07")
        await ana.page.get_by_role("button", name="Paused").click()
        await ana.page.get_by_role("columnheader", name="Name").get_by_role("button").click()
        upwards = await ana.rows()
        await ana.page.get_by_role("columnheader", name="Name").get_by_role("button").click()

        paused = [f"team-07/app-{number:04}" for number in range(3000) if number % 29 == 7 and number % 10 == 2]
        assert upwards == paused
        assert await ana.rows() == paused[::-1]


async def test_a_change_moves_a_row_without_a_new_page(visit: Visit, dashboard: Dashboard) -> None:
    ana = await visit("ana", "/?ns=pay")
    await ana.lists(*PAY)
    await ana.page.evaluate("window.isTheSame = true")

    await dashboard.status("pay/payments", failed("payments"))

    await expect(ana.row("pay/payments")).to_contain_text("Failed")
    assert await ana.page.evaluate("window.isTheSame")
    assert (await ana.rows()).index("pay/payments") < (await ana.rows()).index("pay/bank")


async def test_somebody_who_waits_for_a_person_is_announced_to_who_cannot_see(
    visit: Visit, dashboard: Dashboard
) -> None:
    ana = await visit("ana")
    await ana.sees("11 Rollouts")

    await dashboard.status("shop/cart", awaiting("cart"))

    await expect(ana.page.get_by_role("status").filter(has_text="shop/cart waits for a person")).to_have_count(1)


async def test_whoever_sees_one_namespace_meets_no_other(visit: Visit, dashboard: Dashboard) -> None:
    cy = await visit("cy")
    await cy.lists(*PAY)

    await dashboard.status("shop/cart", awaiting("cart"))
    await dashboard.status("pay/bank", replace(running("bank"), phase=Phase.PAUSED))
    await expect(cy.row("pay/bank")).to_contain_text("Paused")

    assert "shop" not in await cy.page.inner_text("body")
    await cy.opens("/rollouts/shop/checkout")
    await cy.sees("cy may not list Rollouts in shop")


async def test_whoever_may_list_no_migration_is_told_so(visit: Visit) -> None:
    cy = await visit("cy", "/meshmigrations")
    await cy.sees("you may")

    await cy.opens("/meshmigrations/to-strict")

    await cy.sees("cy may not list MeshMigrations")
    assert "vault" not in await cy.page.inner_text("body")


async def test_what_was_looked_for_is_still_there_after_a_look_at_one(visit: Visit) -> None:
    ana = await visit("ana")
    await ana.page.get_by_role("searchbox", name="Search").fill("bank")
    await ana.lists("pay/bank")

    await ana.row("pay/bank").get_by_role("link").click()
    await ana.is_at("/rollouts/pay/bank")
    await ana.page.go_back()

    await ana.lists("pay/bank")
    await expect(ana.page.get_by_role("searchbox", name="Search")).to_have_value("bank")


async def test_old_rows_stay_and_are_called_old_while_the_api_is_away(visit: Visit, dashboard: Dashboard) -> None:
    ana = await visit("ana", "/?ns=pay")
    await ana.lists(*PAY)

    dashboard.line.away = 503
    dashboard.line.cut()
    await ana.sees("Cut off")
    await ana.page.clock.fast_forward(5_000)

    await ana.sees("do not arrive here", "What you see was read")
    await expect(ana.page.locator("main")).to_have_attribute("data-stale", "")
    await ana.lists(*PAY)


async def test_a_page_that_cannot_be_read_now_is_read_by_itself_later(visit: Visit, dashboard: Dashboard) -> None:
    ana = await visit("ana", "/?ns=pay")
    await ana.lists(*PAY)

    dashboard.line.away = 503
    await ana.row("pay/bank").get_by_role("link").click()
    await ana.sees("The cluster does not answer")
    dashboard.line.away = 0
    await ana.page.clock.fast_forward(5_000)

    await ana.sees("waiting for 1 approval of v2")
    await expect(ana.page.locator("main[data-stale]")).to_have_count(0)


async def test_a_stream_that_was_cut_comes_back_and_misses_nothing(visit: Visit, dashboard: Dashboard) -> None:
    ana = await visit("ana", "/?ns=pay")
    await ana.lists(*PAY)
    await ana.sees("Live")

    dashboard.line.away = 503
    dashboard.line.cut()
    await ana.sees("Cut off")
    await dashboard.status("pay/bank", idle("bank"))
    dashboard.line.away = 0

    await ana.sees("Live")
    await expect(ana.row("pay/bank")).to_contain_text("Idle")


async def test_the_list_is_walked_by_keys(visit: Visit) -> None:
    ana = await visit("ana", "/?ns=pay")
    await ana.lists(*PAY)

    await ana.page.keyboard.press("j")
    await ana.page.keyboard.press("j")
    await ana.page.keyboard.press("Enter")

    await ana.is_at(f"/rollouts/{PAY[1]}")
