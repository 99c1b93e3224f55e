"""What can be read over HTTP? Nothing is changed here: commands come through the cluster's own API."""

from typing import Any

from fastapi import FastAPI, HTTPException

from rollout.manifest.status import status_to_dict
from rollout.model.names import Key
from rollout.ports.rollouts import Rollouts, Stored


def api(rollouts: Rollouts) -> FastAPI:
    """An app with GET /api/v1/rollouts and GET /api/v1/rollouts/NAMESPACE/NAME, read from the cache on any replica."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)

    @app.get("/api/v1/rollouts")
    def every() -> dict[str, Any]:
        found = [stored for key in rollouts.keys() if (stored := rollouts.get(key)) is not None]
        return {"items": [_shown(stored) for stored in found]}

    @app.get("/api/v1/rollouts/{namespace}/{name}")
    def one(namespace: str, name: str) -> dict[str, Any]:
        stored = rollouts.get(Key(namespace=namespace, name=name))
        if stored is None:
            raise HTTPException(status_code=404, detail=f"there is no Rollout {namespace}/{name}")
        return _shown(stored)

    return app


def _shown(stored: Stored) -> dict[str, Any]:
    spec = stored.spec
    return {
        "namespace": stored.key.namespace,
        "name": stored.key.name,
        "revision": spec.revision if spec else "",
        "error": stored.error,
        "status": status_to_dict(stored.status),
    }
