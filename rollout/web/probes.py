"""Is the controller alive and ready, and what are its numbers?

Liveness depends on neither the API server nor Prometheus: restarting us would not bring them back.
"""

from collections.abc import Callable

from fastapi import FastAPI, Response


def probes(ready: Callable[[], bool], numbers: Callable[[], bytes], waits: Callable[[], str] = str) -> FastAPI:
    """An app with /healthz, /readyz (200 once every kind was listed, else 503) and /metrics.

    waits: what this process waits for before it may lead. That is said, and as good as ready: who has no part in the
    work answers people and stands by, and the pods of an update follow each other by readiness.
    """
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)

    @app.get("/healthz")
    def alive() -> Response:
        return Response("ok\n", media_type="text/plain")

    @app.get("/readyz")
    def is_ready() -> Response:
        if ready():
            return Response(f"ok; {why}\n" if (why := waits()) else "ok\n", media_type="text/plain")
        return Response("not every kind was listed yet\n", status_code=503, media_type="text/plain")

    @app.get("/metrics")
    def metrics() -> Response:
        return Response(numbers(), media_type="text/plain; version=0.0.4; charset=utf-8")

    return app
