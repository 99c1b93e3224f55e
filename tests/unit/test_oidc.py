"""Whose tokens are believed, and how are an issuer's keys had?"""

import base64
import hmac
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import jwt
import pytest
import pytest_asyncio

from adapters.oidc.issuers import FRESH_FOR, RENEWED_AT_MOST_EVERY, USABLE_FOR, Issuers
from adapters.oidc.tokens import OidcTokens
from rollout.ports.errors import Rejected, Unreachable
from tests.support.builders import NOON
from tests.support.issuer import AUDIENCE, Issuer, an_issuer, keys_of


@dataclass(slots=True, kw_only=True)
class Gate:
    """An issuer, and who believes it."""

    issuer: Issuer
    tokens: OidcTokens

    async def claims(self, token: str, now: datetime = NOON) -> Mapping[str, Any] | None:
        return await self.tokens.claims(token, self.issuer.url, AUDIENCE, now)


@pytest_asyncio.fixture
async def gate() -> AsyncIterator[Gate]:
    issuers = Issuers()
    async with an_issuer() as issuer:
        yield Gate(issuer=issuer, tokens=OidcTokens(issuers))
        await issuers.close()


@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "EdDSA"])
async def test_a_token_that_the_issuer_signed_for_us_is_believed(gate: Gate, algorithm: str) -> None:
    gate.issuer.rotate("two", algorithm)

    assert await gate.claims(gate.issuer.token()) == gate.issuer.claims()


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "https://another.example"},
        {"iss": None},
        {"aud": "another"},
        {"aud": ["another", "one"]},
        {"aud": None},
        {"sub": None},
        {"sub": 7},
        {"exp": None},
        {"exp": int((NOON - timedelta(seconds=31)).timestamp())},
        {"exp": "2099-01-01"},
        {"exp": True},
        {"iat": None},
        {"iat": int((NOON + timedelta(seconds=31)).timestamp())},
        {"nbf": int((NOON + timedelta(seconds=31)).timestamp())},
        {"nbf": "soon"},
        {"jti": 7},
    ],
)
async def test_a_token_for_others_or_for_another_time_is_not(gate: Gate, changes: dict[str, Any]) -> None:
    claims = {name: value for name, value in {**gate.issuer.claims(), **changes}.items() if value is not None}
    token = compact(gate.issuer, claims)

    assert await gate.claims(token) is None


@pytest.mark.parametrize("seconds", [-29, 29])
async def test_clocks_may_differ_a_little(gate: Gate, seconds: int) -> None:
    at = NOON + timedelta(seconds=seconds)
    over = {"exp": int(at.timestamp())} if seconds < 0 else {}

    token = gate.issuer.token(at, None, **over)

    assert await gate.claims(token) is not None


def compact(issuer: Issuer, claims: Mapping[str, Any]) -> str:
    """A rightly signed token with whatever claims: the library would not encode some of them."""
    text = unsigned(claims, {"alg": issuer.algorithm, "kid": issuer.kid}).removesuffix(".")
    signature = jwt.get_algorithm_by_name(issuer.algorithm).sign(text.encode(), issuer.private)
    return f"{text}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


def unsigned(claims: Mapping[str, Any], header: Mapping[str, Any], signature: str = "") -> str:
    parts = [base64.urlsafe_b64encode(json.dumps(one).encode()).rstrip(b"=").decode() for one in (header, claims)]
    return ".".join([*parts, signature])


async def test_no_signature_and_no_shared_secret_is_a_signature(gate: Gate) -> None:
    claims, public = gate.issuer.claims(), json.dumps(gate.issuer.published[0]).encode()
    signing = unsigned(claims, {"alg": "HS256", "kid": "one"}).removesuffix(".")
    mac = base64.urlsafe_b64encode(hmac.digest(public, signing.encode(), "sha256")).rstrip(b"=").decode()
    forged = [
        unsigned(claims, {"alg": "none", "kid": "one"}),
        unsigned(claims, {"alg": "ES256", "kid": "one"}),
        unsigned(claims, {"alg": "nOnE"}),
        f"{signing}.{mac}",
    ]

    assert [await gate.claims(token) for token in forged] == [None] * 4


async def test_a_key_that_the_token_brings_along_is_not_used(gate: Gate) -> None:
    private, public = keys_of("ES256")
    header = {"kid": "one", "jwk": public, "jku": f"{gate.issuer.url}/theirs", "x5u": f"{gate.issuer.url}/theirs"}

    assert await gate.claims(jwt.encode(gate.issuer.claims(), private, "ES256", headers=header)) is None


async def test_a_changed_token_is_not_believed(gate: Gate) -> None:
    head, body, signature = gate.issuer.token().split(".")
    other = gate.issuer.token(sub="repo:theirs").split(".")[1]

    assert await gate.claims(f"{head}.{other}.{signature}") is None
    assert await gate.claims(f"{head}.{body}.{'A' * len(signature)}") is None


@pytest.mark.parametrize("token", ["", "a", "a.b.c", "a.b.c.d", "ö.b.c", "e30.e30.", "x" * 20_000, "bnVsbA.e30.AA"])
async def test_what_is_no_token_is_nobodys_and_asks_nobody(gate: Gate, token: str) -> None:
    assert await gate.claims(token) is None
    assert gate.issuer.asked["discovery"] == 0


