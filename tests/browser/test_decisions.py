"""Does a press at the dashboard ask for exactly what its dialog says, in the name of whoever pressed, and once?"""

from dataclasses import replace
from typing import Any

import pytest
from playwright.async_api import Locator, expect

from tests.browser.conftest import Visit
from tests.browser.orders import command, wanted
from tests.browser.person import Person
from tests.support.dashboard import Dashboard
from tests.support.dashboard_fleet import idle, revision, running

pytestmark = [pytest.mark.server, pytest.mark.xdist_group("browser"), pytest.mark.asyncio(loop_scope="session")]

CHECKOUT = "/rollouts/shop/checkout"
SEEN: dict[str, Any] = {"run": 4, "step": 2, "revision": "v2", "template": "template-v2"}


async def test_an_approval_names_revision_and_effect_and_is_recorded_as_it_was_seen(
    visit: Visit, dashboard: Dashboard
) -> None:
    ana = await visit("ana", CHECKOUT)

    dialog = await wanted(ana, "Approve")
    await expect(dialog).to_contain_text("shop/checkout")
    await expect(dialog).to_contain_text("v1 → v2")
    await expect(dialog).to_contain_text("weight of checkout v2 goes from 25 % to 60 %")
    await dialog.get_by_label("Reason").fill("the till was tested")
    await dialog.get_by_role("button", name="Approve").click()
    await expect(dialog).to_contain_text("Recorded as")

    assert await dashboard.commands() == [command("approve", reason="the till was tested", **SEEN)]


async def test_what_the_controller_answers_is_told_where_it_was_asked(visit: Visit, dashboard: Dashboard) -> None:
    ana = await visit("ana", CHECKOUT)
    dialog = await wanted(ana, "Approve")
    await dialog.get_by_role("button", name="Approve").click()
    await expect(dialog).to_contain_text("Recorded as")

    await dashboard.answer("Refused", "ana approved step 2 at 11:59 already")

    await expect(dialog.get_by_role("status")).to_contain_text("Refused: ana approved step 2 at 11:59 already")
    await dialog.get_by_role("button", name="Close").click()
    await expect(dialog).to_have_count(0)


@pytest.mark.parametrize(
    ("word", "path", "effect", "said"),
    [
        ("Reject", CHECKOUT, "Run 4 is rejected: weight of checkout v2 goes from 25 % to 0 %", {"verb": "reject"}),
        ("Abort", CHECKOUT, "Run 4 is aborted: weight of checkout v2 goes from 25 % to 0 %", {"verb": "abort"}),
        ("Pause", CHECKOUT, "Weight of checkout v2 stays at 25 %", {"verb": "pause"}),
        ("Resume", "/rollouts/shop/search", "Run 4", {"verb": "resume", "target": "search"}),
    ],
)
async def test_each_order_tells_its_effect_and_is_bound_to_the_run(
    visit: Visit, dashboard: Dashboard, word: str, path: str, effect: str, said: dict[str, str]
) -> None:
    ana = await visit("ana", path)

    dialog = await wanted(ana, word)
    await expect(dialog).to_contain_text(effect)
    await expect(dialog).to_contain_text("v2")
    await dialog.get_by_role("button", name=word).click()
    await expect(dialog).to_contain_text("Recorded as")

    assert await dashboard.commands() == [command(run=4, **said)]


async def test_a_failed_revision_is_tried_again(visit: Visit, dashboard: Dashboard) -> None:
    ana = await visit("ana", "/rollouts/shop/invoices")

    dialog = await wanted(ana, "Retry")
    await expect(dialog).to_contain_text("invoices v2")
    await dialog.get_by_role("button", name="Retry").click()
    await expect(dialog).to_contain_text("Recorded as")

    assert await dashboard.commands() == [command("retry", "invoices")]


