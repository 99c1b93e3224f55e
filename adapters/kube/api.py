"""How does an adapter talk to a Kubernetes API server, real or in memory?"""

from collections.abc import AsyncIterator, Mapping
from enum import StrEnum
from typing import Any, Protocol

Obj = Mapping[str, Any]  # a Kubernetes object as a plain dict; typed models would drop unknown fields


class Patch(StrEnum):
    """The content type of a PATCH; a write never leaves it to a default."""

    JSON = "application/json-patch+json"
    MERGE = "application/merge-patch+json"
    APPLY = "application/apply-patch+yaml"


class KubeApi(Protocol):
    """One API server: plain requests and watches; every failure is a PortError.

    Implementations: `adapters.kube.client.HttpApi` (the official client's configuration, TLS and authentication)
    and `adapters.memory.cluster.DirectApi` (in process).
    """

    async def get(self, path: str, query: Mapping[str, str] | None = None) -> dict[str, Any]:
        """The object or list at `path`; raises NotFound, KindAbsent, Expired, Forbidden or Unreachable."""

    async def create(self, path: str, body: Obj, query: Mapping[str, str] | None = None) -> dict[str, Any]:
        """The object as stored after a POST to the collection `path`; Conflict when the name is taken."""

    async def patch(
        self, path: str, kind: Patch, body: Obj | list[dict[str, Any]], query: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        """The object as stored after a PATCH; Conflict on 409 and on a failed `test` operation."""

    async def delete(self, path: str, body: Obj | None = None) -> dict[str, Any]:
        """What the server answers to a DELETE; `body` may carry preconditions."""

    def watch(self, path: str, query: Mapping[str, str]) -> AsyncIterator[dict[str, Any]]:
        """Watch events `{type, object}` until the server ends the stream; Expired on 410, also inside the stream.

        The caller sets resourceVersion, allowWatchBookmarks and timeoutSeconds in `query`.
        """


class TextApi(KubeApi, Protocol):
    """A `KubeApi` that also reads what is no object: the log of a container."""

    async def text(self, path: str, query: Mapping[str, str], most: int) -> str:
        """What is at `path`, cut off after `most` bytes; bytes that are no UTF-8 are replaced. Failures as of `get`."""
