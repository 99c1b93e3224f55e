"""Who signs in in tests? A browser with cookies, and people whom an issuer on this machine knows."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import parse_qs, urlsplit

import aiohttp

from adapters.oidc.issuers import Issuers
from adapters.oidc.logins import Client, OidcLogins
from rollout.demo.issuer import Issuer, Person, serving
from rollout.web.claimed import Naming
from rollout.web.login import BACK
from rollout.web.signing_in import Issuing
from tests.support.web import Front as Here
from tests.support.web import a_front

ANA = Person(sub="ana", name="Ana", email="Ana@shop.example", groups=("release-managers", "system:masters"))
BEA = Person(sub="bea", name="Bea", email="bea@shop.example", is_verified=False)
SECRET = "hush"
OURS = {"X-Rollout-Request": "1", "Content-Type": "application/json"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Got:
    """An answer. place: where it leads, "" for nowhere. set_cookies: values of Set-Cookie."""

    code: int
    text: str
    place: str
    set_cookies: tuple[str, ...]

    @property
    def said(self) -> Any:
        """The body as JSON."""
        return json.loads(self.text)


@dataclass(slots=True, kw_only=True)
class Browser:
    """Keeps cookies as a browser does, and follows nothing by itself. cookies: by name; headers: sent each time."""

    url: str
    cookies: dict[str, str] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)

    async def go(self, place: str, method: str = "GET", body: bytes = b"", **headers: str) -> Got:
        """One request; a place of another host is asked as it is, without cookies."""
        is_ours = place.startswith("/")
        sent = {**self.headers, **headers}
        if is_ours and self.cookies:
            sent["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        async with (
            aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session,
            session.request(
                method, self.url + place if is_ours else place, data=body, headers=sent, allow_redirects=False
            ) as answer,
        ):
            lines = tuple(answer.headers.getall("Set-Cookie", ()))
            got = Got(
                code=answer.status,
                text=await answer.text(),
                place=answer.headers.get("Location", ""),
                set_cookies=lines,
            )
        for line in lines if is_ours else ():
            self._keep(line)
        return got

    async def post(self, place: str, **said: Any) -> Got:
        """A POST as a page of ours sends it."""
        origin = {"Origin": self.url, "Sec-Fetch-Site": "same-origin"}
        return await self.go(place, "POST", json.dumps(said).encode(), **OURS, **origin)

    def _keep(self, line: str) -> None:
        for name, cookie in SimpleCookie(line).items():
            if cookie["max-age"] == "0":
                self.cookies.pop(name, None)
            else:
                self.cookies[name] = cookie.value


@dataclass(slots=True, kw_only=True)
class Town:
    """An issuer, and the API that believes it."""

    issuer: Issuer
    here: Here
    browser: Browser

    async def to_issuer(self, after: str = "/") -> dict[str, str]:
        """What the browser is sent to the issuer with."""
        sent = await self.browser.go(f"/login/issuer?next={after}")
        return {name: values[0] for name, values in parse_qs(urlsplit(sent.place).query).items()}

    def answer(self, wanted: dict[str, str], sub: str = "ana") -> str:
        """The path and query with which the issuer sends somebody back."""
        place = urlsplit(self.issuer.chosen(self.issuer.visit(wanted), sub) or "")
        return f"{place.path}?{place.query}"

    async def sign_in(self, sub: str = "ana", after: str = "/") -> Got:
        """The whole way to the issuer and back."""
        return await self.browser.go(self.answer(await self.to_issuer(after), sub))


@asynccontextmanager
async def a_town(url: str, *keys: Any, naming: dict[str, Any] | None = None, **changes: Any) -> AsyncIterator[Town]:
    """The API at `url`, with an issuer that knows ana and bea. naming: other than `email` for users and `groups`."""
    issuer = Issuer(people=(ANA, BEA), secret=SECRET, returns=(url + BACK, url + "/login"))
    issuers = Issuers()
    async with serving(issuer) as at:
        client = Client(
            issuer=at,
            name=issuer.client,
            secret=lambda: SECRET,
            scopes="openid profile email",
            back=url + BACK,
            home=url + "/login",
        )
        named = Naming(issuer=at, username_claim="email", groups_claim="groups")
        issuing = Issuing(logins=OidcLogins(issuers, client), naming=replace(named, **(naming or {})))
        here = a_front(*keys, issuer=at, issuing=issuing, **{"tokens": False, **changes})
        issuer.now = lambda: here.clock.now().timestamp()
        yield Town(issuer=issuer, here=here, browser=Browser(url=url))
        await issuers.close()
