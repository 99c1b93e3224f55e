"""What may be read and asked for over HTTP, by whom, and what is refused?"""

import json
from datetime import timedelta
from ipaddress import ip_network
from typing import Any

import pytest

from rollout.model.names import Key
from rollout.web.callers import Proxy
from tests.support.web import a_front, may
from tests.unit.conftest import Front

pytestmark = pytest.mark.asyncio(loop_scope="module")

CHECKOUT, CART, BANK = (
    Key(namespace=space, name=name) for space, name in (("shop", "checkout"), ("shop", "cart"), ("pay", "bank"))
)
ONE = "/api/v1/rollouts/shop/checkout"
COMMANDS, MOVES = f"{ONE}/commands", "/api/v1/meshmigrations/to-strict/commands"
OURS = {"X-Rollout-Request": "1", "Content-Type": "application/json"}
SEEN = {"run": 1, "step": 1, "revision": "v2"}
LISTS_ALL = may("ana", "list", namespace="") | may("ana", "list", namespace="", kind="MeshMigration")
PROXY = Proxy(networks=(ip_network("127.0.0.1/32"),), user="X-Forwarded-User", groups="X-Forwarded-Groups")


def as_(user: str, **more: str) -> dict[str, str]:
    """A request of this user."""
    return {"Authorization": f"Bearer {user}", **more}


def body(**said: Any) -> bytes:
    """As JSON."""
    return json.dumps(said).encode()


async def test_whoever_may_list_everywhere_sees_all_rollouts_by_name(front: Front) -> None:
    app = a_front(CHECKOUT, CART, BANK, rights=LISTS_ALL).app()

    code, text = await front.ask(app, "/api/v1/rollouts", headers=as_("ana"))

    page = json.loads(text)
    assert code == 200
    assert [item["name"] for item in page["items"]] == ["bank", "cart", "checkout"]
    assert (page["total"], page["continue"]) == (3, "")
    assert (page["items"][2]["phase"], page["items"][2]["revision"], page["items"][2]["weight"]) == (
        "Progressing",
        "v2",
        5,
    )


async def test_others_see_the_namespaces_in_which_they_may_list(front: Front) -> None:
    app = a_front(CHECKOUT, BANK, rights=may("bo", "list", namespace="pay")).app()

    _, text = await front.ask(app, "/api/v1/rollouts", headers=as_("bo"))
    code, refused = await front.ask(app, ONE, headers=as_("bo"))

    assert [item["name"] for item in json.loads(text)["items"]] == ["bank"]
    assert (code, "bo may not list Rollouts in shop" in refused) == (403, True)


async def test_a_long_list_comes_in_pages_and_keeps_its_place_when_rows_come_and_go(front: Front) -> None:
    keys = [Key(namespace="shop", name=f"app-{number:03}") for number in range(7)]
    here = a_front(*keys, rights=LISTS_ALL)
    _, first = await front.ask(here.app(), "/api/v1/rollouts?limit=3", headers=as_("ana"))
    del here.fleet.stored[keys[1]]

    _, second = await front.ask(
        here.app(), f"/api/v1/rollouts?limit=3&continue={json.loads(first)['continue']}", headers=as_("ana")
    )

    assert [item["name"] for item in json.loads(second)["items"]] == ["app-003", "app-004", "app-005"]
    assert json.loads(second)["continue"] == "shop/app-005"


async def test_pages_miss_no_namespace_whose_name_goes_on_where_another_ends(front: Front) -> None:
    keys = [Key(namespace=space, name="app") for space in ("shop", "shop-test", "shop.old")]
    app, after = a_front(*keys, rights=LISTS_ALL).app(), ""
    seen: list[str] = []

    while after or not seen:
        _, text = await front.ask(app, f"/api/v1/rollouts?limit=1&continue={after}", headers=as_("ana"))
        seen += [item["namespace"] for item in json.loads(text)["items"]]
        after = json.loads(text)["continue"]

    assert sorted(seen) == ["shop", "shop-test", "shop.old"]


