"""Who says who somebody is in the demo?

An issuer of OpenID Connect on loopback: discovery, a page that asks "who are you?" with a link for each person, tokens for
codes (PKCE by S256, RFC 7636), keys and the end of a session. It knows one client, and gives nobody else anything.
"""

import base64
import binascii
import hashlib
import json
import secrets
import ssl
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from html import escape
from typing import Any
from urllib.parse import quote, unquote, urlencode

import jwt
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

from rollout.demo.bootstrap import LOOPBACK

Json = dict[str, Any]
CODE_COUNTS_S = 60
TOKEN_COUNTS_S = 300
MOST_OPEN = 1000  # visits to the page that nobody has ended
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"
_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; margin: 3rem auto; max-width: 26rem; padding: 0 1rem; color: #1d1c1d; background: #fff }
li { list-style: none; margin: .6rem 0 } ul { padding: 0 }
a { display: block; padding: .6rem .9rem; border: 1px solid #888; border-radius: 6px; color: inherit; text-decoration: none }
a:focus, a:hover { outline: 3px solid #1264a3 } small { color: #555; display: block }
@media (prefers-color-scheme: dark) { body { background: #1a1d21; color: #e8e8e8 } small { color: #b5b5b5 } }
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody whom the issuer knows. is_verified: whether the e-mail address was proven; claims: more of a token."""

    sub: str
    name: str
    email: str = ""
    is_verified: bool = True
    groups: tuple[str, ...] = ()
    claims: Mapping[str, Any] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class Issuer:
    """An issuer with one client. returns: the URLs to which a browser may be sent back, exactly.

    secret: the client's, "" for one without. spoiled: claims that each token has instead of the right ones (None: takes one
    out). document: what discovery says besides or instead. now: seconds since 1970. sign: another way to sign what a token says.
    """

    people: tuple[Person, ...]
    client: str = "rollout"
    secret: str = ""
    returns: tuple[str, ...] = ()
    url: str = ""
    spoiled: Json = field(default_factory=dict)
    document: Json = field(default_factory=dict)
    now: Callable[[], float] = time.time
    sign: Callable[[Json], str] | None = None
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    kid: str = "demo"
    asked: list[Json] = field(default_factory=list)
    ended: list[Json] = field(default_factory=list)
    _open: dict[str, Json] = field(default_factory=dict)
    _codes: dict[str, tuple[Json, Person, float]] = field(default_factory=dict)

    def visit(self, wanted: Json) -> str:
        """The name of a browser's wish to learn who somebody is."""
        while len(self._open) >= MOST_OPEN:
            self._open.pop(next(iter(self._open)))
        name = secrets.token_urlsafe(16)
        self._open[name] = wanted
        return name

    def chosen(self, visit: str, sub: str) -> str | None:
        """Where the browser goes with a new code for this person; "" as `sub` refuses. None for a visit that is over."""
        wanted = self._open.pop(visit, None)
        person = next((one for one in self.people if one.sub == sub), None)
        if wanted is None or (sub and person is None):
            return None
        said = {"state": wanted.get("state", ""), "iss": self.url}
        if person is None:
            return _with(wanted["redirect_uri"], {"error": "access_denied", **said})
        code = secrets.token_urlsafe(24)
        self._codes[code] = (wanted, person, self.now())
        return _with(wanted["redirect_uri"], {"code": code, **said})

    def redeemed(self, form: Json) -> Json | None:
        """The tokens for a code; None where code, URL or verifier is not the right one. A code counts once."""
        wanted, person, since = self._codes.pop(str(form.get("code", "")), ({}, None, 0.0))
        verifier = str(form.get("code_verifier", ""))
        challenge = _base64url(hashlib.sha256(verifier.encode()).digest())
        if person is None or self.now() - since > CODE_COUNTS_S or form.get("grant_type") != "authorization_code":
            return None
        if form.get("redirect_uri") != wanted["redirect_uri"] or not 43 <= len(verifier) <= 128:
            return None
        if not secrets.compare_digest(challenge, str(wanted["code_challenge"])):
            return None
        return {
            "access_token": secrets.token_urlsafe(16),
            "token_type": "Bearer",
            "expires_in": TOKEN_COUNTS_S,
            "id_token": self.token(person, str(wanted.get("nonce", ""))),
        }

    def token(self, person: Person, nonce: str) -> str:
        """A signed ID token."""
        claims = {**self.claims(person, nonce), **self.spoiled}
        claims = {name: value for name, value in claims.items() if value is not None}
        if self.sign is not None:
            return self.sign(claims)
        return jwt.encode(claims, self.key, "ES256", headers={"kid": self.kid})

    def claims(self, person: Person, nonce: str) -> Json:
        """What a token of this person says."""
        at = int(self.now())
        said: Json = {"iss": self.url, "aud": self.client, "sub": person.sub, "iat": at, "exp": at + TOKEN_COUNTS_S}
        said |= {"name": person.name, "preferred_username": person.name, "groups": list(person.groups)}
        if person.email:
            said |= {"email": person.email, "email_verified": person.is_verified}
        return {**said, **person.claims, **({"nonce": nonce} if nonce else {})}


class Pages:
    """What an issuer answers over HTTP."""

    def __init__(self, issuer: Issuer) -> None:
        self._at = issuer

    async def discovery(self, _: web.Request) -> web.Response:
        """GET /.well-known/openid-configuration."""
        url = self._at.url
        told: Json = {
            "issuer": url,
            "authorization_endpoint": f"{url}/authorize",
            "token_endpoint": f"{url}/token",
            "jwks_uri": f"{url}/keys",
            "end_session_endpoint": f"{url}/end",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["ES256"],
            "code_challenge_methods_supported": ["S256"],
            "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "none"],
            "authorization_response_iss_parameter_supported": True,
        }
        return web.json_response({**told, **self._at.document})

    async def keys(self, _: web.Request) -> web.Response:
        """GET /keys."""
        public = json.loads(ECAlgorithm.to_jwk(self._at.key.public_key()))
        return web.json_response({"keys": [{**public, "kid": self._at.kid, "use": "sig", "alg": "ES256"}]})

    async def authorize(self, request: web.Request) -> web.Response:
        """GET /authorize: who are you? Nothing is sent to a URL that is not one of the client's."""
        wanted = dict(request.query)
        self._at.asked.append(wanted)
        if wanted.get("client_id") != self._at.client or wanted.get("redirect_uri") not in self._at.returns:
            return _page(
                "<h1>Unknown client</h1><p>This client, or the address it wants back, is not registered.</p>", 400
            )
        wrong = _wrong(wanted)
        if wrong:
            said = {"error": wrong, "state": wanted.get("state", ""), "iss": self._at.url}
            raise web.HTTPFound(_with(wanted["redirect_uri"], said))
        visit = quote(self._at.visit(wanted))
        people = "".join(
            f'<li><a href="/choose?visit={visit}&amp;sub={quote(one.sub)}">{escape(one.name)}'
            f"<small>{escape(', '.join((one.email or 'no e-mail address', *one.groups)))}</small></a></li>"
            for one in self._at.people
        )
        nobody = f'<p><a href="/choose?visit={visit}&amp;sub=">Do not sign in</a></p>'
        return _page(f"<h1>Who are you?</h1><ul>{people}</ul>{nobody}")

    async def choose(self, request: web.Request) -> web.Response:
        """GET /choose: back to the client, as the person whose link was followed."""
        place = self._at.chosen(request.query.get("visit", ""), request.query.get("sub", ""))
        if place is None:
            return _page("<h1>This page is over</h1><p>Go back and sign in again.</p>", 400)
        raise web.HTTPFound(place)

    async def token(self, request: web.Request) -> web.Response:
        """POST /token: tokens for the client that has the code and its verifier."""
        form: Json = {name: str(value) for name, value in (await request.post()).items()}
        if not self._is_client(request, form):
            return web.json_response({"error": "invalid_client"}, status=401)
        found = self._at.redeemed(form)
        if found is None:
            return web.json_response({"error": "invalid_grant"}, status=400)
        return web.json_response(found, headers={"Cache-Control": "no-store"})

    async def end(self, request: web.Request) -> web.Response:
        """GET /end: the session here is over; back only to a URL of the client's."""
        said = dict(request.query)
        self._at.ended.append(said)
        back = said.get("post_logout_redirect_uri", "")
        if said.get("client_id") == self._at.client and back in self._at.returns:
            raise web.HTTPFound(back)
        return _page("<h1>Signed out</h1>")

    def _is_client(self, request: web.Request, form: Json) -> bool:
        client, secret = str(form.get("client_id", "")), str(form.get("client_secret", ""))
        scheme, _, told = request.headers.get("Authorization", "").partition(" ")
        if scheme == "Basic":
            try:
                pair = base64.b64decode(told, validate=True).decode()
            except (binascii.Error, UnicodeDecodeError):
                return False
            client, _, secret = (unquote(part) for part in pair.partition(":"))
        return client == self._at.client and secrets.compare_digest(secret.encode(), self._at.secret.encode())


@asynccontextmanager
async def serving(issuer: Issuer, tls: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    """The issuer's URL on a free loopback port, until the end of this block. tls: its certificate, None for plain HTTP."""
    pages, app = Pages(issuer), web.Application()
    app.router.add_get("/.well-known/openid-configuration", pages.discovery)
    app.router.add_get("/keys", pages.keys)
    app.router.add_get("/authorize", pages.authorize)
    app.router.add_get("/choose", pages.choose)
    app.router.add_post("/token", pages.token)
    app.router.add_get("/end", pages.end)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, LOOPBACK, 0, ssl_context=tls).start()
        issuer.url = f"{'https' if tls else 'http'}://{LOOPBACK}:{runner.addresses[0][1]}"
        yield issuer.url
    finally:
        await runner.cleanup()


def _wrong(wanted: Mapping[str, str]) -> str:
    """The error code of a wish that lacks something (RFC 6749, 4.1.2.1); "" for none."""
    if wanted.get("response_type") != "code":
        return "unsupported_response_type"
    if "openid" not in wanted.get("scope", "").split():
        return "invalid_scope"
    challenged = wanted.get("code_challenge_method") == "S256" and len(wanted.get("code_challenge", "")) == 43
    return "" if challenged else "invalid_request"


def _with(url: str, said: Mapping[str, str]) -> str:
    return url + ("&" if "?" in url else "?") + urlencode({name: value for name, value in said.items() if value})


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _page(body: str, status: int = 200) -> web.Response:
    head = '<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Sign in (demo)</title>'
    text = f'<!doctype html><html lang="en"><head>{head}<style>{_STYLE}</style></head><body><main>{body}</main></body></html>'
    headers = {"Content-Security-Policy": _POLICY, "Referrer-Policy": "no-referrer", "Cache-Control": "no-store"}
    return web.Response(text=text, status=status, content_type="text/html", headers=headers)
