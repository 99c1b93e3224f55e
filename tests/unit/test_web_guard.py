"""Can a page of somebody else make a browser change something here?"""

import json
from itertools import product

import pytest

from rollout.model.names import Key
from rollout.web.callers import Proxy
from tests.support.signing_in import Browser
from tests.support.web import Front, a_front, may
from tests.unit.conftest import Front as Door
from tests.unit.test_web_api import PROXY

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.slow]

CHECKOUT = Key(namespace="shop", name="checkout")
ONE = "/api/v1/rollouts/shop/checkout"
RIGHTS = may("ana", "list") | may("ana", "abort", "list", name="checkout")
BODY = json.dumps({"verb": "abort", "run": 1}).encode()
URL = "https://rollout.shop.example"
BY = ("bearer", "session", "proxy")
METHODS = {"GET": ONE, "HEAD": ONE, "POST": f"{ONE}/commands", "PUT": ONE, "PATCH": ONE, "DELETE": ONE}
HEADER: dict[str, dict[str, str]] = {"header": {"X-Rollout-Request": "1"}, "no header": {}}
# What a browser says of the page that asks, and whether that page is ours; at the URL that people use.
PAGES: dict[str, tuple[dict[str, str], bool]] = {
    "no browser": ({}, True),
    "ours": ({"Origin": URL, "Sec-Fetch-Site": "same-origin"}, True),
    "ours in an old browser": ({"Origin": URL}, True),
    "another site": ({"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}, False),
    "another site in an old browser": ({"Origin": "https://evil.example"}, False),
    "a neighbour": ({"Origin": "https://other.shop.example", "Sec-Fetch-Site": "same-site"}, False),
    "a neighbour in an old browser": ({"Origin": "https://other.shop.example"}, False),
    "ours without TLS": ({"Origin": "http://rollout.shop.example"}, False),
    "another port": ({"Origin": f"{URL}:8443"}, False),
    "a file or a frame of nobody": ({"Origin": "null", "Sec-Fetch-Site": "cross-site"}, False),
    "nobody in an old browser": ({"Origin": "null"}, False),
    "no page": ({"Sec-Fetch-Site": "none"}, False),
    "no origin at all": ({"Origin": "https://"}, False),
    "an origin with a path": ({"Origin": f"{URL}/x"}, False),
}


async def as_(way: str, here: Front, door: Door) -> Browser:
    """Ana, by one of the ways to prove it."""
    browser = Browser(url=door.url, headers={"Host": "rollout.shop.example", "Content-Type": "application/json"})
    match way:
        case "bearer":
            browser.headers["Authorization"] = "Bearer ana"
        case "proxy":
            here.proxy = PROXY
            browser.headers["X-Forwarded-User"] = "ana"
        case _:
            await browser.go("/login/token", "POST", b'{"token": "ana"}', **HEADER["header"])
            assert browser.cookies
    return browser


@pytest.mark.parametrize("way", BY)
async def test_only_what_a_page_of_ours_or_a_program_asks_is_done(front: Door, way: str) -> None:
    here = a_front(CHECKOUT, rights=RIGHTS, url=URL, hosts=("rollout.shop.example",))
    here.proxy = PROXY if way == "proxy" else None
    front.show(here.app())
    browser = await as_(way, here, front)
    rows = list(product(METHODS, HEADER, PAGES))

    found = {}
    for method, header, page in rows:
        before = len(here.written.objects)
        got = await browser.go(METHODS[method], method, BODY, **HEADER[header], **PAGES[page][0])
        found[method, header, page] = (got.code, len(here.written.objects) - before)

    assert found == {row: _expected(*row) for row in rows}


def _expected(method: str, header: str, page: str) -> tuple[int, int]:
    """The status, and how many commands are recorded."""
    if method in ("GET", "HEAD"):
        return (200 if method == "GET" else 405), 0
    if header == "no header" or not PAGES[page][1]:
        return 403, 0
    return (202, 1) if method == "POST" else (405, 0)


@pytest.mark.parametrize(
    ("origin", "code"), [("http://127.0.0.1:8080", 202), ("http://127.0.0.1:9", 403), ("https://127.0.0.1:8080", 202)]
)
async def test_without_a_url_of_our_own_a_page_is_ours_by_the_name_it_calls_us(
    front: Door, origin: str, code: int
) -> None:
    here = a_front(CHECKOUT, rights=RIGHTS)
    front.show(here.app())
    headers = {"Host": "127.0.0.1:8080", "Authorization": "Bearer ana", "Content-Type": "application/json"}

    got = await Browser(url=front.url, headers=headers).go(
        f"{ONE}/commands", "POST", BODY, Origin=origin, **HEADER["header"]
    )

    assert got.code == code


@pytest.mark.parametrize("host", ["x?y", "x#", "x/y", "x:80:80?", "@", "", "a b"])
async def test_no_name_by_which_we_are_called_opens_what_is_guarded(front: Door, host: str) -> None:
    front.show(a_front(CHECKOUT, rights=RIGHTS).app())

    got = await Browser(url=front.url, headers={"Host": host}).go("/api/v1/rollouts")

    assert got.code in (400, 401)


@pytest.mark.parametrize("path", ["/api/v1/me", "/api/v1/rollouts", ONE, "/api/v1/meshmigrations", "/api/v1/changes"])
async def test_whoever_has_not_signed_in_is_told_nothing(front: Door, path: str) -> None:
    front.show(a_front(CHECKOUT, rights=RIGHTS).app())

    assert (await Browser(url=front.url).go(path)).code == 401


async def test_there_is_no_request_that_is_not_guarded(front: Door) -> None:
    here = a_front(CHECKOUT, rights=RIGHTS)
    front.show(here.app())
    browser = Browser(url=front.url, headers={"Content-Type": "application/json"})
    known = (await browser.go("/openapi.json")).said["paths"]
    asked = [
        (path.format(namespace="shop", name="checkout", command="c"), one) for path in known for one in known[path]
    ]

    bare = {(path, one): (await browser.go(path, one.upper(), BODY)).code for path, one in asked}
    ours = {(path, one): (await browser.go(path, one.upper(), BODY, **HEADER["header"])).code for path, one in asked}

    assert {row for row, code in bare.items() if code != (401 if row[1] == "get" else 403)} == {
        ("/api/v1/login", "get")
    }
    # Without proof one can ask how to sign in, try to, and sign out.
    assert {row for row, code in ours.items() if code != 401} == {
        ("/api/v1/login", "get"),
        ("/login/token", "post"),
        ("/logout", "post"),
    }
    assert here.written.objects == []


async def test_the_proxys_word_counts_before_an_older_session(front: Door) -> None:
    everybody = Proxy(networks=PROXY.networks, user=PROXY.user, groups=PROXY.groups)
    front.show(a_front(CHECKOUT, rights=RIGHTS | may("bo", "list"), proxy=everybody).app())
    browser = Browser(url=front.url)
    await browser.post("/login/token", token="ana")
    browser.headers = {"X-Forwarded-User": "bo"}

    assert (await browser.go("/api/v1/me")).said["user"] == "bo"
