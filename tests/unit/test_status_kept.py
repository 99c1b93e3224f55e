"""What happens when the API server does not keep all of a status?"""

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from adapters.kube.api import Obj, Patch
from adapters.kube.cache import Cache
from adapters.kube.kinds import KINDS
from adapters.kube.store import KubeRollouts
from adapters.memory.cluster import DirectApi, MemoryCluster
from rollout import crds
from rollout.ports.errors import Rejected
from tests.support.builders import CHECKOUT, a_rollout_manifest, a_run, a_status


class OldDefinitions(DirectApi):
    """A server whose CRDs are older than the controller: it prunes what they do not name."""

    async def patch(
        self, path: str, kind: Patch, body: Obj | list[dict[str, Any]], query: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        """The object without `machine`."""
        answer = await super().patch(path, kind, body, query)
        return {**answer, "status": {name: value for name, value in answer["status"].items() if name != "machine"}}


async def test_a_status_with_holes_is_never_built_upon() -> None:
    cluster = MemoryCluster()
    cluster.seed(*crds.definitions().values(), a_rollout_manifest())
    api = OldDefinitions(cluster)
    cache = Cache(api, [KINDS["Rollout"], KINDS["SloPolicy"]])
    following = asyncio.create_task(cache.run())
    await cache.wait_synced(timedelta(seconds=10))
    stored = KubeRollouts(api, cache).get(CHECKOUT)
    assert stored is not None

    with pytest.raises(Rejected, match="apply the CRDs of this version"):
        await KubeRollouts(api, cache).save(stored, a_status(run=a_run()))

    following.cancel()
