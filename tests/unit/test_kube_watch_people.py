"""Whom does a changed approval policy or freeze wake?"""

from typing import Any

import pytest

from adapters.kube.cache import Cache
from adapters.kube.kinds import WATCHED
from adapters.memory.cluster import DirectApi, MemoryCluster
from rollout.crds import definitions
from tests.support.woken import HOME, Woken, obj, rollout

NIGHTLY = {"windows": [{"schedule": "0 18 * * *", "duration": "12h", "timeZone": "UTC"}], "overrun": "finish"}
GATED = [{"weight": 5, "approval": "leads"}]


def labelled(made: dict[str, Any], **labels: str) -> dict[str, Any]:
    """The object with these labels."""
    return {**made, "metadata": {**made["metadata"], "labels": labels}}


def migration(name: str, **wave: Any) -> dict[str, Any]:
    """A MeshMigration of one wave."""
    made = obj("MeshMigration", name, {"waves": [{"name": "w", "namespaces": [f"of-{name}"], **wave}]})
    return {**made, "metadata": {"name": name}}


@pytest.fixture
async def woken() -> Woken:
    """checkout waits for leads, cart is gold; pinned waits for leads by the plan that its run keeps; one more in bank."""
    cluster = MemoryCluster()
    cluster.seed(*definitions().values())
    run = {"machine": {"run": {"plan": [{"weight": 5, "approvals": ["leads"]}]}}}
    cluster.seed(
        rollout("checkout", steps=GATED),
        labelled(rollout("cart"), tier="gold"),
        {**rollout("pinned"), "status": run},
        rollout("vault", "bank", steps=GATED),
        migration("strict", approval="leads"),
        migration("other"),
    )
    cache = Cache(DirectApi(cluster), WATCHED)
    woken = Woken(cluster, cache)
    await woken.keys()
    return woken


@pytest.mark.parametrize(
    ("namespace", "keys"),
    [
        ("shop", ["shop/checkout", "shop/pinned"]),
        ("bank", ["bank/vault"]),
        ("elsewhere", []),
        (HOME, ["MeshMigration strict", "bank/vault", "shop/checkout", "shop/pinned"]),
    ],
)
async def test_a_policy_wakes_those_that_name_it(woken: Woken, namespace: str, keys: list[str]) -> None:
    assert await woken.by_seeing(obj("ApprovalPolicy", "leads", namespace=namespace)) == keys


async def test_a_policy_that_nobody_names_wakes_nobody(woken: Woken) -> None:
    assert await woken.by_seeing(obj("ApprovalPolicy", "sec"), obj("ApprovalPolicy", "sec", namespace=HOME)) == []


@pytest.mark.parametrize(
    ("spec", "namespace", "keys"),
    [
        ({}, "shop", ["shop/cart", "shop/checkout", "shop/pinned"]),
        ({"selector": {"tier": "gold"}}, "shop", ["shop/cart"]),
        ({"namespaces": ["bank"]}, HOME, ["bank/vault"]),
        ({"namespaces": ["*"], "selector": {"tier": "gold"}}, HOME, ["shop/cart"]),
        ({"namespaces": ["*"]}, HOME, ["bank/vault", "shop/cart", "shop/checkout", "shop/pinned"]),
        ({}, HOME, []),
    ],
)
async def test_a_window_wakes_those_that_it_means(
    woken: Woken, spec: dict[str, Any], namespace: str, keys: list[str]
) -> None:
    found = await woken.by_seeing(obj("FreezeWindow", "night", spec, namespace))

    moved = [] if namespace != HOME or "selector" in spec else ["MeshMigration other", "MeshMigration strict"]
    assert found == moved + keys


async def test_a_window_that_no_longer_means_a_rollout_wakes_it_once_more(woken: Woken) -> None:
    await woken.by_seeing(obj("FreezeWindow", "night", {**NIGHTLY, "selector": {"tier": "gold"}}))

    changed = await woken.by_changing(obj("FreezeWindow", "night"), {"spec": {"selector": {"tier": "iron"}}})

    assert changed == ["shop/cart"]


async def test_a_commit_that_leaves_a_policy_as_it_is_wakes_nobody(woken: Woken) -> None:
    await woken.by_seeing(obj("ApprovalPolicy", "leads", {"minimum": 1, "fourEyes": False, "onTimeout": "hold"}))

    assert await woken.by_changing(obj("ApprovalPolicy", "leads"), {"metadata": {"annotations": {"a": "b"}}}) == []
