"""What may a git host tell us? Only to look now: never which repository, ref or content.

The raw body is bounded, then verified, and never parsed. Whether the GitSource exists is not told to anybody who does
not know the secret.
"""

from collections.abc import Awaitable, Callable

import structlog
from fastapi import FastAPI, Request, Response

from rollout.model.names import Key
from rollout.ports.errors import NotFound, PortError
from webhooks.signatures import is_signed

MOST_BYTES = 3 * 1024 * 1024  # as Flux' receivers take
LookNow = Callable[[Key], Awaitable[None]]

log = structlog.get_logger("rollout.webhooks")


def hooks(secret: bytes, look_now: LookNow) -> FastAPI:
    """An app with POST /hooks/git/NAMESPACE/NAME: 202 when that GitSource was asked to be looked at.

    401 unsigned, 404 no such GitSource, 413 too large, 503 when the cluster could not be asked.
    """
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)

    @app.post("/hooks/git/{namespace}/{name}")
    async def git(namespace: str, name: str, request: Request) -> Response:
        body = await _bounded(request)
        if body is None:
            return Response(status_code=413)
        if not is_signed(body, request.headers, secret):
            log.warning("webhook_refused", source=f"{namespace}/{name}")
            return Response("the signature does not fit\n", status_code=401)
        try:
            await look_now(Key(namespace=namespace, name=name))
        except NotFound:
            return Response(f"there is no GitSource {namespace}/{name}\n", status_code=404)
        except PortError as error:
            log.warning("webhook_failed", source=f"{namespace}/{name}", error=str(error))
            return Response("the cluster cannot be asked now\n", status_code=503)
        log.info("webhook_accepted", source=f"{namespace}/{name}")
        return Response(status_code=202)

    return app


async def _bounded(request: Request) -> bytes | None:
    """The raw body; None when it is longer than MOST_BYTES."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MOST_BYTES:
            return None
    return bytes(body)
