"""Who may change what by which route? Every route that changes something, every way to come to it, every verb and namespace.

The routes are those of the apps as they are wired: one without rows here fails. Whoever is not listed is refused.
"""

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from itertools import product
from typing import Any

import pytest
import pytest_asyncio

from rollout.demo.slack import TEAM
from rollout.model.commands import Verb
from tests.support.asgi import Answer
from tests.support.every_door import MOVED, WAITING, WHSEC, EveryDoor, every_door, order_of
from tests.support.git_knocks import HOSTS
from tests.support.hooked import signed
from tests.support.receivers import HOME
from tests.support.slack import ANA, BEA, GUS, SECRET
from tests.support.slack_knocks import VALUE, form, headers_of, payload, typed

pytestmark = pytest.mark.asyncio(loop_scope="module")

ORDERS, MOVES = "POST /api/v1/rollouts/{namespace}/{name}/commands", "POST /api/v1/meshmigrations/{name}/commands"
SOURCES = "POST /api/v1/gitsources/{namespace}/{name}/commands"
SIGN_IN, SIGN_OUT = "POST /login/token", "POST /logout"
GIT, CALLBACKS, SLACK = (f"POST /hooks/{route}/{{path}}" for route in ("git", "callbacks", "slack"))
SPACES = ("shop", "stock", HOME)  # in the controller's namespace it is the MeshMigration that is asked for
Come = Callable[[EveryDoor, Verb, str], Awaitable[Answer]]


OURS = {"content-type": "application/json", "x-rollout-request": "1"}


async def ordered(door: EveryDoor, verb: Verb, space: str, headers: dict[str, str]) -> Answer:
    """What the API says to an order of a Rollout, or of the MeshMigration."""
    if space == HOME:
        path, body = f"/api/v1/meshmigrations/{MOVED.name}/commands", order_of_a_move(verb)
    else:
        path, body = f"/api/v1/rollouts/{space}/checkout/commands", order_of(verb)
    return await door.ask(path, body, {name: text for name, text in headers.items() if text})


def by_token(token: str, **more: str) -> Come:
    """At the API, with a bearer token of the cluster; "" for none."""
    proof = {"authorization": f"Bearer {token}"} if token else {}

    async def come(door: EveryDoor, verb: Verb, space: str) -> Answer:
        return await ordered(door, verb, space, {**OURS, **proof, **more})

    return come


def by_source(token: str, **more: str) -> Come:
    """At the API for a GitSource, with a bearer token; "" for none."""
    proof = {"authorization": f"Bearer {token}"} if token else {}

    async def come(door: EveryDoor, verb: Verb, space: str) -> Answer:
        body = json.dumps({"verb": verb.value, "commit": WAITING}).encode()
        return await door.ask(f"/api/v1/gitsources/{space}/specs/commands", body, {**OURS, **proof, **more})

    return come


async def signed_in(door: EveryDoor, **more: str) -> Answer:
    """What ana's browser is told who signs in with a token of the cluster."""
    return await door.ask("/login/token", b'{"token": "ana"}', {**OURS, **more})


def by_session(more: Mapping[str, str] = {}, *, leaves: bool = False) -> Come:
    """At the API, with the cookie of ana's browser; leaves: after she has signed out."""

    async def come(door: EveryDoor, verb: Verb, space: str) -> Answer:
        cookie = {"cookie": (await signed_in(door)).headers["set-cookie"].partition(";")[0]}
        if leaves:
            assert (await door.ask("/logout", b"{}", {**OURS, **cookie})).code == 200
        return await ordered(door, verb, space, {**OURS, **cookie, **more})

    return come


def by_signing(path: str, **more: str) -> Come:
    """Signs in or out, and says besides what an order would say."""

    async def come(door: EveryDoor, verb: Verb, space: str) -> Answer:
        said = json.loads(order_of(verb)) | {"namespace": space}
        body = {"token": "ana"} if path == "/login/token" else said
        return await door.ask(path, json.dumps(body).encode(), {**OURS, **more})

    return come


def order_of_a_move(verb: Verb) -> bytes:
    return json.dumps({"verb": verb.value, "subject": "shop", "reason": "because"}).encode()


