"""Do the webhooks answer as their OpenAPI document says, whatever is sent by whoever signs rightly?"""

import asyncio
from itertools import count
from typing import Any

import schemathesis
from fastapi import FastAPI
from hypothesis import settings
from schemathesis.specs.openapi.checks import positive_data_acceptance
from starlette.types import Message, Receive, Scope, Send

from tests.support.every_door import WHSEC, EveryDoor, every_door
from tests.support.git_knocks import HOSTS
from tests.support.hooked import signed
from tests.support.slack_knocks import headers_of


class Signing:
    """The apps' doors, for one who finds each of them and knows its secret."""

    def __init__(self, door: EveryDoor) -> None:
        self._door = door
        self._numbers = count()
        self._paths = {
            route: door.path(route, name) for route, name in (("git", "git"), ("callbacks", "ci"), ("slack", "slack"))
        }

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
        parts = scope["path"].split("/")
        route = parts[2] if len(parts) > 3 else ""
        raw = [(name.encode(), value.encode()) for name, value in self._proof(route, body).items()]

        async def again() -> Message:
            return {"type": "http.request", "body": body, "more_body": False}

        path = self._paths.get(route, scope["path"])
        await self._door.hooks({**scope, "path": path, "headers": raw}, again, send)

    def _proof(self, route: str, body: bytes) -> dict[str, str]:
        delivery = f"msg_{next(self._numbers)}"
        match route:
            case "git":
                return HOSTS["github"].sign(body, delivery, self._door.now, b"open sesame")
            case "slack":
                return headers_of(body, self._door.now)
            case _:
                return signed(body, self._door.now, delivery, WHSEC)


async def made() -> EveryDoor:
    """Doors whose cache follows nothing any more; what it knows stays."""
    async with every_door() as door:
        return door


DOOR = asyncio.run(made())
DOCUMENT = schemathesis.openapi.from_dict(DOOR.hooks.openapi())
DOCUMENT.app = Signing(DOOR)


@DOCUMENT.parametrize()
@settings(max_examples=50)
def test_every_answer_is_one_that_the_document_has(case: "schemathesis.Case[Any]") -> None:
    case.call_and_validate(excluded_checks=[positive_data_acceptance])  # rules between fields are not in the document


def test_every_route_with_a_body_of_its_own_describes_it() -> None:
    paths = DOOR.hooks.openapi()["paths"]

    bodies = {
        path.split("/")[2]: [*told["post"].get("requestBody", {}).get("content", {})] for path, told in paths.items()
    }

    assert bodies == {
        "git": [],
        "callbacks": ["application/json"],
        "slack": ["application/x-www-form-urlencoded"],
    }