async def test_a_page_reads_no_rollout_of_another_one(front: Front) -> None:
    keys = [Key(namespace="shop", name=f"app-{number}") for number in range(7)]
    here = a_front(*keys, rights=LISTS_ALL)

    await front.ask(here.app(), "/api/v1/rollouts?limit=3", headers=as_("ana"))

    assert here.fleet.read == keys[:3]


async def test_a_rollout_is_shown_with_its_status_and_spec(front: Front) -> None:
    app = a_front(CHECKOUT, rights=LISTS_ALL).app()

    code, text = await front.ask(app, ONE, headers=as_("ana"))

    shown = json.loads(text)
    assert (code, shown["status"]["phase"], shown["spec"]) == (200, "Progressing", {"revision": "v2"})


async def test_what_is_not_there_is_not_found(front: Front) -> None:
    app = a_front(rights=LISTS_ALL).app()

    code, text = await front.ask(app, ONE, headers=as_("ana"))

    assert (code, "shop/checkout" in text) == (404, True)


async def test_migrations_are_shown_to_whoever_may_list_them(front: Front) -> None:
    app = a_front(rights=LISTS_ALL | may("bo", "list", namespace="shop")).app()

    shown = [json.loads((await front.ask(app, "/api/v1/meshmigrations", headers=as_(who)))[1]) for who in ("ana", "bo")]

    assert [one["stage"] for one in shown[0]["items"][0]["namespaces"]] == ["FallenBack"]
    assert shown[1] == {"items": []}


async def test_an_order_is_recorded_in_the_callers_name_and_bound_to_what_he_saw(front: Front) -> None:
    here = a_front(CHECKOUT, rights=may("ana", "approve", name="checkout"))

    code, text = await front.ask(here.app(), COMMANDS, "POST", body(verb="approve", **SEEN), as_("ana", **OURS))

    (command,) = here.written.objects
    assert (code, json.loads(text)) == (202, {"command": "command-0", "namespace": "shop"})
    assert command["spec"]["actor"] == {"user": "ana", "groups": [], "proven": "token"}
    assert command["spec"] | SEEN | {"channel": "dashboard", "verb": "approve"} == command["spec"]


@pytest.mark.parametrize(
    ("said", "code", "words"),
    [
        ({"verb": "approve"}, 422, '"approve","run"'),
        ({"verb": "approve", "run": 1}, 422, '"approve","revision"'),
        ({"verb": "abort"}, 422, '"abort","run"'),
        ({"verb": "name-stable"}, 422, '"name-stable","backend"'),
        ({"verb": "approve", **SEEN, "run": 7}, 409, "look again"),
        ({"verb": "approve", **SEEN, "step": 2}, 409, "look again"),
        ({"verb": "approve", **SEEN, "revision": "v3"}, 409, "look again"),
        ({"verb": "pause", "run": 1}, 403, "ana has no right to pause Rollout shop/checkout"),
        ({"verb": "delete", "run": 1}, 422, "verb"),
        ({"verb": "approve", **SEEN, "extra": 1}, 422, "extra"),
        ({"verb": "approve", **SEEN, "step": "1"}, 422, "step"),
        ({"verb": "approve", **SEEN, "reason": "x" * 1025}, 422, "reason"),
    ],
)
async def test_an_order_is_refused_with_the_reason(front: Front, said: dict[str, Any], code: int, words: str) -> None:
    here = a_front(CHECKOUT, rights=may("ana", "approve", "abort", name="checkout"))

    answer, text = await front.ask(here.app(), COMMANDS, "POST", body(**said), as_("ana", **OURS))

    assert (answer, words in text, here.written.objects) == (code, True, [])


async def test_a_migration_is_steered_by_the_clusters_rules_too(front: Front) -> None:
    key = Key(namespace="rollout-system", name="to-strict")
    here = a_front(rights={("ana", "fallback", "MeshMigration", key)})

    codes = [
        (await front.ask(here.app(), MOVES, "POST", body(verb=verb, subject="shop"), as_("ana", **OURS)))[0]
        for verb in ("fallback", "rollback")
    ]

    assert codes == [202, 403]
    assert [obj["spec"]["subject"] for obj in here.written.objects] == ["shop"]


