"""When can the actor of a command be believed, and what happens to approvals when it cannot?"""

from copy import deepcopy
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from adapters.kube.cache import Cache
from adapters.kube.client import HttpApi
from adapters.kube.kinds import KINDS
from adapters.memory.cluster import DirectApi, MemoryCluster
from rollout.ports.errors import Forbidden
from rollout.services.actors import unbound
from rollout.wiring.actors import seen_bound
from rollout.wiring.embedded import embedded
from rollout.wiring.shipped import actor_policy
from tests.support.world import a_release

SHIPPED = actor_policy()
FILLED_IN = {"matchPolicy": "Equivalent", "namespaceSelector": {}, "objectSelector": {}}
KEPT = tuple(KINDS[kind] for kind in ("ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"))


def live() -> tuple[dict[str, Any], dict[str, Any]]:
    """Policy and binding as the API server stores them."""
    policy, binding = deepcopy(SHIPPED)
    policy["spec"]["matchConstraints"] |= FILLED_IN
    policy["spec"]["matchConstraints"]["resourceRules"][0]["scope"] = "*"
    return policy, binding


def test_policy_and_binding_as_shipped_bind_the_actor() -> None:
    assert unbound(SHIPPED, *live()) == ""


def test_either_of_them_missing_binds_nobody() -> None:
    policy, binding = live()

    assert "there is no ValidatingAdmissionPolicy rollout" in unbound(SHIPPED, None, binding)
    assert "there is no ValidatingAdmissionPolicyBinding rollout" in unbound(SHIPPED, policy, None)


@pytest.mark.parametrize(
    "narrowing",
    [
        {"validations": []},
        {"failurePolicy": "Ignore"},
        {"matchConditions": [{"name": "never", "expression": "false"}]},
        {"matchConstraints": {"resourceRules": []}},
        {"paramKind": {"apiVersion": "v1", "kind": "ConfigMap"}},
    ],
    ids=lambda spec: next(iter(spec)),
)
def test_a_policy_that_says_anything_else_binds_nobody(narrowing: dict[str, Any]) -> None:
    policy, binding = live()
    policy["spec"] |= narrowing

    assert "not the one of this version" in unbound(SHIPPED, policy, binding)


def test_a_policy_for_some_namespaces_only_binds_nobody() -> None:
    policy, binding = live()
    policy["spec"]["matchConstraints"]["namespaceSelector"] = {"matchLabels": {"strict": "yes"}}

    assert "not the one of this version" in unbound(SHIPPED, policy, binding)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"validationActions": ["Warn", "Audit"]}, "does not deny"),
        ({"matchResources": {"namespaceSelector": {"matchLabels": {"a": "b"}}}}, "does not hold everywhere"),
        ({"policyName": "another"}, "does not hold everywhere"),
    ],
)
def test_a_binding_that_does_not_deny_everywhere_binds_nobody(change: dict[str, Any], words: str) -> None:
    policy, binding = live()
    binding["spec"] |= change

    assert words in unbound(SHIPPED, policy, binding)


def test_a_binding_that_also_audits_is_fine() -> None:
    policy, binding = live()
    binding["spec"]["validationActions"] = ["Deny", "Audit"]

    assert unbound(SHIPPED, policy, binding) == ""


async def seen(cluster: MemoryCluster) -> bool:
    """What a controller that starts now sees."""
    cache = Cache(DirectApi(cluster), KEPT, "shop")
    await cache.refresh()
    return seen_bound(cache)()


async def test_the_controller_sees_them_in_the_cluster_and_nothing_else_of_their_kinds() -> None:
    cluster = MemoryCluster()
    without = await seen(cluster)
    other = deepcopy(SHIPPED[0])
    other["metadata"]["name"] = "of-somebody-else"
    cluster.seed(other, *SHIPPED)
    cache = Cache(DirectApi(cluster), KEPT)
    await cache.refresh()

    assert (without, await seen(cluster)) == (False, True)
    assert [obj["metadata"]["name"] for obj in cache.list(KEPT[0].name)] == ["rollout-command-actor"]


async def test_what_may_not_be_read_is_not_there_and_keeps_nobody_from_starting() -> None:
    cluster = MemoryCluster()
    cluster.seed(*SHIPPED)
    for kind in KEPT:
        cluster.faults.fail_next(f"*/{kind.plural}", Forbidden("no right"), verb="list")
    cache = Cache(DirectApi(cluster), KEPT)
    await cache.refresh()

    assert (cache.is_synced(), seen_bound(cache)()) == (True, False)


async def approved(*, loose: bool) -> str:
    """How an approval is answered where step 1 waits for one."""
    async with a_release(steps=[{"weight": 5, "soak": "5m", "approval": "release-managers"}]) as world:
        world.metrics.tell_requests("errors", bad=0, total=1000)
        await world.commit(revision="v2")
        await world.pass_time(timedelta(minutes=10))
        world.reconciler.observer.actors_bound = lambda: not loose
        command = await world.command("approve")
        await world.pass_time(timedelta(minutes=1))
        return await world.answer(command)


async def test_where_nothing_binds_actors_an_approval_is_refused_with_what_to_install() -> None:
    answer = await approved(loose=True)

    assert answer.startswith("Refused: no approval counts here")
    assert "`rollout install` brings the ValidatingAdmissionPolicy rollout-command-actor" in answer


async def test_where_actors_are_bound_it_is_accepted() -> None:
    assert (await approved(loose=False)).startswith("Accepted")


async def test_the_embedded_cluster_of_the_demo_takes_approvals(tmp_path: Path) -> None:
    async with embedded(tmp_path / "kubeconfig"):
        api = await HttpApi.connect(str(tmp_path / "kubeconfig"))
        try:
            cache = Cache(api, KEPT)
            await cache.refresh()
            is_bound = seen_bound(cache)()
        finally:
            await api.close()

    assert is_bound
