"""Would the browser's tests notice? What they look with is shown something that is wrong."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from fastapi import FastAPI
from fastapi.responses import HTMLResponse
from playwright.async_api import Browser

from rollout.web.guard import HEADERS
from rollout.web.listen import served
from tests.browser.person import PHONE, a_person
from tests.support.hostile import FORMS, Attacks

pytestmark = [pytest.mark.server, pytest.mark.xdist_group("browser"), pytest.mark.asyncio(loop_scope="session")]

PAGE = """<!doctype html><html lang="en"><head><title>a page</title></head><body><main><h1>Hello</h1>{}</main></body></html>"""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def naive() -> AsyncIterator[str]:
    """A site that puts texts into its pages as they are, with our headers at /guarded/."""
    app, attacks = FastAPI(), Attacks()
    texts = [attacks.text(str(number)) for number in range(len(FORMS))]

    @app.get("/{guarded}/{which}", response_class=HTMLResponse)
    def page(guarded: str, which: int) -> HTMLResponse:
        return HTMLResponse(PAGE.format(texts[which]), headers=dict(HEADERS) if guarded == "guarded" else {})

    @app.get("/bad", response_class=HTMLResponse)
    def bad() -> str:
        wide = "<div style='width: 500px'>wide</div><button style='width: 20px; height: 10px'></button>"
        return PAGE.format(f"<img src='data:,'>{wide}<p style='color: #ccc'>pale</p>")

    async with served(app, "127.0.0.1:0") as url:
        yield url


async def test_an_attack_that_becomes_a_part_of_the_page_is_noticed(browser: Browser, naive: str) -> None:
    noticed = []
    async with a_person(browser, naive) as ana:
        for which in range(len(FORMS)):
            await ana.opens(f"/open/{which}")
            noticed.append(bool(await ana.strange()))

    # Those without markup harm as an address, in a template engine, and within the markup of a page.
    assert [form for form, is_noticed in zip(FORMS, noticed, strict=True) if not is_noticed] == [
        FORMS[which] for which in (2, 5, 6, 7)
    ]


async def test_what_the_policy_stops_is_noticed(browser: Browser, naive: str) -> None:
    async with a_person(browser, naive) as ana:
        await ana.opens("/guarded/1")

        troubles = ana.troubles

    assert any("script-src" in trouble for trouble in troubles)


async def test_what_keeps_people_out_is_noticed(browser: Browser, naive: str) -> None:
    async with a_person(browser, naive, viewport=PHONE) as ana:
        await ana.opens("/bad")

        barriers, spills, small = await ana.barriers(), await ana.spills(), await ana.small_targets()

    rules = [barrier.split()[1] for barrier in barriers]
    assert sorted(rules) == ["button-name", "color-contrast", "image-alt"]
    assert len(spills) == 2
    assert [target[:5] for target in small] == ["20x10"]
