"""Does the demo's issuer give tokens to its client alone, and only for the code and verifier that belong together?"""

import base64
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit

import aiohttp
import jwt
import pytest

from rollout.demo.issuer import CODE_COUNTS_S, Issuer, Person, serving

ANA = Person(sub="1", name="Ana <b>", email="ana@shop.example", groups=("release-managers",))
BACK = "http://127.0.0.1:8080/login/callback"
VERIFIER = "v" * 43
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
WANTED = {
    "client_id": "rollout",
    "redirect_uri": BACK,
    "response_type": "code",
    "scope": "openid email",
    "state": "s1",
    "nonce": "n1",
    "code_challenge": CHALLENGE,
    "code_challenge_method": "S256",
}
REDEEMED = {"grant_type": "authorization_code", "redirect_uri": BACK, "code_verifier": VERIFIER}


def as_client(client: str, secret: str) -> dict[str, str]:
    """Basic authentication."""
    return {"Authorization": "Basic " + base64.b64encode(f"{client}:{secret}".encode()).decode()}


CLIENT = as_client("rollout", "hush")


@asynccontextmanager
async def an_issuer(**changes: Any) -> AsyncIterator[tuple[Issuer, aiohttp.ClientSession]]:
    """One that knows ana, and a browser."""
    issuer = Issuer(people=(ANA,), secret="hush", returns=(BACK,), **changes)
    async with serving(issuer) as url, aiohttp.ClientSession(url) as browser:
        yield issuer, browser


async def code_of(issuer: Issuer, browser: aiohttp.ClientSession) -> str:
    """A code for ana, had as a browser has it."""
    place = issuer.chosen(issuer.visit(WANTED), "1") or ""
    return parse_qs(urlsplit(place).query)["code"][0]


async def test_a_browser_that_says_who_it_is_comes_back_with_a_code_for_a_token() -> None:
    async with an_issuer() as (issuer, browser):
        page = await (await browser.get("/authorize", params=WANTED)).text()
        link = page.partition('<li><a href="')[2].partition('"')[0].replace("&amp;", "&")
        sent = await browser.get(link, allow_redirects=False)
        said = parse_qs(urlsplit(sent.headers["Location"]).query)

        answer = await browser.post("/token", data={**REDEEMED, "code": said["code"][0]}, headers=CLIENT)

        token = jwt.decode((await answer.json())["id_token"], issuer.key.public_key(), ["ES256"], audience="rollout")
        assert ("Ana &lt;b&gt;" in page, said["state"], said["iss"]) == (True, ["s1"], [issuer.url])
        assert (token["nonce"], token["email"], token["groups"]) == ("n1", ANA.email, ["release-managers"])


@pytest.mark.parametrize(
    "changes",
    [
        {"code": "another"},
        {"code_verifier": "w" * 43},
        {"code_verifier": "v" * 42},
        {"redirect_uri": BACK + "/"},
        {"grant_type": "refresh_token"},
    ],
)
async def test_what_does_not_belong_together_gives_no_token(changes: dict[str, str]) -> None:
    async with an_issuer() as (issuer, browser):
        code = await code_of(issuer, browser)

        answer = await browser.post("/token", data={**REDEEMED, "code": code, **changes}, headers=CLIENT)

        assert (answer.status, await answer.json()) == (400, {"error": "invalid_grant"})


@pytest.mark.parametrize("told", [{}, as_client("rollout", "x"), as_client("other", "hush")])
async def test_nobody_but_the_client_gets_a_token(told: dict[str, str]) -> None:
    async with an_issuer() as (issuer, browser):
        code = await code_of(issuer, browser)

        answer = await browser.post("/token", data={**REDEEMED, "code": code}, headers=told)

        assert answer.status == 401


async def test_a_code_counts_once_and_for_a_minute() -> None:
    at = [1000.0]
    async with an_issuer(now=lambda: at[0]) as (issuer, browser):
        form = {**REDEEMED, "code": await code_of(issuer, browser)}
        late = {**REDEEMED, "code": await code_of(issuer, browser)}
        codes = [(await browser.post("/token", data=form, headers=CLIENT)).status for _ in range(2)]
        at[0] += CODE_COUNTS_S + 1

        codes.append((await browser.post("/token", data=late, headers=CLIENT)).status)

        assert codes == [200, 400, 400]


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"scope": "email"}, "invalid_scope"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge": ""}, "invalid_request"),
    ],
)
async def test_a_wish_that_lacks_something_goes_back_with_the_error(changes: dict[str, str], error: str) -> None:
    async with an_issuer() as (_, browser):
        answer = await browser.get("/authorize", params=WANTED | changes, allow_redirects=False)

        assert parse_qs(urlsplit(answer.headers["Location"]).query)["error"] == [error]


@pytest.mark.parametrize("changes", [{"client_id": "x"}, {"redirect_uri": "http://127.0.0.1:9/login/callback"}])
async def test_nothing_is_sent_to_an_address_that_is_not_the_clients(changes: dict[str, str]) -> None:
    async with an_issuer() as (_, browser):
        answer = await browser.get("/authorize", params=WANTED | changes, allow_redirects=False)

        assert (answer.status, "Location" in answer.headers) == (400, False)


async def test_whoever_does_not_sign_in_is_said_to_have_refused() -> None:
    async with an_issuer() as (issuer, _):
        place = issuer.chosen(issuer.visit(WANTED), "")

        assert place is not None
        assert parse_qs(urlsplit(place).query)["error"] == ["access_denied"]
