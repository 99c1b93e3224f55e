"""Do the webhooks answer as their OpenAPI document says, whatever is sent by whoever signs rightly?"""

import asyncio
from itertools import count
from typing import Any

import schemathesis
from fastapi import FastAPI
from hypothesis import settings
from schemathesis.specs.openapi.checks import positive_data_acceptance
from starlette.types import Message, Receive, Scope, Send

from tests.support.hooked import Desk, a_callback, a_desk, signed


class Signing:
    """An app behind which everybody knows the secret of shop/ci, and finds its door."""

    def __init__(self, desk: Desk) -> None:
        self._app: FastAPI = desk.app
        self._path = desk.path()
        self._numbers = count()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As ASGI; the document is served besides."""
        if scope["path"] == "/openapi.json":
            await FastAPI(openapi_url=None)(scope, receive, send)
            return
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        headers = signed(body, delivery=f"msg_{next(self._numbers)}")
        raw = [(name.encode(), value.encode()) for name, value in headers.items()]
        path = self._path if scope["path"].startswith("/hooks/callbacks/") else scope["path"]

        async def again() -> Message:
            return {"type": "http.request", "body": body, "more_body": False}

        await self._app({**scope, "path": path, "headers": raw}, again, send)


async def made() -> Desk:
    """A desk whose cache follows nothing any more; what it knows stays."""
    async with a_desk(*a_callback(mostPerMinute=100_000)) as desk:
        return desk


DESK = asyncio.run(made())
DOCUMENT = schemathesis.openapi.from_dict(DESK.app.openapi())
DOCUMENT.app = Signing(DESK)


@DOCUMENT.parametrize()
@settings(max_examples=50)
def test_every_answer_is_one_that_the_document_has(case: "schemathesis.Case[Any]") -> None:
    case.call_and_validate(excluded_checks=[positive_data_acceptance])  # rules between fields are not in the document
