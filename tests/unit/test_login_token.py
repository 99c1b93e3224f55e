"""How long does a session by a pasted token of the cluster last, and in whose browser?"""

from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path

import pytest
import pytest_asyncio

from adapters.kube.reviews import KubeReviews
from adapters.memory.access import User
from adapters.memory.cluster import DirectApi, MemoryCluster
from rollout.model.names import Key
from rollout.web.sealing import KeyFile
from rollout.web.signing_in import MOST_PER_MINUTE
from tests.support.builders import NOON
from tests.support.signing_in import OURS, Browser, Got
from tests.support.web import IDLE, LIFE, Front, a_front, may
from tests.unit.conftest import Front as Door

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.slow]

CHECKOUT = Key(namespace="shop", name="checkout")
COMMANDS = "/api/v1/rollouts/shop/checkout/commands"
ME = "/api/v1/me"
RIGHTS = may("ana", "list") | may("ana", "abort", name="checkout")
OLD, NEW = "o" * 32, "n" * 32


@pytest_asyncio.fixture(loop_scope="module")
async def here(front: Door) -> AsyncIterator[Front]:
    here = a_front(CHECKOUT, rights=RIGHTS)
    front.show(here.app())
    yield here


@pytest.fixture
def browser(front: Door) -> Browser:
    return Browser(url=front.url)


async def signed_in(browser: Browser, token: str = "ana") -> Got:
    return await browser.post("/login/token", token=token)


async def test_a_pasted_token_signs_in_and_acts_in_its_users_name(here: Front, browser: Browser) -> None:
    got = await signed_in(browser)

    me = (await browser.go(ME)).said
    asked = await browser.post(COMMANDS, verb="abort", run=1)

    assert (got.code, me["user"], me["way"]) == (204, "ana", "token")
    assert me["until"] == (NOON + IDLE).isoformat().replace("+00:00", "Z")
    assert (asked.code, here.written.objects[0]["spec"]["actor"]["user"]) == (202, "ana")


async def test_the_cookie_tells_nothing_and_is_no_scripts_to_read(here: Front, browser: Browser) -> None:
    (line,) = (await signed_in(browser)).set_cookies

    assert line.endswith("; Path=/; Max-Age=3600; HttpOnly; SameSite=Lax")
    assert line.startswith("rollout-session=")
    assert "ana" not in line


async def test_over_https_the_cookie_is_of_this_very_host_alone(front: Door) -> None:
    front.show(a_front(rights=RIGHTS, url="https://rollout.shop.example", hosts=("rollout.shop.example",)).app())
    browser = Browser(url=front.url, headers={"Host": "rollout.shop.example"})

    (line,) = (await browser.go("/login/token", "POST", b'{"token": "ana"}', **OURS)).set_cookies

    assert line.startswith("__Host-rollout-session=")
    assert line.endswith("; Path=/; Max-Age=3600; HttpOnly; SameSite=Lax; Secure")
    assert (await browser.go(ME)).code == 200


async def test_a_plain_cookie_counts_for_nothing_over_https(front: Door) -> None:
    here = a_front(rights=RIGHTS, url="https://rollout.shop.example")
    front.show(here.app())
    local = Browser(url=front.url)
    await signed_in(local)

    local.headers = {"Host": "rollout.shop.example"}

    assert (await local.go(ME)).code == 401


async def test_nobody_signs_in_where_others_could_read_along(front: Door) -> None:
    front.show(a_front(rights=RIGHTS).app())
    browser = Browser(url=front.url, headers={"Host": "rollout.shop.example"})

    got = await browser.go("/login/token", "POST", b'{"token": "ana"}', **OURS)

    assert (got.code, got.set_cookies, "HTTPS" in got.text) == (403, (), True)


async def test_a_token_that_the_cluster_does_not_know_signs_nobody_in(here: Front, browser: Browser) -> None:
    got = await signed_in(browser, "nobody")

    assert (got.code, got.set_cookies) == (401, ())


async def test_a_token_that_was_taken_back_ends_its_session_within_ten_seconds(here: Front, browser: Browser) -> None:
    await signed_in(browser)
    here.reviews.rights.clear()
    at_once = await browser.go(ME)
    here.clock.advance(timedelta(seconds=10))

    assert (at_once.code, (await browser.go(ME)).code) == (200, 401)


async def test_an_open_page_hears_no_more_once_its_token_was_taken_back(here: Front, browser: Browser) -> None:
    await signed_in(browser)
    here.reviews.rights.clear()
    here.clock.advance(timedelta(seconds=10))
    cookies = {"Cookie": f"rollout-session={browser.cookies['rollout-session']}"}
    here.reviews.rights |= RIGHTS
    door = Door()
    door.url = browser.url

    async with door.stream(here.app(), "/api/v1/changes", cookies) as lines:
        first = await anext(lines)
        here.reviews.rights.clear()
        here.clock.advance(timedelta(seconds=10))
        here.feed.tell("Rollout", CHECKOUT)
        rest = [line async for line in lines]

    assert (first, rest) == ("event: reset", ["data: {}", ""])


async def test_a_session_without_a_request_ends(here: Front, browser: Browser) -> None:
    await signed_in(browser)
    here.clock.advance(IDLE - timedelta(seconds=1))
    renewed = await browser.go(ME)
    here.clock.advance(IDLE - timedelta(seconds=1))
    again = await browser.go(ME)
    here.clock.advance(IDLE)

    assert (renewed.code, len(renewed.set_cookies), again.code) == (200, 1, 200)
    assert (await browser.go(ME)).code == 401


