"""Is nothing taken from a pipeline with a token but what is asked for, by a token of this issuer, for us, now, and once?

Real tokens of an issuer on this machine, signed with a real key; thousands of bodies and as many with one thing wrong.
"""

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

import jwt
import pytest

from adapters.oidc.issuers import Issuers
from adapters.oidc.tokens import OidcTokens
from tests.support.asgi import Answer
from tests.support.builders import NOON
from tests.support.callback_knocks import ASKED_WRONGLY, NOBODY, Sender, Wrong, a_sender, spoiled
from tests.support.git_knocks import noted
from tests.support.issuer import AUDIENCE, Issuer, an_issuer, keys_of
from tests.support.mutations import is_demand, mutated
from webhooks.knock import Refusal

COUNTS = pytest.mark.parametrize("count", [200, pytest.param(10_000, marks=pytest.mark.slow)])
OTHER_KEY, _ = keys_of("ES256")
ISSUERS: list[Issuer] = []  # the one of the present test


def a_token(sender: Sender, at: datetime = NOON, **changes: Any) -> str:
    return ISSUERS[-1].token(at, jti=sender.fresh(), **changes)


def by_token(sender: Sender, _: bytes, name: str, at: datetime, __: bytes) -> dict[str, str]:
    changes = {"iss": NOBODY} if name == "lost" else {}
    return {"authorization": f"Bearer {a_token(sender, at, **changes)}"}


@asynccontextmanager
async def a_pipeline(seed: int) -> AsyncIterator[Sender]:
    """Sends to Receivers of tokens of one issuer."""
    issuers = Issuers()
    async with an_issuer() as issuer:
        ISSUERS.append(issuer)
        believed = {"issuer": issuer.url, "audience": AUDIENCE, "claims": {"repository": "shop/checkout"}}
        async with a_sender(seed, by_token, OidcTokens(issuers), proof="oidc", oidc=believed) as sender:
            yield sender
        ISSUERS.pop()
        await issuers.close()


@COUNTS
async def test_with_a_good_token_only_what_is_so_may_be_asked_for(count: int) -> None:
    wrong: list[tuple[bytes, int]] = []
    codes: Counter[int] = Counter()

    async with a_pipeline(seed=17) as sender:
        with noted(sender.refused):
            for _ in range(count):
                body = mutated(sender.rng)
                code = (await sender.send(body)).code
                codes[code] += 1
                if (code == 202) is not is_demand(body):
                    wrong.append((body, code))

    assert wrong == []
    assert set(codes) == {202, 403, 404, 409, 422}


async def _with(sender: Sender, token: str) -> Answer:
    return await sender.send(headers={"authorization": f"Bearer {token}"})


async def signature(sender: Sender) -> Answer:
    token = a_token(sender)
    start = token.rindex(".") + 1
    at = sender.rng.randrange(start, len(token) - 2)
    other = sender.rng.choice([one for one in "ABCabc012" if one != token[at]])
    return await _with(sender, token[:at] + other + token[at + 1 :])


async def no_signature(sender: Sender) -> Answer:
    claims = ISSUERS[-1].claims(jti=sender.fresh())
    bare = jwt.encode(claims, "", "none", headers={"kid": "one"})
    return await _with(sender, sender.rng.choice((bare, a_token(sender).rpartition(".")[0], "", "a.b.c")))


async def key(sender: Sender) -> Answer:
    claims = ISSUERS[-1].claims(jti=sender.fresh())
    return await _with(
        sender, jwt.encode(claims, OTHER_KEY, "ES256", headers={"kid": sender.rng.choice(("one", "two"))})
    )


async def algorithm(sender: Sender) -> Answer:
    """The issuer's public key, taken for a shared secret."""
    public = ISSUERS[-1].published[0]["x"]
    claims = ISSUERS[-1].claims(jti=sender.fresh())
    return await _with(sender, jwt.encode(claims, public * 2, "HS256", headers={"kid": "one"}))


async def claims_changed(sender: Sender) -> Answer:
    head, _, signed = a_token(sender).split(".")
    _, body, _ = a_token(sender, sub="somebody else").split(".")
    return await _with(sender, f"{head}.{body}.{signed}")


async def audience(sender: Sender) -> Answer:
    return await _with(sender, a_token(sender, aud=sender.rng.choice(("another", None, ["a", "b"]))))


async def issuer(sender: Sender) -> Answer:
    return await _with(sender, a_token(sender, iss=sender.rng.choice(("https://another.example", None, ""))))


async def time(sender: Sender) -> Answer:
    off = timedelta(minutes=6, seconds=sender.rng.randint(0, 10**6)) * sender.rng.choice((1, -1))
    return await sender.send(at=NOON + off)


async def tenant(sender: Sender) -> Answer:
    """A good token of the same issuer, for another's repository."""
    other = sender.rng.choice(("theirs/checkout", "shop/checkout2", None, ["shop/checkout"], "Shop/checkout"))
    return await _with(sender, a_token(sender, repository=other))


async def subject(sender: Sender) -> Answer:
    return await _with(sender, a_token(sender, sub=sender.rng.choice((None, "", 7, "a\nb", "x" * 600))))


async def scheme(sender: Sender) -> Answer:
    token = a_token(sender)
    wrong: tuple[dict[str, str], ...] = (
        {"authorization": f"Basic {token}"},
        {"authorization": token},
        {"x-token": token},
        {},
    )
    return await sender.send(headers=sender.rng.choice(wrong))


async def twice(sender: Sender) -> Answer:
    header = ("authorization", f"Bearer {a_token(sender)}")
    return await sender.send(headers=(header, header))


async def replay(sender: Sender) -> Answer:
    token = a_token(sender)
    assert (await _with(sender, token)).code == 202
    if sender.rng.random() < 0.5:
        sender.desk.forget()
    return await _with(sender, token)


async def token_encoding(sender: Sender) -> Answer:
    token = a_token(sender)
    return await _with(sender, sender.rng.choice((token + "é", "\xff" + token, token.replace(".", ":"), token + ".")))


async def silent_issuer(sender: Sender) -> Answer:
    return await sender.send(name="lost")


FORGED: dict[Wrong, tuple[set[int], float]] = {
    way: ({401}, 1)
    for way in (
        *(signature, no_signature, key, algorithm, claims_changed, audience, issuer, time, tenant, subject, scheme),
        *(twice, replay, token_encoding),
    )
}
ONE_THING = FORGED | ASKED_WRONGLY | {silent_issuer: ({503}, 1)}


@COUNTS
async def test_with_one_thing_wrong_no_token_leads_to_anything_and_every_reason_occurs(count: int) -> None:
    async with a_pipeline(seed=19) as sender:
        wrong = await spoiled(sender, ONE_THING, count)
        kept = {(one["spec"]["verb"], one["spec"]["run"]) for one in sender.desk.commands()}

    assert wrong == []
    assert set(sender.refused) == {*Refusal} - {Refusal.STALE}  # a token that is over is like one that never counted
    assert kept == {("approve", 1)}
