"""Who is signed in by an issuer of OpenID Connect, and who is not?"""

import json
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest
import pytest_asyncio
from cryptography.hazmat.primitives.asymmetric import ec

from rollout.demo.issuer import Issuer, Person
from rollout.model.names import Key
from rollout.web.signing_in import COUNTS_FOR, MOST_PER_MINUTE
from tests.support.signing_in import Browser, Town, a_town
from tests.support.web import LIFE, may
from tests.unit.conftest import Front

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.slow]

CHECKOUT = Key(namespace="shop", name="checkout")
COMMANDS = "/api/v1/rollouts/shop/checkout/commands"
RIGHTS = may("Ana@shop.example", "list") | may("Ana@shop.example", "approve", name="checkout")
STRANGER = ec.generate_private_key(ec.SECP256R1())


@pytest_asyncio.fixture(loop_scope="module")
async def town(front: Front) -> AsyncIterator[Town]:
    async with a_town(front.url, CHECKOUT, rights=RIGHTS) as town:
        front.show(town.here.app())
        yield town


async def test_whoever_the_issuer_tells_of_is_signed_in_and_is_where_he_was(town: Town) -> None:
    back = await town.sign_in(after="/rollouts/shop/checkout")

    me = (await town.browser.go("/api/v1/me")).said

    assert (back.code, back.place) == (303, "/rollouts/shop/checkout")
    assert (me["user"], me["way"]) == ("Ana@shop.example", "issuer")
    assert me["groups"] == ["release-managers", "system:authenticated"]
    assert "rollout-login" not in town.browser.cookies


async def test_he_may_do_what_the_clusters_rules_say_of_his_name_and_the_command_says_who_and_how(town: Town) -> None:
    await town.sign_in()

    seen = {"run": 1, "step": 1, "revision": "v2"}
    asked = await town.browser.post(COMMANDS, verb="approve", **seen)
    refused = await town.browser.post(COMMANDS, verb="abort", run=1)

    (command,) = town.here.written.objects
    assert (asked.code, refused.code) == (202, 403)
    assert command["spec"]["channel"] == "dashboard"
    assert command["spec"]["actor"] == {
        "user": "Ana@shop.example",
        "groups": ["release-managers", "system:authenticated"],
        "email": "ana@shop.example",
        "proven": f"issuer {town.issuer.url}",
    }


async def test_the_issuer_is_asked_with_pkce_and_comes_back_to_one_exact_url(town: Town) -> None:
    wanted = await town.to_issuer()

    assert wanted["redirect_uri"] == f"{town.browser.url}/login/callback"
    assert (wanted["response_type"], wanted["code_challenge_method"]) == ("code", "S256")
    assert len({wanted["state"], wanted["nonce"], wanted["code_challenge"]}) == 3
    assert wanted["state"] not in town.browser.cookies["rollout-login"]


def later(issuer: Issuer) -> None:
    issuer.spoiled = {"exp": int(issuer.now()) - 31}


def signed_by(key: Any, algorithm: str) -> Callable[[Issuer], None]:
    def spoil(issuer: Issuer) -> None:
        issuer.sign = lambda claims: jwt.encode(claims, key, algorithm, headers={"kid": issuer.kid})

    return spoil


def spoiled(**claims: Any) -> Callable[[Issuer], None]:
    def spoil(issuer: Issuer) -> None:
        issuer.spoiled = claims

    return spoil