async def test_what_became_of_a_command_is_told_for_its_own_rollout_only(front: Front) -> None:
    here = a_front(CHECKOUT, CART, rights=LISTS_ALL | may("ana", "list", namespace="", kind="RolloutCommand"))
    spec = {
        "target": {"kind": "Rollout", "name": "checkout"},
        "verb": "abort",
        "actor": {"user": "ana"},
        "channel": "dashboard",
    }
    meta = {"name": "one", "namespace": "shop"}
    status = {"result": "Accepted", "message": "run 1 goes back to v1", "handledAt": "2026-11-21T12:00:00Z"}
    kind = {"apiVersion": "rollout.dev/v1alpha1", "kind": "RolloutCommand"}
    here.cluster.seed({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}})
    here.cluster.seed({**kind, "metadata": meta, "spec": spec, "status": status})

    code, text = await front.ask(here.app(), f"{COMMANDS}/one", headers=as_("ana"))
    other, _ = await front.ask(here.app(), "/api/v1/rollouts/shop/cart/commands/one", headers=as_("ana"))

    assert (code, json.loads(text)["result"], other) == (200, "Accepted", 404)


@pytest.mark.parametrize("token", ["", "nobody", "x" * 20_000])
async def test_a_token_that_the_cluster_does_not_know_opens_nothing(front: Front, token: str) -> None:
    app = a_front(CHECKOUT, rights=LISTS_ALL).app()

    code, _ = await front.ask(app, "/api/v1/rollouts", headers={"Authorization": f"Bearer {token}"} if token else None)

    assert code == 401


async def test_a_token_that_was_taken_back_is_not_believed_for_longer_than_ten_seconds(front: Front) -> None:
    here = a_front(CHECKOUT, rights=LISTS_ALL)
    app = here.app()
    await front.ask(app, "/api/v1/rollouts", headers=as_("ana"))
    here.reviews.rights.clear()
    at_once, _ = await front.ask(app, "/api/v1/me", headers=as_("ana"))
    here.clock.advance(timedelta(seconds=10))

    later, _ = await front.ask(app, "/api/v1/me", headers=as_("ana"))

    assert (at_once, later) == (200, 401)


async def test_without_authentication_everybody_here_reads_and_nobody_asks_for_anything(front: Front) -> None:
    here = a_front(CHECKOUT, tokens=False)

    read, me = [await front.ask(here.app(), path) for path in ("/api/v1/rollouts", "/api/v1/me")]
    code, text = await front.ask(here.app(), COMMANDS, "POST", body(verb="abort", run=1), OURS)

    nobody: dict[str, Any] = {"user": None, "groups": [], "open": True, "way": None, "until": None}
    assert (read[0], json.loads(me[1])) == (200, nobody)
    assert (code, "--api-tokens" in text, here.written.objects) == (401, True, [])


async def test_a_trusted_proxy_says_who_it_is_and_an_untrusted_address_does_not(front: Front) -> None:
    said = {"X-Forwarded-User": "ana", "X-Forwarded-Groups": "devs, release-managers"}
    elsewhere = Proxy(networks=(ip_network("10.0.0.0/8"),), user=PROXY.user, groups=PROXY.groups)

    trusted = await front.ask(a_front(tokens=False, proxy=PROXY).app(), "/api/v1/me", headers=said)
    untrusted = await front.ask(a_front(tokens=False, proxy=elsewhere).app(), "/api/v1/me", headers=said)

    ana = {"user": "ana", "groups": ["devs", "release-managers"], "open": False, "way": "proxy", "until": None}
    assert json.loads(trusted[1]) == ana
    assert untrusted[0] == 401


