"""In which browser do tests look at the dashboard, and at which one?"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest_asyncio
from playwright.async_api import Browser, async_playwright

from tests.browser.person import Person, a_person
from tests.servers import chromium
from tests.servers.missing import obtained
from tests.support.dashboard import Dashboard, a_dashboard

Visit = Callable[..., Awaitable[Person]]


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    """The machine's Chromium, for all tests; who looks gets a context of his own. Playwright's own are never fetched."""
    program = obtained(chromium.browser)
    obtained(chromium.axe)
    async with async_playwright() as tool:
        found = await tool.chromium.launch(executable_path=program)
        yield found
        await found.close()


@pytest_asyncio.fixture(loop_scope="session")
async def dashboard() -> AsyncIterator[Dashboard]:
    """A dashboard over Rollouts in every phase, for one test."""
    async with a_dashboard() as found:
        yield found


@pytest_asyncio.fixture(loop_scope="session")
async def visit(browser: Browser, dashboard: Dashboard) -> AsyncIterator[Visit]:
    """visit("ana", "/") is ana with this page open. Whatever she did, the console may have nothing to say of it."""
    async with AsyncExitStack() as stack:
        people: list[Person] = []

        async def visited(user: str, path: str = "/", **how: Any) -> Person:
            person = await stack.enter_async_context(a_person(browser, dashboard.url, user, **how))
            people.append(person)
            await person.opens(path)
            return person

        yield visited
        assert [trouble for person in people for trouble in person.troubles] == []
