"""Who is it that brings a token, and may he ask?"""

from typing import Any

import pytest

from adapters.memory.tokens import MemoryTokens
from tests.support.asgi import Answer
from tests.support.builders import NOON
from tests.support.hooked import Desk, a_callback, a_desk, body_of

ISSUER = {
    "issuer": "https://issuer.example",
    "audience": "rollout",
    "claims": {"repository": "shop/checkout", "run": "7"},
}
CLAIMS: dict[str, Any] = {
    "iss": "https://issuer.example",
    "aud": "rollout",
    "sub": "repo:shop/checkout:ref:refs/heads/main",
    "exp": NOON.timestamp() + 300,
    "iat": NOON.timestamp(),
    "jti": "token-1",
    "repository": "shop/checkout",
    "run": 7,
}


def a_believer(**spec: Any) -> dict[str, Any]:
    """Receiver shop/ci of tokens, without any Secret."""
    return a_callback(proof="oidc", oidc=ISSUER, **spec)[0]


async def brought(desk: Desk, token: str, body: bytes | None = None) -> Answer:
    return await desk.post(desk.path(), body or body_of(), {"authorization": f"Bearer {token}"})


async def test_a_pipeline_with_a_token_needs_no_secret() -> None:
    tokens = MemoryTokens()

    async with a_desk(a_believer(), tokens=tokens) as desk:
        answer = await brought(desk, tokens.issue(CLAIMS))

        (command,) = desk.commands()
        assert answer.code == 202
        assert command["spec"]["actor"] == {
            "user": "repo:shop/checkout:ref:refs/heads/main",
            "groups": [],
            "realm": "oidc",
            "vouched": "shop",
        }


async def test_groups_and_a_verified_address_are_what_the_token_says() -> None:
    tokens = MemoryTokens()
    more = {"groups": ["release", "b", 7, "", "b"], "email": "Ana@Shop.example", "email_verified": True}

    async with a_desk(a_believer(), tokens=tokens) as desk:
        await brought(desk, tokens.issue(CLAIMS | more))

        actor = desk.commands()[0]["spec"]["actor"]
        assert (actor["groups"], actor["email"]) == (["b", "release"], "ana@shop.example")


@pytest.mark.parametrize("verified", [None, False, "true", 1])
async def test_an_address_that_nobody_verified_is_nobodys(verified: object) -> None:
    tokens = MemoryTokens()
    more = {"email": "ana@shop.example", "email_verified": verified}
    grants = [{"verbs": ["approve"], "who": {"emails": ["ana@shop.example"]}}]

    async with a_desk(a_believer(grants=grants), tokens=tokens) as desk:
        assert (await brought(desk, tokens.issue(CLAIMS | more))).code == 403


@pytest.mark.parametrize(
    ("groups", "code"), [(["release"], 202), ("release", 202), (["dev"], 403), ({"release": 1}, 403)]
)
async def test_a_grant_to_a_group_is_for_those_in_it(groups: object, code: int) -> None:
    tokens = MemoryTokens()
    grants = [{"verbs": ["approve"], "who": {"oidcGroups": ["release"]}}]
    oidc = {**ISSUER, "groupsClaim": "teams"}
    believer = a_callback(proof="oidc", oidc=oidc, grants=grants)[0]

    async with a_desk(believer, tokens=tokens) as desk:
        assert (await brought(desk, tokens.issue(CLAIMS | {"teams": groups}))).code == code


@pytest.mark.parametrize(
    "changes",
    [
        {"repository": "theirs/checkout"},
        {"repository": None},
        {"repository": ["shop/checkout"]},
        {"run": 7.0},
        {"run": True},
        {"aud": "another"},
        {"iss": "https://another.example"},
        {"exp": NOON.timestamp()},
        {"sub": ""},
        {"sub": "a\nb"},
        {"sub": "x" * 513},
    ],
)
async def test_a_token_of_the_issuer_that_says_something_else_is_not_believed(changes: dict[str, Any]) -> None:
    tokens = MemoryTokens()

    async with a_desk(a_believer(), tokens=tokens) as desk:
        answer = await brought(desk, tokens.issue(CLAIMS | changes))

        assert (answer.code, answer.text) == (401, "")


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer guess", "Basic YTpi", "bearer"])
async def test_without_a_token_nobody_is_anybody(header: str) -> None:
    async with a_desk(a_believer()) as desk:
        assert (await desk.post(desk.path(), body_of(), {"authorization": header})).code == 401


async def test_a_token_counts_once() -> None:
    tokens = MemoryTokens()
    first, nameless = tokens.issue(CLAIMS), tokens.issue({**CLAIMS, "jti": ""})

    async with a_desk(a_believer(), tokens=tokens) as desk:
        codes = [(await brought(desk, token)).code for token in (first, first, nameless, nameless)]
        again = await brought(desk, tokens.issue(CLAIMS))

        assert [*codes, again.code] == [202, 401, 202, 401, 401]


async def test_a_token_whose_demand_was_refused_may_be_brought_again() -> None:
    tokens = MemoryTokens()
    token = tokens.issue(CLAIMS)

    async with a_desk(a_believer(), tokens=tokens) as desk:
        stale = await brought(desk, token, body_of(run=2))

        assert (stale.code, (await brought(desk, token)).code) == (409, 202)


async def test_an_issuer_that_cannot_be_asked_is_no_refusal() -> None:
    tokens = MemoryTokens()
    token = tokens.issue(CLAIMS)
    tokens.fail("down")

    async with a_desk(a_believer(), tokens=tokens) as desk:
        answer = await brought(desk, token)

        assert (answer.code, answer.headers["retry-after"]) == (503, "5")
