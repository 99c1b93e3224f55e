"""Does the page of a migration follow it without disturbing who reads, and ask for exactly what its dialogs say?"""

from dataclasses import replace
from typing import Any

import pytest
from playwright.async_api import Browser, expect

from adapters.kube.api import Patch
from adapters.kube.kinds import KINDS
from rollout.manifest.migration_status import migration_status_to_dict
from rollout.model.migration import MigrationStatus, NamespaceStatus, Stage
from rollout.model.status import Reason
from tests.browser.conftest import Visit
from tests.browser.person import a_person
from tests.support.dashboard import HOME, Dashboard, a_dashboard
from tests.support.dashboard_fleet import fleet, migration

pytestmark = [pytest.mark.server, pytest.mark.xdist_group("browser"), pytest.mark.asyncio(loop_scope="session")]

PAGE = "/meshmigrations/gated"


def gated() -> dict[str, Any]:
    """A migration whose second wave needs an approval, and with a warning that a person has to answer for."""
    waits = Reason(code="Unacknowledged", message="acknowledge or mend PA-01 Deployment lab/api")
    status = MigrationStatus(
        namespaces=(NamespaceStatus(name="lab", stage=Stage.PREFLIGHT, warned=1, reasons=(waits,)),)
    )
    made = migration("gated", (("lab",), ("farm", "barn"), ("field",)), status)
    made["spec"]["waves"][1]["approval"] = "security"
    return made


async def stands(dashboard: Dashboard, name: str, status: MigrationStatus) -> None:
    """The migration stands like this from now on; open pages hear it."""
    path = KINDS["MeshMigration"].path("v1alpha1", "", name, "status")
    change = {"op": "add", "path": "/status", "value": migration_status_to_dict(status)}
    await dashboard.api.patch(path, Patch.JSON, [change], {})


async def test_a_wave_is_approved_once_its_dialog_named_it_and_the_answer_is_told(
    visit: Visit, dashboard: Dashboard
) -> None:
    await dashboard.put(gated())
    ana = await visit("ana", PAGE)

    await ana.page.get_by_role("button", name="Approve", exact=True).click()
    dialog = ana.page.get_by_role("dialog", name="Approve wave")
    await expect(dialog).to_contain_text("farm, barn")
    await expect(dialog).to_contain_text("security")
    await dialog.get_by_role("button", name="Approve the wave").click()
    await expect(dialog).to_contain_text("Recorded as")
    await dashboard.answer("Accepted", "counted", namespace=HOME)

    await expect(dialog.get_by_role("status")).to_contain_text("Accepted: counted")
    (said,) = await dashboard.commands(HOME)
    assert (said["verb"], said["subject"], said["target"]) == (
        "approve",
        gated()["spec"]["waves"][1]["name"],
        {"kind": "MeshMigration", "name": "gated"},
    )


async def test_what_is_needed_is_asked_for_before_anything_is_sent(visit: Visit, dashboard: Dashboard) -> None:
    await dashboard.put(gated())
    ana = await visit("ana", PAGE)
    await ana.page.locator("summary", has_text="for lab").click()
    await ana.page.get_by_role("button", name="Acknowledge a warning").click()
    dialog = ana.page.get_by_role("dialog", name="Answer for a warning in lab")
    await expect(dialog).to_contain_text("PA-01 Deployment lab/api")

    await expect(dialog.get_by_role("option", name="LBL-04")).to_have_count(1)
    await dialog.get_by_role("button", name="Acknowledge a warning").click()

    await expect(dialog.get_by_label("Finding")).to_be_focused()
    await expect(dialog.get_by_label("Finding")).to_have_attribute("aria-invalid", "true")
    assert await dashboard.commands(HOME) == []
    await dialog.get_by_label("Finding").select_option("Another one, to type in")
    await expect(dialog.get_by_role("textbox", name="Finding")).to_be_focused()
    await dialog.get_by_role("textbox", name="Finding").fill("PA-01")
    await dialog.get_by_label("Reason").fill("the API is on its way out")
    await dialog.get_by_role("button", name="Acknowledge a warning").click()
    await expect(dialog).to_contain_text("Recorded as")
    (said,) = await dashboard.commands(HOME)
    assert (said["finding"], said["reason"], said["subject"]) == ("PA-01", "the API is on its way out", "lab")


