"""Does the page of one Rollout show how it stands, how it came to that and who let it, to everybody, and stay true?"""

import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from playwright.async_api import expect

from policies.verdict import Verdict
from rollout.model.status import Phase, Reason, RolloutStatus
from tests.browser.conftest import Visit
from tests.browser.person import Person
from tests.support.builders import a_verdict
from tests.support.dashboard import Dashboard
from tests.support.dashboard_fleet import awaiting, idle, rollout, route, running

pytestmark = [pytest.mark.server, pytest.mark.xdist_group("browser"), pytest.mark.asyncio(loop_scope="session")]

CHECKOUT = "/rollouts/shop/checkout"
OTHERS = ("invoices", "search", "gifts", "catalog", "images", "unreadable")
PHONE: dict[str, Any] = {"viewport": {"width": 360, "height": 640}, "is_mobile": True, "has_touch": True}


async def unfolded(person: Person) -> None:
    """All that can be unfolded is."""
    await person.page.evaluate("document.querySelectorAll('main details').forEach((one) => { one.open = true; })")


async def looked_at(dashboard: Dashboard, looks: int = 5) -> None:
    """The objectives of checkout were judged so often, the last time badly, and the weight rose meanwhile."""
    for look in range(looks):
        dashboard.clock.advance(timedelta(seconds=15))
        bad = look == looks - 1
        verdict = a_verdict(
            Verdict.FAIL if bad else Verdict.PASS,
            value="4.1%" if bad else f"0.{look + 1}%",
            at=dashboard.clock.now(),
            evidence=f"{look + 2} of 125",
        )
        status = running("checkout", step=1 + look // 3, weight=5 if look < 3 else 25, confirmed=5)
        await dashboard.status("shop/checkout", replace(status, verdicts=(verdict,)))


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_nothing_keeps_anybody_out_of_a_rollout(visit: Visit, dashboard: Dashboard, scheme: str) -> None:
    await looked_at(dashboard)
    ana = await visit("ana", CHECKOUT, color_scheme=scheme)
    await ana.sees("Audit trail", "errors: evidence against the canary")
    await unfolded(ana)
    found = {"checkout": await ana.barriers()}

    for name in OTHERS:
        await ana.opens(f"/rollouts/shop/{name}")
        await ana.sees("Audit trail")
        found[name] = await ana.barriers()

    assert found == {name: [] for name in ("checkout", *OTHERS)}


async def test_on_a_phone_nothing_is_wider_than_the_screen_or_too_small(visit: Visit, dashboard: Dashboard) -> None:
    await looked_at(dashboard)
    ana = await visit("ana", CHECKOUT, **PHONE)
    await ana.sees("Audit trail", "errors: evidence against the canary")
    await unfolded(ana)

    assert await ana.spills() == []
    assert await ana.small_targets() == []


async def test_each_step_of_the_plan_is_there_and_the_present_one_is_marked(visit: Visit) -> None:
    ana = await visit("ana", CHECKOUT)

    steps = ana.page.get_by_role("list", name="Steps of the plan").get_by_role("listitem")

    await expect(steps).to_have_count(4)
    await expect(steps.nth(0)).to_contain_text("Step 1, passed: 5 %")
    await expect(ana.page.locator("[aria-current=step]")).to_contain_text("Step 2, present: 25 %")
    await expect(ana.page.locator("[aria-current=step]")).to_contain_text("release-managers (needs approval)")
    await expect(steps.nth(3)).to_contain_text("Promotion, not yet: 100 %")


async def test_it_says_who_approved_and_who_is_still_needed(visit: Visit) -> None:
    ana = await visit("ana", CHECKOUT)

    gate = ana.page.get_by_role("region", name="Gates of this step")

    await expect(gate).to_contain_text("1 of 2 people approved; 1 more is needed.")
    await expect(gate).to_contain_text("by slack")
    await expect(gate).to_contain_text("May approve:")


async def test_a_weight_that_a_route_does_not_give_is_told_beside_the_wanted_one(
    visit: Visit, dashboard: Dashboard
) -> None:
    ana = await visit("ana", CHECKOUT)
    weights = ana.page.get_by_role("region", name="Weight")

    await dashboard.put(route("shop", "checkout", 40))
    await dashboard.status("shop/checkout", replace(awaiting("checkout"), next="once it is in force"))

    await ana.sees("once it is in force")
    row = weights.get_by_role("row", name="VirtualService/checkout")
    await expect(row).to_contain_text("40 %")
    await expect(row).to_contain_text("not in force")


async def test_a_chart_is_told_in_words_and_as_numbers(visit: Visit, dashboard: Dashboard) -> None:
    await looked_at(dashboard)
    ana = await visit("ana", CHECKOUT)
    objectives = ana.page.get_by_role("region", name="Objectives")

    picture = objectives.get_by_role("img").first
    await expect(picture).to_have_attribute(
        "aria-label", beginning("errors in run 4, limit at most 1%: 4.1% at last, fail")
    )
    await objectives.get_by_text("Numbers (").first.click()

    numbers = objectives.get_by_role("region", name="Numbers: errors").get_by_role("row")
    await expect(numbers.last).to_contain_text("4.1%")
    await expect(numbers.last).to_contain_text("fail")
    await expect(numbers.last).to_contain_text("6 of 125")


def beginning(words: str) -> re.Pattern[str]:
    """An attribute that begins like this."""
    return re.compile("^" + re.escape(words))


async def test_the_why_text_is_that_of_the_terminal(visit: Visit) -> None:
    ana = await visit("ana", CHECKOUT)

    text = ana.page.get_by_role("region", name="Why, as text")

    await expect(text).to_contain_text("Possible  rollout promote | promote-full")
    await expect(text).to_contain_text("gate            release-managers: closed, 1 of 2")


async def test_history_and_audit_are_told_newest_first(visit: Visit) -> None:
    ana = await visit("ana", CHECKOUT)

    runs = ana.page.get_by_role("region", name="History").get_by_role("row")
    deeds = ana.page.get_by_role("region", name="Audit trail").get_by_role("row")

    await expect(runs.nth(1)).to_contain_text("Promoted")
    await expect(runs.nth(2)).to_contain_text("Failed")
    await expect(deeds.nth(1)).to_contain_text("the till was tested")


async def test_whoever_may_not_list_commands_is_told_what_is_missing(visit: Visit, dashboard: Dashboard) -> None:
    dashboard.rights["bo"] = (("list", "rollouts", "*"),)
    bo = await visit("bo", CHECKOUT)

    await bo.sees("What was refused or is not answered yet is not here: bo may not list RolloutCommands in shop.")


async def test_what_changes_leaves_the_focus_and_what_is_unfolded_alone(visit: Visit, dashboard: Dashboard) -> None:
    ana = await visit("ana", CHECKOUT)
    await ana.sees("Audit trail")
    await unfolded(ana)
    pause = ana.page.get_by_role("button", name="Pause")
    await pause.focus()

    await looked_at(dashboard)

    await ana.sees("4.1%")
    await expect(pause).to_be_focused()
    assert await ana.page.locator("main details:not([open])").count() <= 2  # the charts that are new


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("checkout", ["Skip this step", "Promote fully", "Approve", "Reject", "Pause", "Abort"]),
        ("search", ["Resume", "Abort"]),
        ("invoices", ["Retry"]),
        ("catalog", []),
    ],
)
async def test_only_what_the_phase_allows_is_offered(visit: Visit, name: str, words: list[str]) -> None:
    ana = await visit("ana", f"/rollouts/shop/{name}")
    await ana.sees("Audit trail")

    offered = await ana.page.locator("main .orders button").all_inner_texts()

    assert [word for word in offered if word in words] == words
    assert bool(offered) == bool(words)


