"""How is a replica that may have lost its lease kept from writing?"""

from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from typing import Any

from adapters.kube.api import Obj, Patch, TextApi
from rollout.ports.errors import LeaseLost
from rollout.ports.lease import Lease


class FencedApi:
    """A `KubeApi` that starts no write unless it would end before another replica may take the lease.

    within: the longest that one request of `api` may take. Reads and watches pass.
    """

    def __init__(self, api: TextApi, lease: Lease, within: timedelta) -> None:
        self._api = api
        self._lease = lease
        self._within = within

    def may_write(self, within: timedelta) -> bool:
        """Whether something that takes so long would end before another replica may take the lease."""
        return self._lease.may_write(within)

    async def get(self, path: str, query: Mapping[str, str] | None = None) -> dict[str, Any]:
        """As the API behind it."""
        return await self._api.get(path, query)

    async def text(self, path: str, query: Mapping[str, str], most: int) -> str:
        """As the API behind it."""
        return await self._api.text(path, query, most)

    async def create(self, path: str, body: Obj, query: Mapping[str, str] | None = None) -> dict[str, Any]:
        """As the API behind it; LeaseLost when it must not be started any more."""
        self._check(path)
        return await self._api.create(path, body, query)

    async def patch(
        self, path: str, kind: Patch, body: Obj | list[dict[str, Any]], query: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        """As the API behind it; LeaseLost when it must not be started any more."""
        self._check(path)
        return await self._api.patch(path, kind, body, query)

    async def delete(self, path: str, body: Obj | None = None) -> dict[str, Any]:
        """As the API behind it; LeaseLost when it must not be started any more."""
        self._check(path)
        return await self._api.delete(path, body)

    def watch(self, path: str, query: Mapping[str, str]) -> AsyncIterator[dict[str, Any]]:
        """As the API behind it."""
        return self._api.watch(path, query)

    def _check(self, path: str) -> None:
        if not self.may_write(self._within):
            raise LeaseLost(f"{path}: the lease may be lost, nothing is written by this replica")