async def test_a_forwarded_address_makes_nobody_the_proxy(front: Front) -> None:
    elsewhere = Proxy(networks=(ip_network("10.0.0.0/8"),), user=PROXY.user, groups=PROXY.groups)
    said = {"X-Forwarded-User": "ana", "X-Forwarded-For": "10.0.0.1", "X-Real-IP": "10.0.0.1"}

    code, _ = await front.ask(a_front(tokens=False, proxy=elsewhere).app(), "/api/v1/me", headers=said)

    assert code == 401


@pytest.mark.parametrize(
    ("headers", "words"),
    [
        ({"Content-Type": "application/json"}, "has the header X-Rollout-Request"),
        ({**OURS, "Sec-Fetch-Site": "cross-site"}, "another origin"),
        ({**OURS, "Sec-Fetch-Site": "same-site"}, "another origin"),
    ],
)
async def test_a_page_of_another_origin_can_ask_for_nothing(front: Front, headers: dict[str, str], words: str) -> None:
    here = a_front(CHECKOUT, rights=may("ana", "abort", name="checkout"), proxy=PROXY)

    code, text = await front.ask(
        here.app(), COMMANDS, "POST", body(verb="abort", run=1), {"X-Forwarded-User": "ana", **headers}
    )

    assert (code, words in text, here.written.objects) == (403, True, [])


@pytest.mark.parametrize(("host", "code"), [("localhost:8080", 200), ("rebound.example", 421), ("[::1]:8080", 200)])
async def test_a_name_that_was_made_to_point_here_is_not_answered(front: Front, host: str, code: int) -> None:
    app = a_front(CHECKOUT, tokens=False, hosts=("localhost", "127.0.0.1", "::1")).app()

    assert (await front.ask(app, "/api/v1/rollouts", headers={"Host": host}))[0] == code


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
async def test_nothing_else_is_taken(front: Front, method: str) -> None:
    app = a_front(CHECKOUT, rights=LISTS_ALL).app()

    assert (await front.ask(app, ONE, method, b"", as_("ana", **OURS)))[0] == 405


async def test_whoever_has_no_right_does_not_even_learn_what_is_there(front: Front) -> None:
    here = a_front(CHECKOUT, rights=may("bo", "list"))
    nothing = "/api/v1/rollouts/shop/nothing/commands"

    answers = [
        await front.ask(here.app(), path, "POST", body(verb="abort", run=9), as_("bo", **OURS))
        for path in (COMMANDS, nothing)
    ]

    assert [code for code, _ in answers] == [403, 403]


async def test_every_answer_lets_a_browser_do_nothing_of_other_origins(front: Front) -> None:
    app = a_front(CHECKOUT, rights=LISTS_ALL).app()
    paths = ("/api/v1/rollouts", "/nothing", "/openapi.json")

    for path in paths:
        headers = await front.headers(app, path, as_("ana"))

        assert "script-src 'self'" in headers["Content-Security-Policy"]
        assert "unsafe" not in headers["Content-Security-Policy"]
        assert (headers["X-Content-Type-Options"], headers["Cache-Control"]) == ("nosniff", "no-store")
        assert "Access-Control-Allow-Origin" not in headers


async def test_an_open_page_hears_what_changes_that_its_caller_may_see(front: Front) -> None:
    here = a_front(CHECKOUT, BANK, rights=may("ana", "list", namespace="shop"))

    async with front.stream(here.app(), "/api/v1/changes", as_("ana")) as lines:
        first = [await anext(lines) for _ in range(3)]
        here.feed.tell("Rollout", BANK)
        here.feed.tell("Rollout", CHECKOUT)
        second = [await anext(lines) for _ in range(3)]

    assert first == ["event: reset", "data: {}", ""]
    assert second == ["event: rollout", 'data: {"namespace": "shop", "name": "checkout"}', ""]


async def test_nothing_of_a_body_is_read_before_its_sender_is_known(front: Front) -> None:
    app = a_front(CHECKOUT).app()

    unknown, _ = await front.ask(app, COMMANDS, "POST", b"no JSON", as_("nobody", **OURS))
    too_long, _ = await front.ask(app, COMMANDS, "POST", b" " * 70_000, as_("nobody", **OURS))

    assert (unknown, too_long) == (401, 413)
