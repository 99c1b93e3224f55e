"""Do the pages of `rollout demo people` lead a person to the end: a button in Slack, a sign-in, a button in the dashboard?"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, expect

from tests.servers.peopledemo import Demo, a_demo

pytestmark = [
    pytest.mark.server,
    pytest.mark.slow,
    pytest.mark.xdist_group("browser"),
    pytest.mark.asyncio(loop_scope="session"),
]
PATIENCE_MS = 30_000


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Demo]:
    """One that waits for people."""
    with a_demo(tmp_path) as found:
        yield found


async def approve_in_slack(page: Page, demo: Demo) -> None:
    """As ana: the button, and yes."""
    await page.goto(f"{demo.slack}/")
    await page.frame_locator("iframe").get_by_role("link", name="Approve").click()
    await expect(page.get_by_role("heading")).to_have_text("Approve v2?")
    await page.get_by_role("button", name="Approve").click()


async def approve_in_dashboard(page: Page, demo: Demo) -> None:
    """As bo: sign in, the button, and yes to what the dialog names."""
    await page.goto(demo.dashboard)
    await page.get_by_text("Sign in at").click()
    await page.get_by_role("link", name="bo").click()
    await page.get_by_role("button", name="Approve").click()
    dialog = page.get_by_role("dialog")
    await expect(dialog).to_contain_text("v1 → v2")
    await dialog.get_by_role("button", name="Approve").click()
    await expect(dialog).to_contain_text("step 1 of v2 approved")


async def test_a_button_in_slack_and_one_in_the_dashboard_bring_v2_to_all_users(browser: Browser, demo: Demo) -> None:
    context = await browser.new_context()
    context.set_default_timeout(PATIENCE_MS)
    chat, dashboard = await context.new_page(), await context.new_page()

    await approve_in_slack(chat, demo)
    demo.said("ana@shop.example, in Slack: approve is accepted")
    await approve_in_dashboard(dashboard, demo)

    demo.said("run 1 of v2: promoted")
    await expect(dashboard.locator("main")).to_contain_text("Stable is v2", timeout=PATIENCE_MS)
    messages = chat.frame_locator("iframe").locator("article").first
    await expect(messages).to_contain_text("approve of step 1 by slack:ana@shop.example (slack)", timeout=PATIENCE_MS)
    await expect(messages).to_contain_text("approve of step 1 by bo@shop.example (dashboard)")
    await context.close()
    demo.said("Running until Ctrl-C")
    demo.interrupt()
