"""Is an installation that was cut off finished by the next one?"""

from datetime import timedelta

import pytest

from adapters.kube.objects import KubeObjects
from adapters.memory.cluster import DirectApi, MemoryCluster
from rollout.crds import definitions
from rollout.ports.errors import Unreachable
from rollout.services.installing import apply_all
from rollout.wiring.shipped import Choices, controller_objects

CRDS = tuple(definitions().values())
SOON = timedelta(seconds=20)


async def test_an_installation_that_was_cut_off_at_any_write_is_finished_by_the_next_one() -> None:
    others = controller_objects(Choices())
    for passed in range(len(CRDS) + len(others)):
        cluster = MemoryCluster()
        objects = KubeObjects(DirectApi(cluster))
        cluster.faults.fail_next("*", Unreachable("cut off"), after=passed)
        with pytest.raises(Unreachable):
            await apply_all(objects, objects, CRDS, others, lambda _line: None, SOON)

        await apply_all(objects, objects, CRDS, others, lambda _line: None, SOON)

        kinds = [
            (obj["kind"], obj["metadata"].get("namespace", ""), obj["metadata"]["name"]) for obj in (*CRDS, *others)
        ]
        assert [await objects.get(*one) for one in kinds]