async def test_whoever_goes_by_keyboard_is_not_lost_when_the_pressed_button_goes(
    visit: Visit, dashboard: Dashboard
) -> None:
    ana = await visit("ana", CHECKOUT)
    await ana.page.get_by_role("button", name="Approve").focus()
    await ana.page.keyboard.press("Enter")
    dialog = ana.page.get_by_role("dialog")
    await dialog.get_by_role("button", name="Approve").click()
    await expect(dialog).to_contain_text("Recorded as")
    await dashboard.status("shop/checkout", idle("checkout"))
    await expect(ana.page.locator("main .orders button")).to_have_count(0)

    await ana.page.keyboard.press("Enter")

    await expect(dialog).to_have_count(0)
    await expect(ana.page.get_by_role("heading", level=1)).to_be_focused()


async def test_an_override_is_not_asked_for_without_a_reason(visit: Visit, dashboard: Dashboard) -> None:
    ana = await visit("ana", "/rollouts/shop/gifts")
    await ana.page.get_by_role("button", name="Override the freeze").click()
    dialog = ana.page.get_by_role("dialog")
    await dialog.get_by_role("button", name="Override the freeze").click()
    await expect(dialog).to_contain_text("Say something here: it is needed.")

    await dialog.get_by_label("Reason").fill("the till is down")
    await dialog.get_by_role("button", name="Override the freeze").click()
    await expect(dialog).to_contain_text("Recorded as")

    (command,) = await dashboard.commands()
    assert (command["verb"], command["run"], command["reason"]) == ("override", 4, "the till is down")


