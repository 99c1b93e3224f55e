"""Can people sign in and out with a browser, come back to where they were, and learn why not?"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, expect

from rollout.demo.issuer import Issuer, Person, serving
from tests.browser.person import PHONE, a_person
from tests.servers.process import free_port
from tests.support.dashboard import RIGHTS, Dashboard, a_dashboard
from tests.support.dashboard_fleet import idle

pytestmark = [pytest.mark.server, pytest.mark.xdist_group("browser"), pytest.mark.asyncio(loop_scope="session")]

ANA = Person(sub="1", name="Ana", email="ana@shop.example", groups=("release-managers",))
BEA = Person(sub="2", name="Bea", email="bea@shop.example", is_verified=False)


@asynccontextmanager
async def with_issuer(tmp_path: Path, **changes: str) -> AsyncIterator[tuple[Dashboard, Issuer]]:
    """A dashboard at which ana and bea sign in at an issuer, or by a token."""
    at = f"127.0.0.1:{free_port()}"
    (tmp_path / "secret").write_text("hush")
    issuer = Issuer(people=(ANA, BEA), secret="hush", returns=(f"http://{at}/login/callback", f"http://{at}/login"))
    async with serving(issuer) as url:
        settings: dict[str, Any] = {
            "api_url": f"http://{at}",
            "login_issuer": url,
            "login_client_id": "rollout",
            "login_client_secret_file": tmp_path / "secret",
            "login_username_claim": "email",
        }
        async with a_dashboard(at=at, **{**settings, **changes}) as dashboard:
            issuer.now = lambda: dashboard.clock.now().timestamp()
            yield dashboard, issuer


async def test_whoever_comes_unknown_signs_in_by_a_token_and_is_where_he_wanted_to_be(browser: Browser) -> None:
    async with a_dashboard() as dashboard, a_person(browser, dashboard.url) as person:
        await person.opens("/?q=check")
        await person.is_at("/login?next=%2F%3Fq%3Dcheck")
        await person.sees("Sign in with the token")
        barriers = await person.barriers()
        await person.page.get_by_label("Token of the cluster").fill(" ana\n")
        await person.page.keyboard.press("Enter")

        await person.is_at("/?q=check")
        await person.sees("Signed in as ana", within=".who")
        assert (barriers, person.troubles, await person.strange()) == ([], [], [])


async def test_a_wrong_token_is_said_and_can_be_put_right(browser: Browser) -> None:
    async with a_dashboard() as dashboard, a_person(browser, dashboard.url, viewport=PHONE) as person:
        await person.opens("/login")
        token = person.page.get_by_label("Token of the cluster")
        await token.fill("nobody")
        await person.page.get_by_role("button", name="Sign in with the token").click()
        await expect(person.page.get_by_role("alert")).to_contain_text("does not know this bearer token")
        await expect(token).to_be_focused()
        seen = (await person.barriers(), await person.spills(), await person.small_targets())

        await token.fill("bo")
        await person.page.keyboard.press("Enter")

        await person.sees("Signed in as bo", within=".who")
        assert seen == ([], [], [])


async def test_signing_out_shows_nothing_to_the_next_one(browser: Browser) -> None:
    async with a_dashboard() as dashboard, a_person(browser, dashboard.url) as person:
        await person.opens("/login")
        await person.page.get_by_label("Token of the cluster").fill("ana")
        await person.page.keyboard.press("Enter")
        await person.page.get_by_role("link", name="Signed in as ana").click()
        await person.sees("You are signed in", "by a token of the cluster", "system:authenticated")
        barriers = await person.barriers()
        await person.page.get_by_role("button", name="Sign out").click()
        await person.sees("Sign in with the token")

        await person.opens("/rollouts/shop/checkout")

        await person.is_at("/login?next=%2Frollouts%2Fshop%2Fcheckout")
        await person.sees("Sign in with the token")
        assert (barriers, await person.page.context.cookies()) == ([], [])


async def test_a_session_that_ended_leads_to_the_sign_in_and_back(browser: Browser) -> None:
    async with a_dashboard() as dashboard, a_person(browser, dashboard.url) as person:
        await person.opens("/login")
        await person.page.get_by_label("Token of the cluster").fill("ana")
        await person.page.keyboard.press("Enter")
        await person.sees("Signed in as ana", within=".who")
        dashboard.clock.advance(timedelta(hours=1))
        await person.opens("/meshmigrations")
        await person.is_at("/login?next=%2Fmeshmigrations")

        await person.page.get_by_label("Token of the cluster").fill("ana")
        await person.page.keyboard.press("Enter")

        await person.is_at("/meshmigrations")


async def test_a_page_that_is_open_when_its_session_ends_is_there_again_after_the_sign_in(browser: Browser) -> None:
    async with a_dashboard() as dashboard, a_person(browser, dashboard.url) as person:
        await person.opens("/login?next=/rollouts/shop/checkout")
        await person.page.get_by_label("Token of the cluster").fill("ana")
        await person.page.keyboard.press("Enter")
        await person.is_at("/rollouts/shop/checkout")
        await person.sees("waiting for 1 approval of v2")

        dashboard.clock.advance(timedelta(hours=1))
        await dashboard.status("shop/checkout", idle("checkout"))
        await person.is_at("/login?next=%2Frollouts%2Fshop%2Fcheckout")
        await person.page.get_by_label("Token of the cluster").fill("ana")
        await person.page.keyboard.press("Enter")

        await person.is_at("/rollouts/shop/checkout")
        await person.sees("Idle", "shop/checkout")


async def test_a_press_after_the_session_ended_records_nothing_and_leads_to_the_sign_in(browser: Browser) -> None:
    async with a_dashboard() as dashboard, a_person(browser, dashboard.url) as person:
        await person.opens("/login?next=/rollouts/shop/checkout")
        await person.page.get_by_label("Token of the cluster").fill("ana")
        await person.page.keyboard.press("Enter")
        await person.page.get_by_role("button", name="Approve").click()
        dialog = person.page.get_by_role("dialog")

        dashboard.clock.advance(timedelta(hours=1))
        await dialog.get_by_role("button", name="Approve").click()
        await dialog.get_by_role("link", name="Sign in again").click()

        await person.sees("Sign in with the token")
        assert await dashboard.commands() == []


async def test_who_signed_in_at_the_issuer_approves_in_the_name_that_it_gave(browser: Browser, tmp_path: Path) -> None:
    async with with_issuer(tmp_path) as (dashboard, issuer), a_person(browser, dashboard.url) as person:
        dashboard.rights["ana@shop.example"] = RIGHTS["ana"]
        await person.opens("/rollouts/shop/checkout")
        await person.page.get_by_role("link", name="Sign in at 127.0.0.1").click()
        await person.page.get_by_role("link", name="Ana").click()
        await person.is_at("/rollouts/shop/checkout")

        await person.page.get_by_role("button", name="Approve").click()
        dialog = person.page.get_by_role("dialog")
        await dialog.get_by_role("button", name="Approve").click()
        await expect(dialog).to_contain_text("Recorded as")

        (recorded,) = await dashboard.commands()
        actor = recorded["actor"]
        assert (actor["user"], actor["proven"]) == ("ana@shop.example", f"issuer {issuer.url}")


async def test_the_issuer_says_who_it_is_and_signs_out_too(browser: Browser, tmp_path: Path) -> None:
    async with with_issuer(tmp_path) as (dashboard, issuer), a_person(browser, dashboard.url) as person:
        await person.opens("/meshmigrations")
        await person.page.get_by_role("link", name="Sign in at 127.0.0.1").click()
        await person.page.get_by_role("link", name="Ana").click()
        await person.is_at("/meshmigrations")
        await person.page.get_by_role("link", name="Signed in as ana@shop.example").click()
        await person.sees("by the issuer", "Ends")
        await person.page.get_by_role("button", name="Sign out").click()

        await person.sees("Sign in at 127.0.0.1")
        assert [said["client_id"] for said in issuer.ended] == ["rollout"]
        assert person.troubles == []


@pytest.mark.parametrize(
    ("link", "words"), [("Bea", "e-mail address is not verified"), ("Do not sign in", "You did not sign in")]
)
async def test_whoever_the_issuer_does_not_name_learns_why(
    browser: Browser, tmp_path: Path, link: str, words: str
) -> None:
    async with with_issuer(tmp_path) as (dashboard, _), a_person(browser, dashboard.url) as person:
        await person.opens("/meshmigrations")
        await person.page.get_by_role("link", name="Sign in at 127.0.0.1").click()
        await person.page.get_by_role("link", name=link).click()

        await expect(person.page.get_by_role("alert")).to_contain_text(words)
        href = await person.page.get_by_role("link", name="Sign in at 127.0.0.1").get_attribute("href")
        assert href == "/login/issuer?next=%2Fmeshmigrations"
        assert await person.barriers() == []


@pytest.mark.parametrize(
    "next_", ["https://evil.example/", "//evil.example/", "/%5Cevil.example", "javascript:alert(1)"]
)
async def test_the_page_leads_nobody_elsewhere(browser: Browser, next_: str) -> None:
    async with a_dashboard() as dashboard, a_person(browser, dashboard.url) as person:
        await person.opens(f"/login?next={next_}&error=%3Cimg%20src=x%3E")
        await expect(person.page.get_by_role("alert")).to_contain_text("You are not signed in")
        await person.page.get_by_label("Token of the cluster").fill("ana")
        await person.page.keyboard.press("Enter")

        await person.is_at("/")
        await person.sees("Signed in as ana", within=".who")
        assert person.page.url == f"{dashboard.url}/"


async def test_where_nobody_is_asked_the_page_says_so(browser: Browser) -> None:
    async with a_dashboard(api_tokens=False) as dashboard, a_person(browser, dashboard.url) as person:
        await person.opens("/login")

        await person.sees("Nobody is asked who he is here", "--login-issuer")
        assert await person.barriers() == []