async def test_a_finding_of_the_preflight_is_chosen(visit: Visit, dashboard: Dashboard) -> None:
    await dashboard.put(gated())
    ana = await visit("ana", PAGE)
    await ana.page.emulate_media(reduced_motion="reduce")  # what moves behind a dialog may never come to rest
    await ana.page.locator("summary", has_text="for lab").click()
    await ana.page.get_by_role("button", name="Acknowledge a warning").click()
    dialog = ana.page.get_by_role("dialog", name="Answer for a warning in lab")
    finding = "LBL-04 ConfigMap istio-system/istio-sidecar-injector"

    await dialog.get_by_label("Finding").select_option(finding)
    await dialog.get_by_label("Reason").fill("the injector is ours")
    assert await ana.barriers("light", "dark") == []
    await dialog.get_by_role("button", name="Acknowledge a warning").click()
    await expect(dialog).to_contain_text("Recorded as")

    (said,) = await dashboard.commands(HOME)
    assert (said["finding"], said["reason"], said["subject"]) == (finding, "the injector is ours", "lab")


async def test_where_nobody_can_tell_the_findings_one_is_typed(visit: Visit, dashboard: Dashboard) -> None:
    await dashboard.put(gated())
    ana = await visit("ana", PAGE)
    await ana.page.route("**/preflight*", lambda route: route.abort())
    await ana.page.locator("summary", has_text="for lab").click()
    await ana.page.get_by_role("button", name="Acknowledge a warning").click()
    dialog = ana.page.get_by_role("dialog", name="Answer for a warning in lab")

    await dialog.get_by_role("textbox", name="Finding").fill("PA-01")
    await dialog.get_by_label("Reason").fill("it is known")
    await dialog.get_by_role("button", name="Acknowledge a warning").click()
    await expect(dialog).to_contain_text("Recorded as")

    assert [said["finding"] for said in await dashboard.commands(HOME)] == ["PA-01"]


async def test_what_a_namespace_waits_for_unfolds_and_stays_so_while_the_page_follows(
    visit: Visit, dashboard: Dashboard
) -> None:
    ana = await visit("ana", "/meshmigrations/to-strict")
    row = ana.page.locator("tr[data-key=shop]")
    await row.get_by_text("Why", exact=False).first.click()
    await expect(row.locator("dl")).to_contain_text("PlaintextCaller")
    await expect(row.locator("dl")).to_contain_text("legacy/batch to api, 12 calls")
    await expect(row.locator("dl")).to_contain_text("rollout mesh rollback shop")
    assert await ana.barriers("light", "dark") == []
    before = fleet()
    moved = tuple(
        replace(one, stage=Stage.REHEARSAL, reasons=()) if one.name == "shop" else one for one in before.namespaces
    )

    await stands(dashboard, "to-strict", replace(before, namespaces=moved))

    await expect(row.locator("dl")).to_contain_text("None is closed.")
    await expect(row.locator("details.reasons summary")).to_be_focused()


async def test_an_open_menu_stays_open_and_keeps_the_focus_while_the_page_follows(
    visit: Visit, dashboard: Dashboard
) -> None:
    ana = await visit("ana", "/meshmigrations/to-strict")
    summary = ana.page.locator("summary", has_text="for edge")
    await summary.click()
    before = fleet()
    moved = tuple(replace(one, stage=Stage.REHEARSAL) if one.name == "shop" else one for one in before.namespaces)

    await stands(dashboard, "to-strict", replace(before, namespaces=moved))

    await expect(ana.page.locator("tr[data-key=shop]")).to_contain_text("Rehearsal")
    await expect(ana.page.get_by_role("button", name="Fall back")).to_be_visible()
    await expect(summary).to_be_focused()


async def test_where_nobody_is_asked_all_is_shown_and_nothing_offered(browser: Browser) -> None:
    async with a_dashboard([gated()], api_tokens=False) as dashboard, a_person(browser, dashboard.url) as person:
        await person.opens(PAGE)

        await person.sees("Nobody is asked who he is here", "--api-tokens", "acknowledge or mend PA-01")
        await expect(person.page.get_by_role("button", name="Pause")).to_have_count(0)
        await expect(person.page.locator(".menu")).to_have_count(0)
        assert await person.barriers() == []
