"""Does the number of watches depend on the number of Rollouts?"""

from collections import Counter

import pytest

from adapters.kube.kinds import WATCHED
from tests.support.builders import a_rollout_manifest
from tests.support.followed import until
from tests.support.world import a_world, virtual_service


async def followed(rollouts: int) -> Counter[str]:
    """How often each resource was watched, by a controller that starts with so many Rollouts and ticks one."""
    async with a_world() as world:
        for number in range(rollouts):
            name = f"service-{number}"
            routes = [{"kind": "VirtualService", "name": name}]
            world.cluster.seed(a_rollout_manifest(name, routes=routes), virtual_service(f"{name}-v1", name=name))
        await world.services.stop()  # whose last watch may begin late
        calls = world.cluster.faults.calls
        calls.clear()
        await world.restart()
        await until(lambda: len(_watches(calls)) >= len(WATCHED))
        await world.settle()
        return _watches(calls)


def _watches(calls: Counter[tuple[str, str]]) -> Counter[str]:
    return Counter({resource: times for (verb, resource), times in calls.items() if verb == "watch"})


@pytest.mark.parametrize("rollouts", [1, 40])
async def test_every_kind_is_watched_once_however_many_rollouts_there_are(rollouts: int) -> None:
    watches = await followed(rollouts)

    assert set(watches.values()) == {1}
    assert len(watches) == len(WATCHED)