@pytest.mark.parametrize("headers", [{"kid": "one", "crit": ["exp"]}, {"kid": "three"}])
async def test_a_header_that_is_not_understood_is_refused(gate: Gate, headers: dict[str, Any]) -> None:
    assert await gate.claims(gate.issuer.token(headers=headers)) is None


async def test_without_a_name_the_only_key_that_fits_counts(gate: Gate) -> None:
    alone = await gate.claims(gate.issuer.token(headers={}))
    gate.issuer.rotate("two")

    assert alone is not None
    assert await gate.claims(gate.issuer.token(headers={}), NOON + FRESH_FOR) is None


async def test_a_flood_asks_the_issuer_once(gate: Gate) -> None:
    for number in range(20):
        await gate.claims(gate.issuer.token(jti=str(number)))

    assert gate.issuer.asked == {"discovery": 1, "keys": 1}


async def test_a_new_key_counts_within_a_minute_and_invented_ones_ask_no_oftener(gate: Gate) -> None:
    await gate.claims(gate.issuer.token())
    gate.issuer.rotate("two")
    token = gate.issuer.token(NOON)

    at_once = [await gate.claims(token) for _ in range(5)]
    later = await gate.claims(token, NOON + RENEWED_AT_MOST_EVERY)
    for number in range(5):
        await gate.claims(gate.issuer.token(headers={"kid": f"made up {number}"}), NOON + RENEWED_AT_MOST_EVERY)

    assert at_once == [None] * 5
    assert later is not None
    assert gate.issuer.asked["keys"] == 2


async def test_a_key_that_the_issuer_took_back_counts_no_longer_than_keys_are_kept(gate: Gate) -> None:
    token = gate.issuer.token(exp=int((NOON + timedelta(hours=5)).timestamp()))
    before = await gate.claims(token)
    gate.issuer.published.clear()

    assert before is not None
    assert await gate.claims(token, NOON + FRESH_FOR) is None


async def test_an_issuer_that_is_away_is_asked_less_and_less_and_its_keys_count_for_an_hour(gate: Gate) -> None:
    token = gate.issuer.token(exp=int((NOON + timedelta(hours=5)).timestamp()))
    await gate.claims(token)
    gate.issuer.code = 500

    kept = [await gate.claims(token, NOON + timedelta(minutes=minutes)) for minutes in range(10, 50)]
    with pytest.raises(Unreachable, match=r"its keys cannot be had: GET .*: 500"):
        await gate.claims(token, NOON + USABLE_FOR + timedelta(minutes=10))

    assert all(kept)
    assert gate.issuer.asked["discovery"] <= 42


async def test_an_issuer_that_never_answered_is_not_asked_by_every_token(gate: Gate) -> None:
    gate.issuer.code = 500

    for _ in range(5):
        with pytest.raises(Unreachable) as caught:
            await gate.claims(gate.issuer.token())

    assert gate.issuer.asked["discovery"] == 1
    assert caught.value.retry_after is not None


@pytest.mark.parametrize(
    "document",
    [
        {"issuer": "https://another.example"},
        {"jwks_uri": "http://keys.example/keys"},
        {"jwks_uri": "file:///etc/passwd"},
        {"jwks_uri": None},
    ],
)
async def test_a_discovery_document_that_leads_astray_is_not_followed(gate: Gate, document: dict[str, Any]) -> None:
    gate.issuer.document = document

    with pytest.raises(Unreachable):
        await gate.claims(gate.issuer.token())

    assert gate.issuer.asked["keys"] == 0


@pytest.mark.parametrize(
    ("code", "body"),
    [(302, b""), (200, b"[]"), (200, b"{"), (200, b"[" * 100_000), (200, b'"' + b"x" * 600_000 + b'"')],
)
async def test_an_answer_that_is_no_document_is_no_document(gate: Gate, code: int, body: bytes) -> None:
    gate.issuer.code, gate.issuer.body = code, body

    with pytest.raises(Unreachable):
        await gate.claims(gate.issuer.token())


@pytest.mark.parametrize(
    "odd",
    [
        {"kty": "oct", "kid": "one", "k": "c2VjcmV0"},
        {"kty": "EC", "kid": "one", "crv": "P-256", "x": "AA", "y": "AA"},
        {"kty": "EC", "kid": "one", "crv": "P-256", "x": 1, "y": None},
        "text",
        {"kid": ["one"], "kty": "EC"},
    ],
)
async def test_a_strange_key_is_passed_over(gate: Gate, odd: object) -> None:
    gate.issuer.published = [odd, *gate.issuer.published]

    assert await gate.claims(gate.issuer.token()) is not None


async def test_a_key_for_encryption_signs_nothing(gate: Gate) -> None:
    gate.issuer.published[0]["use"] = "enc"

    assert await gate.claims(gate.issuer.token()) is None


@pytest.mark.parametrize(
    "url", ["http://issuer.example", "ftp://x", "https://a:b@issuer.example", "https://x/?a=b", ""]
)
async def test_an_issuer_without_tls_is_not_asked(url: str) -> None:
    issuers = Issuers()

    with pytest.raises(Rejected):
        await issuers.keys(url, NOON)
