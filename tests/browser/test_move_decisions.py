"""Does a press about a move into the mesh ask for exactly what its dialog says, in the name of whoever may?"""

import pytest
from playwright.async_api import expect

from tests.browser.conftest import Visit
from tests.browser.orders import command, wanted
from tests.support.dashboard import Dashboard

pytestmark = [pytest.mark.server, pytest.mark.xdist_group("browser"), pytest.mark.asyncio(loop_scope="session")]


async def test_a_namespace_falls_back_only_after_its_dialog_said_what_that_means(
    visit: Visit, dashboard: Dashboard
) -> None:
    ana = await visit("ana", "/meshmigrations/to-strict")

    await ana.page.locator("summary", has_text="for edge").click()
    await ana.page.get_by_role("button", name="Fall back").click()
    dialog = ana.page.get_by_role("dialog", name="Fall back edge")
    await expect(dialog).to_contain_text("mTLS in edge is opened to plaintext at once")
    await dialog.get_by_role("button", name="Fall back").click()
    await expect(dialog).to_contain_text("Recorded as")

    assert await dashboard.commands("rollout-system") == [
        command("fallback", "to-strict", kind="MeshMigration", subject="edge")
    ]


async def test_a_wave_begins_only_after_somebody_saw_which_namespaces_that_moves(
    visit: Visit, dashboard: Dashboard
) -> None:
    ana = await visit("ana", "/meshmigrations/to-ambient")

    await ana.page.get_by_role("button", name="Approve").click()
    dialog = ana.page.get_by_role("dialog", name="Approve wave pilot")
    await expect(dialog).to_contain_text("lab")
    await expect(dialog).to_contain_text("begin to move into the mesh")
    await dialog.get_by_role("button", name="Approve the wave").click()
    await expect(dialog).to_contain_text("Recorded as")

    assert await dashboard.commands("rollout-system") == [
        command("approve", "to-ambient", kind="MeshMigration", subject="pilot")
    ]


async def test_whoever_may_not_is_told_so_of_a_move_too(visit: Visit, dashboard: Dashboard) -> None:
    bo = await visit("bo", "/meshmigrations/to-strict")

    dialog = await wanted(bo, "Abort")
    await dialog.get_by_role("button", name="Abort").click()

    await expect(dialog.get_by_role("status")).to_contain_text("bo has no right to abort MeshMigration")
    assert await dashboard.commands("rollout-system") == []
