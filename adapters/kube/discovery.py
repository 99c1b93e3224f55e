"""Which versions of a group does the API server serve?"""

import asyncio
from collections.abc import Mapping
from datetime import timedelta

from adapters.kube.api import KubeApi
from adapters.kube.kinds import Kind
from rollout.ports.errors import NotFound

_FRESH = timedelta(seconds=15)


class Discovery:
    """What `/apis` says, for all kinds together: an answer serves everybody until it is `fresh` old."""

    def __init__(self, api: KubeApi, fresh: timedelta = _FRESH) -> None:
        self._api = api
        self._fresh = fresh.total_seconds()
        self._served: Mapping[str, tuple[str, ...]] | None = None
        self._asked = float("-inf")
        self._asking = asyncio.Lock()

    async def candidates(self, kind: Kind) -> tuple[str, ...]:
        """Versions of `kind` worth a try, best first: the group may still serve one of them without this kind.

        All of them where the server has no `/apis`; the core group has one version and is not asked about.
        """
        if not kind.group:
            return kind.versions
        served = await self._groups()
        if served is None:
            return kind.versions
        return tuple(version for version in kind.versions if version in served.get(kind.group, ()))

    async def _groups(self) -> Mapping[str, tuple[str, ...]] | None:
        async with self._asking:
            now = asyncio.get_running_loop().time()
            if now - self._asked >= self._fresh:
                self._served = await self._ask()
                self._asked = now
            return self._served

    async def _ask(self) -> Mapping[str, tuple[str, ...]] | None:
        try:
            answer = await self._api.get("/apis")
        except NotFound:
            return None
        return {
            group["name"]: tuple(version["version"] for version in group.get("versions", ()))
            for group in answer.get("groups", ())
        }
