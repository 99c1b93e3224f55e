"""Who issues tokens in tests? An issuer of OpenID Connect on this machine, which signs, and says with which keys."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from fastapi import FastAPI, Response
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from rollout.web.listen import served
from tests.support.builders import NOON

AUDIENCE = "rollout"


def keys_of(algorithm: str) -> tuple[Any, dict[str, Any]]:
    """A new private key for this algorithm, and its public half as a JWK."""
    match algorithm:
        case "RS256":
            private: Any = rsa.generate_private_key(65537, 2048)
            public = RSAAlgorithm.to_jwk(private.public_key())
        case "ES256":
            private = ec.generate_private_key(ec.SECP256R1())
            public = ECAlgorithm.to_jwk(private.public_key())
        case _:
            private = ed25519.Ed25519PrivateKey.generate()
            public = OKPAlgorithm.to_jwk(private.public_key())
    return private, json.loads(public)


@dataclass(slots=True, kw_only=True)
class Issuer:
    """url: what it calls itself. published: its keys as it tells them; asked: how often each document was read."""

    url: str = ""
    algorithm: str = "ES256"
    kid: str = "one"
    private: Any = None
    published: list[Any] = field(default_factory=list)
    document: dict[str, Any] = field(default_factory=dict)
    asked: dict[str, int] = field(default_factory=lambda: {"discovery": 0, "keys": 0})
    code: int = 200
    body: bytes = b""

    def rotate(self, kid: str, algorithm: str = "ES256") -> None:
        """Sign with a new key from now on, the former one still published."""
        self.private, public = keys_of(algorithm)
        self.kid, self.algorithm = kid, algorithm
        self.published = [*self.published, {**public, "kid": kid, "use": "sig", "alg": algorithm}]

    def claims(self, at: datetime = NOON, **changes: Any) -> dict[str, Any]:
        """What a token of a pipeline says, for five minutes; None takes a claim out."""
        found = {
            "iss": self.url,
            "aud": AUDIENCE,
            "sub": "repo:shop/checkout",
            "exp": int((at + timedelta(minutes=5)).timestamp()),
            "iat": int(at.timestamp()),
            "jti": "token-1",
            "repository": "shop/checkout",
            "groups": ["release"],
        } | changes
        return {name: value for name, value in found.items() if value is not None}

    def token(self, at: datetime = NOON, headers: dict[str, Any] | None = None, **changes: Any) -> str:
        """A signed token."""
        head = {"kid": self.kid} if headers is None else headers
        return jwt.encode(self.claims(at, **changes), self.private, self.algorithm, headers=head)

    def app(self) -> FastAPI:
        """Its two documents."""
        app = FastAPI(openapi_url=None)

        @app.get("/.well-known/openid-configuration")
        async def discovery() -> Response:
            self.asked["discovery"] += 1
            told = {"issuer": self.url, "jwks_uri": f"{self.url}/keys", **self.document}
            return Response(self.body or json.dumps(told), self.code, {"Location": "/elsewhere"})

        @app.get("/keys")
        async def keys() -> Response:
            self.asked["keys"] += 1
            return Response(json.dumps({"keys": self.published}))

        return app


@asynccontextmanager
async def an_issuer(algorithm: str = "ES256") -> AsyncIterator[Issuer]:
    """One that listens on a free port."""
    issuer = Issuer()
    issuer.rotate("one", algorithm)
    async with served(issuer.app(), "127.0.0.1:0") as url:
        issuer.url = url
        yield issuer
