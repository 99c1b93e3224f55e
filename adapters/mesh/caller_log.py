"""What did a pod's proxy log? Read from the API server, which asks the pod's node."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime

from adapters.kube.api import TextApi
from rollout.model.mesh import MeshPod
from rollout.ports.errors import Unreachable

CONTAINER = "istio-proxy"
MOST_BYTES = 256 * 1024
MOST_LINES = 500
_WITHIN_SECONDS = 5.0  # a node that does not answer must not hold up a look at the whole fleet


class KubeCallerLog:
    """`ports.caller_log.CallerLog` on an API server. pods: every pod of the cluster as last seen."""

    def __init__(self, api: TextApi, pods: Callable[[], tuple[MeshPod, ...]]) -> None:
        self._api = api
        self._pods = pods

    async def lines(self, namespace: str, pod: str, since: datetime) -> tuple[str, ...]:
        """The lines since then, as many as fit; one that was cut off is left out."""
        path = f"/api/v1/namespaces/{namespace}/pods/{pod}/log"
        query = {
            "container": CONTAINER,
            "sinceTime": since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "tailLines": str(MOST_LINES),
            "limitBytes": str(MOST_BYTES),
        }
        try:
            async with asyncio.timeout(_WITHIN_SECONDS):
                text = await self._api.text(path, query, MOST_BYTES)
        except TimeoutError as error:
            raise Unreachable(f"GET {path}: no answer within {_WITHIN_SECONDS:g} s") from error
        return tuple(text.split("\n")[:-1])  # what follows the last line break is not a whole line

    def pods(self) -> tuple[MeshPod, ...]:
        """Every pod of the cluster as last seen."""
        return self._pods()