def callback_of(verb: Verb, space: str, reason: str) -> bytes:
    """What a pipeline asks for."""
    move = {"target": {"kind": "MeshMigration", "name": MOVED.name}, "subject": "core"}
    step = {"run": 1, "step": 1, "revision": "v2", "template": "t-v2"}
    target = {"target": {"namespace": space, "name": "checkout"}, **step}
    return json.dumps({"verb": verb.value, "reason": reason, **(move if space == HOME else target)}).encode()


def by_secret(receiver: str, namespace: str = "shop", secret: bytes | None = WHSEC) -> Come:
    """At a Receiver of callbacks, with this secret; None for no proof at all."""

    async def come(door: EveryDoor, verb: Verb, space: str) -> Answer:
        fresh = door.fresh()
        body = callback_of(verb, space, fresh)
        proof = signed(body, delivery=fresh, secret=secret) if secret else {}
        return await door.ask(door.path("callbacks", receiver, namespace), body, proof)

    return come


def by_issuer(**claims: Any) -> Come:
    """At a Receiver of tokens, with one of its issuer that says this."""

    async def come(door: EveryDoor, verb: Verb, space: str) -> Answer:
        fresh = door.fresh()
        token = {"authorization": f"Bearer {door.issuer.token(jti=fresh, **claims)}"}
        return await door.ask(door.path("callbacks", "tokens"), callback_of(verb, space, fresh), token)

    return come


def by_slack(user: str, secret: str = SECRET, team: str = TEAM) -> Come:
    """At a Receiver of Slack: a button where Slack has one for the verb, else what is typed."""

    async def come(door: EveryDoor, verb: Verb, space: str) -> Answer:
        trigger = f"{door.fresh()}.1.a"
        value, who = {**VALUE, "ns": space, "v": verb.value}, {"id": user, "team_id": team}
        if verb in (Verb.APPROVE, Verb.REJECT, Verb.ABORT):
            body = form(payload(value, user=who, team={"id": team}, trigger_id=trigger))
        else:
            body = typed(f"{verb.value} {space}/checkout", user_id=user, team_id=team, trigger_id=trigger)
        return await door.ask(door.path("slack", "slack"), body, headers_of(body, secret=secret))

    return come


def by_git(secret: bytes) -> Come:
    """At a Receiver of a git host, with what a pipeline would ask for in the body."""

    async def come(door: EveryDoor, verb: Verb, space: str) -> Answer:
        fresh = door.fresh()
        body = callback_of(verb, space, fresh)
        return await door.ask(door.path("git", "git"), body, HOSTS["github"].sign(body, fresh, door.now, secret))

    return come


def pairs(verbs: Iterable[Verb], *spaces: str) -> set[tuple[Verb, str]]:
    """Each of the verbs in each of the namespaces."""
    return set(product(verbs, spaces))


