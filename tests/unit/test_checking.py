"""When is a finding of `rollout check` good, and when is it not?"""

from copy import deepcopy
from datetime import UTC, datetime
from typing import Any

import pytest

from adapters.kube.objects import KubeObjects
from adapters.memory.cluster import DirectApi, MemoryCluster
from rollout.model.shard import SHARDS
from rollout.services.checking import (
    Mark,
    account_rights,
    actors,
    api_server,
    controller,
    covers,
    prometheus,
    traffic_kinds,
)
from rollout.wiring.shipped import actor_policy

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


class StandInServer:
    """An API server of one version that serves some kinds in v1, and lets everybody do what it has a kind for."""

    def __init__(self, version: str = "v1.34.0", *kinds: tuple[str, str]) -> None:
        self._version, self._kinds = version, kinds

    async def version(self) -> str:
        return self._version

    async def served(self, group: str, plural: str) -> tuple[str, ...]:
        return ("v1",) if (group, plural) in self._kinds else ()

    async def may(self, user: str, verb: str, group: str, resource: str) -> bool:
        return bool(user and verb) and (group, resource) in self._kinds


class StandInProbe:
    """A metrics server with some series."""

    def __init__(self, *series: str) -> None:
        self._series = series

    async def server(self) -> str:
        return "Prometheus 3.0"

    async def present(self, metrics: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(name for name in metrics if name in self._series)


@pytest.mark.parametrize(
    ("version", "mark"),
    [("v1.32.0", Mark.GOOD), ("v1.36.1+k3s1", Mark.GOOD), ("v2.0.0", Mark.GOOD), ("v1.31.9", Mark.BAD), ("", Mark.BAD)],
)
async def test_a_supported_version_is_good(version: str, mark: Mark) -> None:
    findings = await api_server(StandInServer(version))

    assert [finding.mark for finding in findings] == [mark]


@pytest.mark.parametrize(
    ("wanted", "live", "is_covered"),
    [
        ({"a": 1}, {"a": 1, "conversion": {}}, True),
        ({"a": 1}, {"a": 2}, False),
        ({"a": {"b": [1, {"c": 2}]}}, {"a": {"b": [1, {"c": 2, "d": 3}]}}, True),
        ({"a": [1]}, {"a": [1, 2]}, False),
        ({"a": [1]}, {"a": None}, False),
    ],
)
def test_what_the_server_filled_in_besides_does_not_matter(wanted: object, live: object, *, is_covered: bool) -> None:
    assert covers(wanted, live) is is_covered


async def test_one_kind_of_route_is_enough() -> None:
    findings = await traffic_kinds(StandInServer("v1.34.0", ("gateway.networking.k8s.io", "httproutes")))

    assert {finding.mark for finding in findings} == {Mark.GOOD}


async def test_no_kind_of_route_at_all_is_in_the_way() -> None:
    findings = await traffic_kinds(StandInServer())

    assert findings[-1].mark is Mark.BAD


async def test_a_mesh_of_which_one_series_is_missing_is_worth_a_look() -> None:
    findings = await prometheus(StandInProbe("response_total"))

    assert [(finding.mark, finding.text) for finding in findings] == [
        (Mark.GOOD, "Prometheus 3.0 answers"),
        (Mark.WARNING, "Linkerd: response_latency_ms_bucket is missing"),
    ]


async def test_a_right_that_the_controller_lacks_is_named() -> None:
    server = StandInServer("v1.34.0", ("", "pods"))

    findings = await account_rights(server, "robot", [("list", "", "pods"), ("patch", "apps", "deployments")])

    assert [(finding.mark, finding.text) for finding in findings] == [
        (Mark.BAD, "robot may not: patch deployments.apps")
    ]


async def live_objects(*seeded: dict[str, Any]) -> KubeObjects:
    """A cluster with these objects."""
    cluster = MemoryCluster()
    cluster.seed(*seeded)
    return KubeObjects(DirectApi(cluster))


async def test_the_policy_that_approvals_rest_on_is_good_where_it_is_as_shipped() -> None:
    findings = await actors(await live_objects(*actor_policy()), actor_policy())

    assert [finding.mark for finding in findings] == [Mark.GOOD]


async def test_without_it_approvals_are_said_to_be_refused_and_what_brings_it() -> None:
    findings = await actors(await live_objects(), actor_policy())

    assert [(finding.mark, finding.next) for finding in findings] == [(Mark.BAD, "run `rollout install`")]
    assert "approvals are refused: there is no ValidatingAdmissionPolicy" in findings[0].text


async def test_a_binding_that_only_warns_is_in_the_way() -> None:
    policy, binding = deepcopy(actor_policy())
    binding["spec"]["validationActions"] = ["Warn"]

    findings = await actors(await live_objects(policy, binding), actor_policy())

    assert [finding.mark for finding in findings] == [Mark.BAD]
    assert "does not deny" in findings[0].text


async def test_a_shard_that_nobody_leads_is_told_by_its_lease() -> None:
    meta = {"namespace": "rollout-system"}
    layout = {"metadata": {**meta, "name": "rollout-controller", "annotations": {SHARDS: "2"}}}
    held = {"holderIdentity": "a", "renewTime": "2026-11-21T11:59:58.000000Z", "leaseDurationSeconds": 10}
    first = {"metadata": {**meta, "name": "rollout-controller-1"}, "spec": held}
    leases = ({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", **one} for one in (layout, first))
    pods = {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {**meta, "name": "rollout-controller"},
        "spec": {"replicas": 4},
        "status": {"availableReplicas": 3},
    }

    findings = await controller(await live_objects(*leases, pods), "rollout-system", "rollout-controller", NOON)

    assert [(one.mark, one.text) for one in findings] == [
        (Mark.GOOD, "StatefulSet rollout-system/rollout-controller has 3 of 4 replicas available"),
        (Mark.GOOD, "the Lease rollout-system/rollout-controller-1 was renewed 2 s ago by a"),
        (Mark.BAD, "no replica holds the Lease rollout-system/rollout-controller-2"),
    ]