async def test_whoever_leaves_the_dialog_has_asked_for_nothing(visit: Visit, dashboard: Dashboard) -> None:
    ana = await visit("ana", CHECKOUT)

    await wanted(ana, "Abort")
    await ana.page.keyboard.press("Escape")
    dialog = await wanted(ana, "Abort")
    await dialog.get_by_role("button", name="Cancel").click()

    await expect(ana.page.get_by_role("dialog")).to_have_count(0)
    assert await dashboard.commands() == []
    await expect(ana.page.get_by_role("button", name="Abort")).to_be_focused()


async def test_somebody_without_the_right_is_told_so_and_nothing_is_recorded(
    visit: Visit, dashboard: Dashboard
) -> None:
    bo = await visit("bo", CHECKOUT)

    dialog = await wanted(bo, "Approve")
    await dialog.get_by_role("button", name="Approve").click()

    await expect(dialog.get_by_role("status")).to_contain_text("bo has no right to approve Rollout shop/checkout")
    assert await dashboard.commands() == []


@pytest.mark.parametrize(
    ("change", "now"),
    [
        ({"canary": revision("checkout", "v3")}, "v3"),
        ({"step": 3}, "step 3"),
    ],
    ids=["another revision", "another step"],
)
async def test_an_approval_of_what_is_no_longer_so_is_refused(
    visit: Visit, dashboard: Dashboard, change: dict[str, Any], now: str
) -> None:
    ana = await visit("ana", CHECKOUT)
    dialog = await wanted(ana, "Approve")

    await dashboard.status("shop/checkout", running("checkout", **change))
    await dialog.get_by_role("button", name="Approve").click()

    await expect(dialog.get_by_role("status")).to_contain_text("approve was made for run 4, step 2, v2")
    await expect(dialog.get_by_role("status")).to_contain_text(now)
    assert await dashboard.commands() == []
    await dialog.get_by_role("button", name="Close").click()
    await ana.sees(now)


async def test_a_run_that_ended_meanwhile_is_not_aborted_again(visit: Visit, dashboard: Dashboard) -> None:
    ana = await visit("ana", CHECKOUT)
    dialog = await wanted(ana, "Abort")

    await dashboard.status("shop/checkout", replace(idle("checkout"), runs=4))
    await dialog.get_by_role("button", name="Abort").click()

    await expect(dialog.get_by_role("status")).to_contain_text("now there is no run")
    assert await dashboard.commands() == []


async def test_two_presses_ask_once(visit: Visit, dashboard: Dashboard) -> None:
    ana = await visit("ana", CHECKOUT)
    dialog = await wanted(ana, "Approve")

    await dialog.get_by_role("button", name="Approve").dblclick()
    await expect(dialog).to_contain_text("Recorded as")

    assert len(await dashboard.commands()) == 1
    assert dashboard.line.asked.count("POST /api/v1/rollouts/shop/checkout/commands") == 1


async def test_an_impatient_enter_asks_once(visit: Visit, dashboard: Dashboard) -> None:
    ana = await visit("ana", CHECKOUT)
    dialog = await wanted(ana, "Approve")
    await dialog.get_by_role("button", name="Approve").focus()

    for _ in range(4):
        await ana.page.keyboard.press("Enter")
    await ana.page.keyboard.press("Escape")
    await expect(ana.page.get_by_role("dialog")).to_have_count(0)

    assert len(await dashboard.commands()) == 1


async def test_an_approval_needs_no_mouse(visit: Visit, dashboard: Dashboard) -> None:
    ana = await visit("ana")
    await ana.sees("11 Rollouts")

    await ana.page.keyboard.press("/")
    await ana.page.keyboard.type("checkout")
    await ana.lists("shop/checkout")
    await ana.page.keyboard.press("Escape")
    await ana.page.keyboard.press("Escape")
    await ana.page.keyboard.press("/")
    await ana.page.keyboard.type("checkout")
    await tabbed(ana, ana.row("shop/checkout").get_by_role("link"))
    await ana.page.keyboard.press("Enter")
    await expect(ana.page.get_by_role("button", name="Approve")).to_be_visible()
    await tabbed(ana, ana.page.get_by_role("button", name="Approve"))
    await ana.page.keyboard.press("Enter")
    await tabbed(ana, ana.page.get_by_role("dialog").get_by_role("button", name="Approve"))
    await ana.page.keyboard.press("Space")
    await ana.sees("Recorded as", within="dialog[open]")
    await ana.page.keyboard.press("Enter")

    await expect(ana.page.get_by_role("dialog")).to_have_count(0)
    assert await dashboard.commands() == [command("approve", **SEEN)]