NOTHING: set[tuple[Verb, str]] = set()
BOTH = (Verb.APPROVE, Verb.ABORT)
FOREIGN = {"sec-fetch-site": "cross-site"}
# By route, and by the way somebody comes to it: all that is recorded. Every other verb and namespace is refused.
TABLE: dict[str, dict[str, tuple[Come, set[tuple[Verb, str]]]]] = {
    ORDERS: {
        "nobody": (by_token(""), NOTHING),
        "a token that nobody gave out": (by_token("guess"), NOTHING),
        "ana": (by_token("ana"), pairs(BOTH, "shop") | {(Verb.FALLBACK, HOME)}),
        "ana by a page of somebody else": (by_token("ana", **FOREIGN), NOTHING),
        "ana without our header": (by_token("ana", **{"x-rollout-request": ""}), NOTHING),
        "bob": (by_token("bob"), NOTHING),
        "ana's browser": (by_session(), pairs(BOTH, "shop") | {(Verb.FALLBACK, HOME)}),
        "ana's browser by a page of somebody else": (by_session(FOREIGN), NOTHING),
        "ana's browser without our header": (by_session({"x-rollout-request": ""}), NOTHING),
        "ana's browser that has signed out": (by_session(leaves=True), NOTHING),
        "a cookie that nobody sealed": (by_token("", cookie="rollout-session=ana"), NOTHING),
        "a header of a proxy that is none": (by_token("", **{"x-forwarded-user": "ana"}), NOTHING),
    },
    SOURCES: {
        "nobody": (by_source(""), NOTHING),
        "ana": (by_source("ana"), {(Verb.CONFIRM, "shop")}),
        "ana by a page of somebody else": (by_source("ana", **FOREIGN), NOTHING),
        "bob": (by_source("bob"), NOTHING),
    },
    CALLBACKS: {
        "a machine of shop": (by_secret("ci"), pairs(BOTH, "shop")),
        "a machine of the controller's namespace": (
            by_secret("ci", HOME, WHSEC[:-8] + b"b3duZXI="),
            pairs(BOTH, "stock", HOME),
        ),
        "a machine of shop at the other's door": (by_secret("ci", HOME), NOTHING),
        "a guess": (by_secret("ci", secret=b"whsec_Z3Vlc3M="), NOTHING),
        "nobody": (by_secret("ci", secret=None), NOTHING),
        "a token of the issuer": (by_issuer(), pairs(BOTH, "shop")),
        "a token for another's repository": (by_issuer(repository="theirs/checkout"), NOTHING),
        "a token for another audience": (by_issuer(aud="theirs"), NOTHING),
    },
    SLACK: {
        "ana": (by_slack(ANA), pairs((*BOTH, Verb.PAUSE), "shop")),
        "bea, whom no grant names": (by_slack(BEA), NOTHING),
        "gus, a guest": (by_slack(GUS), NOTHING),
        "ana's id in another workspace": (by_slack(ANA, team="T0ELSE"), NOTHING),
        "not Slack": (by_slack(ANA, secret="guess"), NOTHING),
    },
    GIT: {
        "the host": (by_git(b"open sesame"), NOTHING),
        "not the host": (by_git(b"guess"), NOTHING),
    },
}
TABLE |= {  # they change nothing but the cookie of whoever asks
    SIGN_IN: {"ana": (by_signing("/login/token"), NOTHING)},
    SIGN_OUT: {"whoever": (by_signing("/logout"), NOTHING)},
}
TABLE[MOVES] = TABLE[ORDERS]  # the same ways; the namespace says which of the two routes is asked
WAYS = [(route, way) for route, ways in TABLE.items() for way in ways if route != MOVES]
# What is heard and records nothing: a source is looked at, a session begins or ends, or Slack takes no other answer.
HEARD = {(GIT, "the host"): 202, (SIGN_IN, "ana"): 204, (SIGN_OUT, "whoever"): 200}
REFUSED = {401, 403, 422}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def door() -> AsyncIterator[EveryDoor]:
    """One for all rows: nothing reconciles, so no request changes what another one finds."""
    async with every_door() as made:
        yield made


async def test_every_route_that_changes_something_has_its_rows(door: EveryDoor) -> None:
    assert door.routes() == set(TABLE)


@pytest.mark.parametrize(("route", "way"), WAYS)
async def test_by_every_route_what_is_listed_is_recorded_and_nothing_else(
    door: EveryDoor, route: str, way: str
) -> None:
    come, allowed = TABLE[route][way]
    recorded: list[tuple[Verb, str]] = []
    codes: set[int] = set()

    for verb, space in product(Verb, SPACES):
        before = {one["metadata"]["uid"] for one in door.commands()}
        code = (await come(door, verb, space)).code
        new = [one for one in door.commands() if one["metadata"]["uid"] not in before]
        assert all((one["spec"]["verb"], one["metadata"]["namespace"]) == (verb, space) for one in new)
        recorded += [(verb, space)] * len(new)
        codes |= set() if new else {code}

    assert sorted(recorded) == sorted(allowed)
    assert codes <= REFUSED | {HEARD.get((route, way), 200 if route == SLACK else 401)}


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("route", TABLE)
async def test_by_no_other_method_anything_is_changed(door: EveryDoor, route: str, method: str) -> None:
    path = route.partition(" ")[2].format(namespace="shop", name="checkout", path=door.path("callbacks", "ci")[-64:])
    before = len(door.commands())

    answer = await door.ask(path, order_of(Verb.APPROVE), {**OURS, "authorization": "Bearer ana"}, method)

    assert (answer.code, len(door.commands())) == (405, before)
