"""Is the controller alive and ready, and what are its numbers?

Liveness depends on neither the API server nor Prometheus: restarting us would not bring them back. Starlette alone: what
FastAPI adds, these three need not, and they are there also where nobody asks for the API.
"""

from collections.abc import Callable

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route


def probes(ready: Callable[[], bool], numbers: Callable[[], bytes], waits: Callable[[], str] = str) -> Starlette:
    """An app with /healthz, /readyz (200 once every kind was listed, else 503) and /metrics.

    waits: what this process waits for before it may lead. That is said, and as good as ready: who has no part in the
    work answers people and stands by, and the pods of an update follow each other by readiness.
    """

    def alive(_: Request) -> Response:
        return Response("ok\n", media_type="text/plain")

    def is_ready(_: Request) -> Response:
        if ready():
            return Response(f"ok; {why}\n" if (why := waits()) else "ok\n", media_type="text/plain")
        return Response("not every kind was listed yet\n", status_code=503, media_type="text/plain")

    def metrics(_: Request) -> Response:
        return Response(numbers(), media_type="text/plain; version=0.0.4; charset=utf-8")

    return Starlette(routes=[Route("/healthz", alive), Route("/readyz", is_ready), Route("/metrics", metrics)])