async def tabbed(person: Person, target: Locator) -> None:
    """Press Tab until this has the focus."""
    for _ in range(40):
        if await target.evaluate("(node) => node === document.activeElement"):
            return
        await person.page.keyboard.press("Tab")
    await expect(target).to_be_focused()


async def test_an_order_that_nobody_took_can_be_given_again(visit: Visit, dashboard: Dashboard) -> None:
    ana = await visit("ana", CHECKOUT)
    dialog = await wanted(ana, "Approve")
    await dialog.get_by_label("Reason").fill("tested")

    dashboard.line.away = 503
    await dialog.get_by_role("button", name="Approve").click()
    await expect(dialog.get_by_role("status")).to_contain_text("the cluster does not answer")
    dashboard.line.away = 0
    await dialog.get_by_role("button", name="Approve").click()
    await expect(dialog).to_contain_text("Recorded as")

    assert await dashboard.commands() == [command("approve", reason="tested", **SEEN)]


async def test_nothing_keeps_anybody_out_of_a_dialog_in_light_or_dark(visit: Visit) -> None:
    ana = await visit("ana", CHECKOUT)
    found = {}

    for word in ("Approve", "Abort", "Promote fully"):
        dialog = await wanted(ana, word)
        found[word] = await ana.barriers("light", "dark")
        await dialog.get_by_role("button", name="Cancel").click()
    await wanted(ana, "Keys and help", "Keys")
    found["help"] = await ana.barriers("light", "dark")

    assert found == {"Approve": [], "Abort": [], "Promote fully": [], "help": []}


async def test_a_dialog_fits_on_a_phone(visit: Visit) -> None:
    ana = await visit("ana", CHECKOUT, viewport={"width": 360, "height": 640}, is_mobile=True, has_touch=True)

    dialog = await wanted(ana, "Approve")

    assert (await ana.spills(), await ana.small_targets()) == ([], [])
    await expect(dialog.get_by_role("button", name="Approve")).to_be_in_viewport()


async def test_who_approved_over_which_channel_is_seen_by_whoever_comes_next(
    visit: Visit, dashboard: Dashboard
) -> None:
    ana = await visit("ana", CHECKOUT)

    gate = ana.page.get_by_role("region", name="Gates of this step")
    await expect(gate).to_contain_text("1 of 2 people approved")
    await expect(gate).to_contain_text("ben@shop.example")
    await expect(ana.page.get_by_role("table", name="Who did what")).to_contain_text("slack of shop")


async def test_a_page_that_is_open_follows_the_run(visit: Visit, dashboard: Dashboard) -> None:
    ana = await visit("ana", CHECKOUT)
    await ana.sees("waiting for 1 approval of v2")
    await ana.page.evaluate("window.isTheSame = true")

    await dashboard.status("shop/checkout", running("checkout", step=3, weight=60, confirmed=60))

    await ana.sees("step 3 of 3, 60 % of the traffic")
    assert await ana.page.evaluate("window.isTheSame")


async def test_nobody_is_offered_anything_of_a_rollout_that_is_where_git_wants_it(visit: Visit) -> None:
    ana = await visit("ana", "/rollouts/shop/catalog")

    await ana.sees("shop/catalog")

    await expect(ana.page.get_by_role("button", name="Approve")).to_have_count(0)
    await expect(ana.page.get_by_role("button", name="Abort")).to_have_count(0)