async def test_a_session_of_tomorrow_counts_for_nothing(front: Door, browser: Browser) -> None:
    first = a_front(rights=RIGHTS)
    front.show(first.app())
    first.clock.advance(timedelta(days=1))
    await signed_in(browser)

    front.show(a_front(rights=RIGHTS, keys=first.keys).app())

    assert (await browser.go(ME)).code == 401


async def test_a_cookie_is_not_written_anew_with_each_request(here: Front, browser: Browser) -> None:
    await signed_in(browser)
    here.clock.advance(timedelta(minutes=4))

    assert (await browser.go(ME)).set_cookies == ()


async def test_a_session_ends_with_its_life_whatever_the_browser_keeps(here: Front, browser: Browser) -> None:
    await signed_in(browser)
    for _ in range(15):
        here.clock.advance(LIFE / 16)
        await browser.go(ME)
    kept = dict(browser.cookies)
    here.clock.advance(LIFE / 16)
    browser.cookies = kept

    assert (await browser.go(ME)).code == 401


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text[:-1] + ("A" if text[-1] != "A" else "B"),
        lambda text: ("A" if text[0] != "A" else "B") + text[1:],
        lambda text: text[: len(text) // 2],
        lambda text: text + "AAAA",
        lambda _: "A" * 40,
        lambda _: "%%%",
        lambda _: "",
        lambda text: text + "; rollout-session=" + text,
    ],
)
async def test_a_cookie_that_is_not_as_we_gave_it_out_counts_for_nothing(
    here: Front, browser: Browser, change: Callable[[str], str]
) -> None:
    await signed_in(browser)

    browser.cookies["rollout-session"] = change(browser.cookies["rollout-session"])

    assert (await browser.go(ME)).code == 401


async def test_a_cookie_of_another_replica_counts_and_one_of_another_installation_does_not(front: Door) -> None:
    first, browser = a_front(rights=RIGHTS), Browser(url=front.url)
    front.show(first.app())
    await signed_in(browser)

    front.show(a_front(rights=RIGHTS, keys=first.keys).app())
    replica = await browser.go(ME)
    front.show(a_front(rights=RIGHTS).app())
    stranger = await browser.go(ME)

    assert (replica.code, stranger.code) == (200, 401)


async def test_a_new_key_signs_nobody_out_and_a_key_that_is_gone_does(front: Door, tmp_path: Path) -> None:
    file, browser = tmp_path / "keys", Browser(url=front.url)
    file.write_text(f"{OLD}\n")
    here = a_front(rights=RIGHTS, keys=KeyFile(file))
    front.show(here.app())
    await signed_in(browser)

    file.write_text(f"{NEW}\n{OLD}\n")
    rotated = await browser.go(ME)
    file.write_text(f"{NEW}\n")
    gone = await browser.go(ME)
    await signed_in(browser)

    assert (rotated.code, gone.code, (await browser.go(ME)).code) == (200, 401, 200)


async def test_whoever_signs_out_is_out_and_a_copy_of_his_cookie_with_him(here: Front, browser: Browser) -> None:
    await signed_in(browser)
    copy = Browser(url=browser.url, cookies=dict(browser.cookies))

    out = await browser.post("/logout")

    assert (out.code, out.said, browser.cookies) == (200, {"end": ""}, {})
    assert (await copy.go(ME)).code == 401


async def test_only_a_page_of_ours_signs_in_and_out(here: Front, browser: Browser) -> None:
    await signed_in(browser)

    codes = [
        (await browser.go(path, "POST", b"{}", **headers)).code
        for path in ("/login/token", "/logout")
        for headers in ({}, OURS | {"Origin": "https://evil.example"}, OURS | {"Sec-Fetch-Site": "cross-site"})
    ]

    assert codes == [403] * 6
    assert (await browser.go(ME)).code == 200


async def test_guesses_are_bounded_and_right_tokens_cost_none(here: Front, browser: Browser) -> None:
    for _ in range(MOST_PER_MINUTE + 5):
        assert (await signed_in(browser)).code == 204
    codes = [(await signed_in(browser, f"guess-{number}")).code for number in range(MOST_PER_MINUTE + 1)]
    here.clock.advance(timedelta(minutes=1))

    assert codes == [401] * MOST_PER_MINUTE + [429]
    assert (await signed_in(browser)).code == 204


async def test_where_tokens_are_not_taken_nobody_signs_in_by_one(front: Door, browser: Browser) -> None:
    first = a_front(rights=RIGHTS)
    front.show(first.app())
    await signed_in(browser)
    front.show(a_front(rights=RIGHTS, tokens=False, issuer="https://id.example", keys=first.keys).app())

    assert (await signed_in(browser)).code == 404
    assert (await browser.go(ME)).code == 401


async def test_a_token_that_is_too_long_for_a_browser_is_refused(here: Front, browser: Browser) -> None:
    longest = "x" * 5500
    here.reviews.rights |= may(longest, "list")

    fits, longer = await signed_in(browser, longest), await signed_in(browser, longest + "x")

    assert (fits.code, len(fits.set_cookies), longer.code) == (204, 2, 422)
    assert (await browser.go(ME)).said["user"] == longest


async def test_the_cluster_itself_is_asked_whose_token_it_is(front: Door, browser: Browser) -> None:
    cluster = MemoryCluster.with_kinds()
    cluster.tokens["a-token"] = User(name="system:serviceaccount:shop:ana", groups=("system:serviceaccounts",))
    front.show(a_front(asked=KubeReviews(DirectApi(cluster))).app())

    got = [(await signed_in(browser, token)).code for token in ("another", "a-token")]

    me = (await browser.go(ME)).said
    assert (got, me["user"], me["groups"]) == (
        [401, 204],
        "system:serviceaccount:shop:ana",
        ["system:serviceaccounts"],
    )
