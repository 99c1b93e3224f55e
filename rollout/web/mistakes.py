"""What is told of a request that cannot be read?

Where and what is wrong, and nothing of what was sent: it may be a token, and half a character cannot be sent at all.
"""

import json

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError

_TOLD = ("type", "loc", "msg")  # as FastAPI's own OpenAPI document has it


def tell_mistakes(app: FastAPI) -> None:
    """Answer 422 with a list of what is wrong."""

    @app.exception_handler(RequestValidationError)
    async def told(_: Request, error: RequestValidationError) -> Response:
        found = [{name: one[name] for name in _TOLD} for one in error.errors()]
        return Response(json.dumps({"detail": found}, separators=(",", ":")), 422, media_type="application/json")