@pytest.mark.parametrize(
    "spoil",
    [
        spoiled(nonce="another"),
        spoiled(nonce=None),
        spoiled(aud="another"),
        spoiled(aud=["rollout", "another"]),
        spoiled(aud=["rollout", "another"], azp="another"),
        spoiled(azp="another"),
        spoiled(iss="https://another.example"),
        spoiled(exp=None),
        spoiled(sub=None),
        later,
        signed_by(None, "none"),
        signed_by("the-public-key-as-a-secret-of-32-bytes", "HS256"),
        signed_by(STRANGER, "ES256"),
    ],
)
async def test_a_token_that_is_not_for_this_sign_in_is_refused(town: Town, spoil: Callable[[Issuer], None]) -> None:
    spoil(town.issuer)

    back = await town.sign_in()

    assert back.place == "/login?error=refused"
    assert (await town.browser.go("/api/v1/me")).code == 401


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"state": "another"}, "/login?error=refused"),
        ({"iss": "https://another.example"}, "/login?error=refused"),
        ({"code": "another"}, "/login?error=refused"),
        ({"code": ""}, "/login?error=refused"),
    ],
)
async def test_an_answer_that_is_not_the_issuers_to_this_browser_is_refused(
    town: Town, changes: dict[str, str], place: str
) -> None:
    answer = town.answer(await town.to_issuer())
    path, _, query = answer.partition("?")
    pairs = dict(pair.split("=") for pair in query.split("&")) | changes

    back = await town.browser.go(path + "?" + "&".join(f"{name}={value}" for name, value in pairs.items()))

    assert (back.place, "rollout-session" in town.browser.cookies) == (place, False)


async def test_an_answer_without_the_issuers_name_is_refused_where_the_issuer_says_that_it_names_itself(
    town: Town,
) -> None:
    answer = town.answer(await town.to_issuer()).partition("&iss=")[0]

    assert (await town.browser.go(answer)).place == "/login?error=refused"


async def test_the_answer_to_another_browser_signs_nobody_in(town: Town) -> None:
    answer = town.answer(await town.to_issuer())
    other = Browser(url=town.browser.url)
    await other.go("/login/issuer")

    places = [(await browser.go(answer)).place for browser in (other, Browser(url=town.browser.url))]

    assert places == ["/login?error=refused", "/login?error=stale"]


async def test_an_answer_counts_once_even_where_the_issuer_would_take_the_code_again(town: Town) -> None:
    answer = town.answer(await town.to_issuer())
    ticket = dict(town.browser.cookies)
    first = await town.browser.go(answer)
    town.browser.cookies = ticket

    second = await town.browser.go(answer)

    assert (first.place, second.place) == ("/", "/login?error=stale")


async def test_a_ticket_counts_for_ten_minutes(town: Town) -> None:
    wanted = await town.to_issuer()
    town.here.clock.advance(COUNTS_FOR)

    assert (await town.browser.go(town.answer(wanted))).place == "/login?error=stale"


async def test_a_ticket_is_no_session_and_a_session_no_ticket(town: Town) -> None:
    answer = town.answer(await town.to_issuer())
    town.browser.cookies["rollout-session"] = town.browser.cookies["rollout-login"]
    me = await town.browser.go("/api/v1/me")
    await town.browser.go(answer)
    town.browser.cookies["rollout-login"] = town.browser.cookies["rollout-session"]

    assert me.code == 401
    assert (await town.browser.go(answer)).place == "/login?error=stale"


async def test_whoever_does_not_want_to_sign_in_is_told_so_and_can_try_again(town: Town) -> None:
    back = await town.sign_in(sub="", after="/rollouts/shop/checkout")

    assert back.place == "/login?error=declined&next=%2Frollouts%2Fshop%2Fcheckout"


async def test_an_address_that_the_issuer_has_not_verified_names_nobody(town: Town) -> None:
    assert (await town.sign_in("bea")).place == "/login?error=unnamed"


@pytest.mark.parametrize(
    "elsewhere",
    [
        "https://evil.example/",
        "//evil.example/",
        "/%5Cevil.example",
        "%5C%5Cevil.example",
        "/%09/evil.example",
        "javascript:alert(1)",
        "%20https://evil.example",
        "/login",
        "",
    ],
)
async def test_nobody_is_led_elsewhere_after_he_signed_in(town: Town, elsewhere: str) -> None:
    assert (await town.sign_in(after=elsewhere)).place == "/"


async def test_an_issuer_that_does_not_answer_is_said_and_tried_again(town: Town) -> None:
    town.issuer.document = {"token_endpoint": f"{town.issuer.url}/nothing-here"}
    answer = town.answer(await town.to_issuer())
    town.issuer.document = {}

    back = await town.browser.go(answer)

    assert back.place == "/login?error=unavailable"


