"""Is the controller alive and ready, and what are its numbers?

Liveness depends on neither the API server nor Prometheus: restarting us would not bring them back.
"""

from collections.abc import Callable

from fastapi import FastAPI, Response


def probes(ready: Callable[[], bool], numbers: Callable[[], bytes]) -> FastAPI:
    """An app with /healthz, /readyz (200 once every kind was listed, else 503) and /metrics."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)

    @app.get("/healthz")
    def alive() -> Response:
        return Response("ok\n", media_type="text/plain")

    @app.get("/readyz")
    def is_ready() -> Response:
        if ready():
            return Response("ok\n", media_type="text/plain")
        return Response("not every kind was listed yet\n", status_code=503, media_type="text/plain")

    @app.get("/metrics")
    def metrics() -> Response:
        return Response(numbers(), media_type="text/plain; version=0.0.4; charset=utf-8")

    return app
