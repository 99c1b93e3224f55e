"""Is what thousands of Rollouts are shown by read cheaply, and is nothing wrong overlooked?"""

from collections.abc import Mapping
from typing import Any

import pytest

from adapters.kube import objects
from adapters.kube.objects import KubeObjects
from adapters.memory.cluster import DirectApi, MemoryCluster
from rollout.crds import definitions
from rollout.manifest.status import status_to_dict
from rollout.model.status import Reason
from rollout.services import queries
from tests.support.builders import a_rollout_manifest, a_status

BROKEN = "v1.2"  # a revision that makes no name of a Service


def a_rollout(*, generation: int = 1, observed: int = 1, complaint: str = "", **spec: Any) -> dict[str, Any]:
    """One as the API server has it, whose generation `observed` the controller has read."""
    reasons = (Reason(code=complaint, message="no Service can have that name"),) if complaint else ()
    made = a_rollout_manifest(**spec)
    status = a_status(observed_generation=observed, reasons=reasons)
    return {**made, "metadata": {**made["metadata"], "generation": generation}, "status": status_to_dict(status)}


def test_a_spec_that_the_controller_has_read_is_not_read_again() -> None:
    told = queries.briefly(a_rollout(revision=BROKEN))

    assert (told.spec, told.error, told.wanted) == (None, "", BROKEN)


@pytest.mark.parametrize(
    "changes", [{"generation": 2}, {"generation": 0, "observed": 0}, {"complaint": queries.UNREADABLE}]
)
def test_what_it_has_not_read_or_complained_about_is_read(changes: dict[str, Any]) -> None:
    told = queries.briefly(a_rollout(revision=BROKEN, **changes))

    assert "spec.backend" in told.error
    assert told == queries.standing(dict(told.obj))


def test_all_but_the_spec_is_told_as_of_one_alone() -> None:
    obj = a_rollout(revision="v7")

    told, alone = queries.briefly(obj), queries.standing(obj)

    assert (told.key, told.status, told.wanted, told.created) == (alone.key, alone.status, "v7", alone.created)


class CountingApi(DirectApi):
    """Notes how many objects each list asks for."""

    def __init__(self, cluster: MemoryCluster) -> None:
        super().__init__(cluster)
        self.limits: list[str] = []

    async def get(self, path: str, query: Mapping[str, str] | None = None) -> dict[str, Any]:
        if path.endswith("/rollouts"):
            self.limits.append((query or {}).get("limit", ""))
        return await super().get(path, query)


async def test_many_are_listed_in_pages_and_nothing_else_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(objects, "PAGE", 10)
    cluster = MemoryCluster()
    cluster.seed(*definitions().values())
    cluster.seed({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}})
    for number in range(11):
        made = a_rollout(revision="v1")
        cluster.seed({**made, "metadata": {**made["metadata"], "name": f"s-{number}"}})
    api = CountingApi(cluster)

    found = await queries.rollouts(KubeObjects(api))

    assert (len(found), api.limits) == (11, ["10", "10"])
