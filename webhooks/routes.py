"""Which doors are there, and what does everybody have to pass before he is listened to?

One way in for all: the path, a limit of requests, a limit of size and time, and only then whoever knows the proof. One
more kind of sender is one more entry of `handlers`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Protocol

import structlog
from fastapi import FastAPI, Request, Response

from rollout.model.receiver import Proof, Receiver, Sender
from rollout.ports.clock import Clock
from rollout.ports.errors import PortError
from rollout.ports.receivers import Receivers, StoredReceiver
from webhooks.knock import Knock, Refusal, RefusedError, single
from webhooks.limits import READ_WITHIN, Rates, read

log = structlog.get_logger("rollout.webhooks")


class Handler(Protocol):
    """What is behind one route. senders: whose Receivers it is for; most_bytes: of a body."""

    senders: frozenset[Sender]
    most_bytes: int

    async def __call__(self, knock: Knock) -> Response:
        """The answer to whoever proves himself; RefusedError for everybody else."""


@dataclass(slots=True, kw_only=True)
class Doors:
    """All routes. handlers: by the part of the path behind /hooks/; schemas: what their OpenAPI says of bodies.

    is_ready: whether the Receivers are known yet; before, nobody is told that there is none.
    """

    receivers: Receivers
    clock: Clock
    handlers: Mapping[str, Handler]
    schemas: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    read_within: timedelta = READ_WITHIN
    is_ready: Callable[[], bool] = lambda: True
    _rates: Rates = field(default_factory=Rates)

    async def open(self, route: str, path: str, request: Request) -> Response:
        """The answer to one request; every refusal is one line in the log."""
        handler = self.handlers[route]
        stored = self.receivers.at(path)
        try:
            return await handler(await self._knock(handler, stored, request))
        except RefusedError as refused:
            name = str(stored.key) if stored else ""
            tell = log.warning if stored else log.debug  # who knocks where nobody is must not fill the log
            tell("webhook_refused", route=route, receiver=name, refusal=refused.refusal.value, why=refused.text)
            return _refused(refused)

    async def _knock(self, handler: Handler, stored: StoredReceiver | None, request: Request) -> Knock:
        if not self.is_ready():
            raise RefusedError(Refusal.UNAVAILABLE, "the controller is starting", retry_after=2)
        receiver = stored.receiver if stored else None
        if stored is None or receiver is None or receiver.sender not in handler.senders:
            raise RefusedError(Refusal.UNKNOWN)
        if receiver.suspend:
            raise RefusedError(Refusal.SUSPENDED)
        self._rates.take(stored.uid, receiver.most_per_minute, self.clock.now())
        declared = request.headers.get("content-length", "")
        body = await read(request.stream(), handler.most_bytes, declared, within=self.read_within)
        return Knock(
            receiver=receiver,
            uid=stored.uid,
            headers=single(request.headers.raw),
            body=body,
            now=self.clock.now(),
            secrets=await self._secrets(receiver),
        )

    async def _secrets(self, receiver: Receiver) -> tuple[bytes, ...]:
        if receiver.proof is Proof.OIDC:
            return ()
        try:
            return (await self.receivers.secrets(receiver)).signing
        except PortError as error:
            log.warning("webhook_failed", receiver=str(receiver.key), error=str(error))
            raise RefusedError(Refusal.UNAVAILABLE, retry_after=5) from error


def hooks(doors: Doors) -> FastAPI:
    """An app with POST /hooks/ROUTE/ID for every handler; `app.openapi()` describes it, though nobody is served that."""
    app = FastAPI(title="rollout webhooks", docs_url=None, redoc_url=None, openapi_url=None)
    for route in doors.handlers:
        _add(app, doors, route)
    return app


def _add(app: FastAPI, doors: Doors, route: str) -> None:
    async def answer(path: str, request: Request) -> Response:
        return await doors.open(route, path, request)

    answer.__doc__ = f"What a Receiver of {', '.join(sorted(doors.handlers[route].senders))} is told."
    app.add_api_route(
        f"/hooks/{route}/{{path}}",
        answer,
        methods=["POST"],
        name=route,
        response_class=Response,
        responses={code: {"description": text} for code, text in _ANSWERS.items()},
        openapi_extra=dict(doors.schemas.get(route, {})),
    )


_ANSWERS: dict[int | str, str] = {
    202: "heard",
    400: "the body broke off",
    401: "not proven",
    403: "proven, but not allowed",
    404: "nobody is here",
    408: "the body took too long",
    409: "made for a run, step or revision that is over",
    413: "the body is too large",
    422: "the body cannot be read",
    429: "too many requests",
    503: "try again later",
}


def _refused(refused: RefusedError) -> Response:
    headers = {"Retry-After": str(refused.retry_after)} if refused.retry_after else {}
    if refused.code == 401:
        headers["WWW-Authenticate"] = "Signature"
    return Response(f"{refused.text}\n" if refused.text else "", status_code=refused.code, headers=headers)
