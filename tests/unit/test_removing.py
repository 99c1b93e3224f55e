"""What does `rollout uninstall --crds` take away, what does it leave, and what does it say when something holds it?"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from adapters.kube.objects import KubeObjects
from adapters.memory.cluster import DirectApi, MemoryCluster
from rollout.crds import definitions
from rollout.manifest.group import FINALIZER
from rollout.ports.errors import Unreachable
from rollout.ports.objects import Obj
from rollout.services.removing import remove_kinds
from tests.support.builders import a_rollout_manifest

CRDS = tuple(definitions().values())
SOON = timedelta(seconds=20)


@pytest.fixture
def cluster() -> MemoryCluster:
    """Our kinds, and one Rollout with our finalizer."""
    cluster = MemoryCluster()
    cluster.seed(*CRDS)
    return cluster


def a_rollout(*finalizers: str) -> dict[str, Any]:
    obj = dict(a_rollout_manifest())
    obj["metadata"] = {**obj["metadata"], "finalizers": list(finalizers)}
    return obj


async def removed(cluster: MemoryCluster) -> tuple[tuple[str, ...], list[str]]:
    """What is left, and what was said."""
    objects, said = KubeObjects(DirectApi(cluster)), list[str]()
    return await remove_kinds(objects, objects, CRDS, said.append, SOON), said


async def there(cluster: MemoryCluster) -> set[str]:
    """Names of our CRDs that are there."""
    found = await KubeObjects(DirectApi(cluster)).list("CustomResourceDefinition")
    return {obj["metadata"]["name"] for obj in found} & {crd["metadata"]["name"] for crd in CRDS}


async def test_a_rollout_that_waits_for_a_controller_that_is_gone_does_not_hang_the_end(cluster: MemoryCluster) -> None:
    cluster.seed(a_rollout(FINALIZER))

    left, said = await removed(cluster)

    assert (left, await there(cluster)) == ((), set())
    assert "CustomResourceDefinition rollouts.rollout.dev deleted" in said


async def test_where_nothing_is_there_nothing_is_left_to_do() -> None:
    assert (await removed(MemoryCluster()))[0] == ()


async def test_an_api_server_that_does_not_answer_yet_is_asked_again(cluster: MemoryCluster) -> None:
    cluster.seed(a_rollout(FINALIZER))
    cluster.faults.fail_next("*/rollouts", Unreachable("storage is (re)initializing"), verb="list")

    left, _ = await removed(cluster)

    assert left == ()


class Forgetful(KubeObjects):
    """An API server that forgets to end a CRD until something about it changes."""

    def __init__(self, cluster: MemoryCluster) -> None:
        super().__init__(DirectApi(cluster))
        self.forgotten: dict[str, Obj] = {}

    async def delete(self, kind: str, namespace: str, name: str) -> None:
        self.forgotten[name] = await self.get(kind, namespace, name)

    async def patch(self, kind: str, namespace: str, name: str, operations: Sequence[Obj]) -> Obj:
        if name not in self.forgotten:
            return await super().patch(kind, namespace, name, operations)
        answer = self.forgotten.pop(name)
        await super().delete(kind, namespace, name)
        return answer


@pytest.mark.slow
async def test_a_crd_that_the_api_server_has_forgotten_to_end_is_brought_to_its_mind(cluster: MemoryCluster) -> None:
    server = Forgetful(cluster)

    left = await remove_kinds(server, server, CRDS[:1], lambda _line: None, SOON)

    assert left == ()
