"""In which browser do tests look at the dashboard?"""

from collections.abc import AsyncIterator

import pytest_asyncio
from playwright.async_api import Browser, async_playwright

from tests.servers import chromium
from tests.servers.missing import obtained


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    """The machine's Chromium, for all tests; who looks gets a context of his own. Playwright's own are never fetched."""
    program = obtained(chromium.browser)
    obtained(chromium.axe)
    async with async_playwright() as tool:
        found = await tool.chromium.launch(executable_path=program)
        yield found
        await found.close()
