"""How is a replica that may have lost its lease kept from writing?"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

from adapters.kube.api import Obj, Patch, TextApi
from rollout.ports.errors import LeaseLost, Unreachable
from rollout.ports.lease import Lease

# How long a write may take. Of a lease that is renewed every 4 s and lost after 7 s there are 3 s left at any time, less
# what the renewal itself takes; who writes soon after a renewal has more, which slow admission webhooks need.
WITHIN = (timedelta(seconds=5), timedelta(seconds=3), timedelta(seconds=2))


class FencedApi:
    """A `KubeApi` that starts no write unless it ends before another replica may take the lease.

    within: how long a write may take, longest first: the first that the lease leaves. Reads and watches pass.
    """

    def __init__(self, api: TextApi, lease: Lease, within: tuple[timedelta, ...] = WITHIN) -> None:
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
        async with self._fence(path):
            return await self._api.create(path, body, query)

    async def patch(
        self, path: str, kind: Patch, body: Obj | list[dict[str, Any]], query: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        """As the API behind it; LeaseLost when it must not be started any more."""
        async with self._fence(path):
            return await self._api.patch(path, kind, body, query)

    async def delete(self, path: str, body: Obj | None = None) -> dict[str, Any]:
        """As the API behind it; LeaseLost when it must not be started any more."""
        async with self._fence(path):
            return await self._api.delete(path, body)

    def watch(self, path: str, query: Mapping[str, str]) -> AsyncIterator[dict[str, Any]]:
        """As the API behind it."""
        return self._api.watch(path, query)

    @asynccontextmanager
    async def _fence(self, path: str) -> AsyncIterator[None]:
        within = next((one for one in self._within if self.may_write(one)), None)
        if within is None:
            raise LeaseLost(f"{path}: the lease may be lost, nothing is written by this replica")
        try:
            async with asyncio.timeout(within.total_seconds()):
                yield
        except TimeoutError as error:
            seconds = within.total_seconds()
            raise Unreachable(f"{path}: no answer in {seconds:g} s, which is what the lease leaves; again") from error