async def test_stable_is_named_among_what_serves(visit: Visit, dashboard: Dashboard) -> None:
    unknown = RolloutStatus(reasons=(Reason(code="StableUnknown", message="two backends carry traffic"),))
    await dashboard.put(rollout("shop", "lost", unknown))
    ana = await visit("ana", "/rollouts/shop/lost")
    await ana.page.get_by_role("button", name="Name stable").click()
    dialog = ana.page.get_by_role("dialog")
    await dialog.get_by_label("Backend").fill("lost-v1")

    await dialog.get_by_role("button", name="Name stable").click()
    await expect(dialog).to_contain_text("Recorded as")

    (command,) = await dashboard.commands()
    assert (command["verb"], command["backend"]) == ("name-stable", "lost-v1")


async def test_whoever_asks_for_what_has_changed_is_told_so_and_shown_how_it_is_now(
    visit: Visit, dashboard: Dashboard
) -> None:
    ana = await visit("ana", CHECKOUT)
    await ana.page.get_by_role("button", name="Abort").click()
    dialog = ana.page.get_by_role("dialog")
    await dashboard.status("shop/checkout", replace(running("checkout", step=1, weight=5), runs=5))

    await dialog.get_by_role("button", name="Abort").click()

    await expect(dialog).to_contain_text("What you saw has changed: abort was made for run 4; now there is run 5")
    await ana.sees("run 5, step 1 of 3, 5 % of the traffic", within="main")


async def test_a_change_is_told_to_whoever_cannot_see_it(visit: Visit, dashboard: Dashboard) -> None:
    ana = await visit("ana", CHECKOUT)
    await ana.sees("Audit trail")

    await dashboard.status("shop/checkout", replace(idle("checkout"), phase=Phase.IDLE))

    await expect(ana.page.locator("#news")).to_contain_text("checkout: Idle")


async def test_a_rollout_that_is_deleted_while_it_is_open_is_said_to_be_gone(
    visit: Visit, dashboard: Dashboard
) -> None:
    ana = await visit("ana", "/rollouts/shop/catalog")
    await ana.sees("Audit trail")

    await dashboard.api.delete("/apis/rollout.dev/v1alpha1/namespaces/shop/rollouts/catalog")

    await ana.sees("there is no Rollout shop/catalog")
    await expect(ana.page.get_by_role("alert")).to_have_count(1)
