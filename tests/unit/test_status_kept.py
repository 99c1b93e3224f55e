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
from rollout.manifest.status import status_from_dict, status_to_dict
from rollout.ports.errors import Rejected
from tests.support import recorded
from tests.support.builders import CHECKOUT, NOON, a_rollout_manifest, a_run, a_status
from tests.support.judged import a_full_checkpoint


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


async def test_definitions_without_the_judge_take_its_memory_away_and_nothing_else_of_the_run() -> None:
    cluster = MemoryCluster()
    threshold = {"name": "errors", "kind": "error-ratio", "max": "1%"}
    cluster.seed(*recorded.crds("v0_1_0"), a_rollout_manifest(objectives=[threshold]))
    run = a_run(weight=5, judged=(a_full_checkpoint("errors"),), outlook="can prove much", trial_since=NOON)
    path = "/apis/rollout.dev/v1alpha1/namespaces/shop/rollouts/checkout/status"

    answer = await DirectApi(cluster).patch(path, Patch.MERGE, {"status": status_to_dict(a_status(run=run))})

    assert status_from_dict(answer["status"]) == a_status(run=a_run(weight=5))
