"""Who is it, by the code flow of OpenID Connect?

OpenID Connect Core 1.0, 3.1, with PKCE (RFC 7636, S256 alone) and the issuer's own name in its answer (RFC 9207).
"""

import base64
import hashlib
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote_plus, urlencode, urlsplit

from adapters.oidc.issuers import Issuers
from adapters.oidc.tokens import OidcTokens
from rollout.ports.errors import Forbidden, Unreachable
from rollout.ports.logins import Ticket

_MOST_CODE = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """What the issuer knows of us. secret: read at each use, "" for a client without; back: the one URL we come back to."""

    issuer: str
    name: str
    secret: Callable[[], str]
    scopes: str
    back: str
    home: str


class OidcLogins:
    """`Logins` at an issuer that is asked for its endpoints."""

    def __init__(self, issuers: Issuers, client: Client) -> None:
        self._issuers = issuers
        self._tokens = OidcTokens(issuers)
        self._client = client

    async def place(self, ticket: Ticket, now: datetime) -> str:
        """Where a browser is sent to learn who somebody is."""
        document = await self._issuers.document(self._client.issuer, now)
        said = {
            "response_type": "code",
            "client_id": self._client.name,
            "redirect_uri": self._client.back,
            "scope": self._client.scopes,
            "state": ticket.state,
            "nonce": ticket.nonce,
            "code_challenge": _challenge(ticket.verifier),
            "code_challenge_method": "S256",
        }
        return _with(_endpoint(document, "authorization_endpoint", self._client.issuer), said)

    async def claims(self, ticket: Ticket, answer: Mapping[str, str], now: datetime) -> Mapping[str, Any]:
        """What the issuer says of whoever came back; Forbidden when it did not say it, to us, for this ticket."""
        client, document = self._client, await self._issuers.document(self._client.issuer, now)
        _must_be_answered(ticket, answer, document, client.issuer)
        place = _endpoint(document, "token_endpoint", client.issuer)
        form = {
            "grant_type": "authorization_code",
            "code": answer["code"],
            "redirect_uri": client.back,
            "code_verifier": ticket.verifier,
        }
        proof, headers = self._proof(document)
        status, told = await self._issuers.posted(place, form | proof, headers)
        if status != 200:
            if status >= 500 or status == 429:
                raise Unreachable(f"POST {place}: {status}")
            raise Forbidden(f"the issuer gives no token for the code: {str(told.get('error', status))[:100]!r}")
        found = await self._tokens.claims(str(told.get("id_token", "")), client.issuer, client.name, now)
        if found is None:
            raise Forbidden("the ID token is not one that the issuer signed for us and that counts now")
        _must_be_ours(found, ticket, client.name)
        return found

    async def farewell(self, now: datetime) -> str:
        """Where a browser is sent to sign out at the issuer too; "" where the issuer has no such place."""
        document = await self._issuers.document(self._client.issuer, now)
        if not document.get("end_session_endpoint"):
            return ""
        said = {"client_id": self._client.name, "post_logout_redirect_uri": self._client.home}
        return _with(_endpoint(document, "end_session_endpoint", self._client.issuer), said)

    def _proof(self, document: Mapping[str, Any]) -> tuple[dict[str, str], dict[str, str]]:
        """What of the form and of the headers proves who we are: by HTTP Basic unless the issuer takes only the form."""
        name, secret = self._client.name, self._client.secret()
        if not secret:
            return {"client_id": name}, {}
        ways = document.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
        if "client_secret_basic" not in ways and "client_secret_post" in ways:
            return {"client_id": name, "client_secret": secret}, {}
        pair = f"{quote_plus(name)}:{quote_plus(secret)}"  # RFC 6749, 2.3.1
        return {}, {"Authorization": "Basic " + base64.b64encode(pair.encode()).decode()}


def _must_be_answered(ticket: Ticket, answer: Mapping[str, str], document: Mapping[str, Any], issuer: str) -> None:
    """Forbidden unless the browser came back from this issuer, with a code, for this ticket."""
    if not hmac.compare_digest(answer.get("state", "").encode(), ticket.state.encode()):
        raise Forbidden("the state is another one than this browser was sent away with")
    named = answer.get("iss", "")
    if (named or document.get("authorization_response_iss_parameter_supported") is True) and named != issuer:
        raise Forbidden(f"the answer is that of {named[:200]!r}")
    if "error" in answer:
        raise Forbidden(f"the issuer says {answer['error'][:100]!r}")
    if not 0 < len(answer.get("code", "")) <= _MOST_CODE:
        raise Forbidden("there is no code in the answer")


def _must_be_ours(claims: Mapping[str, Any], ticket: Ticket, client: str) -> None:
    """Forbidden for a token of another sign-in, or one that was made for another client too (Core, 3.1.3.7)."""
    nonce = claims.get("nonce")
    if not isinstance(nonce, str) or not hmac.compare_digest(nonce.encode(), ticket.nonce.encode()):
        raise Forbidden("the ID token has another nonce than this browser was sent away with")
    others = isinstance(claims["aud"], list) and len(claims["aud"]) > 1
    if ("azp" in claims or others) and claims.get("azp") != client:
        raise Forbidden("the ID token was given to another client (azp)")


def _endpoint(document: Mapping[str, Any], name: str, issuer: str) -> str:
    """A URL of the discovery document; Unreachable where it is none, or less safe than the issuer's."""
    url = document.get(name)
    parts = urlsplit(url if isinstance(url, str) else "")
    is_safe = parts.scheme == "https" or (parts.scheme == "http" and urlsplit(issuer).scheme == "http")
    if not isinstance(url, str) or not parts.hostname or not is_safe or parts.fragment or parts.username is not None:
        raise Unreachable(f"{issuer}: its discovery document has no {name} that can be used")
    return url


def _with(url: str, said: Mapping[str, str]) -> str:
    return url + ("&" if urlsplit(url).query else "?") + urlencode(said)


def _challenge(verifier: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