@pytest.mark.parametrize("name", ["authorization_endpoint", "token_endpoint"])
@pytest.mark.parametrize("url", ["", "javascript:alert(1)", "http:///x", "https://user@id.example/", 7])
async def test_an_endpoint_that_is_no_safe_url_is_not_used(front: Front, name: str, url: object) -> None:
    async with a_town(front.url) as town:
        front.show(town.here.app())
        town.issuer.document = {name: url}

        sent = await town.browser.go("/login/issuer")
        wanted = {"redirect_uri": f"{front.url}/login/callback", "code_challenge": "x" * 43}
        state = parse_qs(urlsplit(sent.place).query).get("state", [""])[0]
        back = await town.browser.go(town.answer({**wanted, "state": state}))

        last = sent if name == "authorization_endpoint" else back
        assert last.place == "/login?error=unavailable"


async def test_more_groups_than_cookies_can_hold_are_refused_clearly(front: Front) -> None:
    many = Person(sub="many", name="Many", email="m@shop.example", groups=tuple(f"group-{n:040}" for n in range(200)))
    async with a_town(front.url) as town:
        front.show(town.here.app())
        town.issuer.people = (many,)

        assert (await town.sign_in("many")).place == "/login?error=too-long"


async def test_a_session_of_many_groups_is_kept_in_two_cookies_and_ends_with_both(front: Front) -> None:
    groups = tuple(f"group-{n:040}" for n in range(90))
    some = Person(sub="some", name="Some", email="s@shop.example", groups=groups)
    async with a_town(front.url) as town:
        front.show(town.here.app())
        town.issuer.people = (some,)
        await town.sign_in("some")

        me, kept = await town.browser.go("/api/v1/me"), sorted(town.browser.cookies)
        await town.browser.post("/logout")

        assert (len(me.said["groups"]), kept) == (91, ["rollout-session", "rollout-session-1"])
        assert town.browser.cookies == {}


async def test_signing_out_leads_to_the_issuer_where_it_has_a_place_for_that(town: Town) -> None:
    await town.sign_in()
    kept = dict(town.browser.cookies)

    out = await town.browser.post("/logout")
    town.browser.cookies = kept

    assert out.said["end"].startswith(f"{town.issuer.url}/end?client_id=rollout&post_logout_redirect_uri=http")
    assert (await town.browser.go("/api/v1/me")).code == 401


async def test_a_session_ends_with_its_life_however_busy(town: Town) -> None:
    await town.sign_in()
    for _ in range(15):
        town.here.clock.advance(LIFE / 16)
        await town.browser.go("/api/v1/me")
    before = await town.browser.go("/api/v1/me")
    town.here.clock.advance(LIFE / 16)

    assert (before.code, (await town.browser.go("/api/v1/me")).code) == (200, 401)


async def test_a_session_of_another_issuer_counts_no_more(town: Town, front: Front) -> None:
    await town.sign_in()
    async with a_town(front.url, keys=town.here.keys) as moved:
        front.show(moved.here.app())

        assert (await town.browser.go("/api/v1/me")).code == 401


async def test_the_ways_to_sign_in_are_told_to_everybody(town: Town) -> None:
    ways = await town.browser.go("/api/v1/login")

    assert ways.said == {"open": False, "token": False, "issuer": town.issuer.url, "proxy": False}


async def test_guesses_at_the_way_back_are_bounded(town: Town) -> None:
    for _ in range(MOST_PER_MINUTE):
        await town.to_issuer()
        await town.browser.go("/login/callback?code=x&state=x")

    await town.to_issuer()
    full = await town.browser.go("/login/callback?code=x&state=x")
    town.here.clock.advance(timedelta(minutes=1))

    assert (full.place, (await town.sign_in()).place) == ("/login?error=too-many", "/")


async def test_without_an_issuer_there_is_no_way_to_one(front: Front) -> None:
    async with a_town(front.url) as town:
        town.here.issuing, town.here.issuer, town.here.tokens = None, "", True
        front.show(town.here.app())

        answers = [await town.browser.go(path) for path in ("/login/issuer", "/login/callback")]

        assert [json.loads(one.text)["detail"].split(";")[0] for one in answers] == ["there is no issuer here"] * 2
