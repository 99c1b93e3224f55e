"""Are error budgets, and webhooks of the API server, read from the cluster as they are, and waited for?"""

from typing import Any

import pytest

from adapters.kube.mesh_watch import migrations_of
from rollout.model.migration_seen import Budget
from rollout.model.names import Key
from tests.support.fleet_world import HOME, NAME, FleetWorld, a_fleet

ADMISSION = "/apis/admissionregistration.k8s.io/v1"
ERRORS = {"name": "errors", "kind": "error-ratio", "max": "1%"}


def policy(*objectives: dict[str, Any], name: str = "http", namespace: str = HOME) -> dict[str, Any]:
    """An SloPolicy."""
    metadata = {"name": name, "namespace": namespace}
    spec = {"objectives": list(objectives)}
    return {"apiVersion": "rollout.dev/v1alpha1", "kind": "SloPolicy", "metadata": metadata, "spec": spec}


async def budgets(world: FleetWorld, *names: str) -> tuple[tuple[Budget, ...], tuple[str, ...]]:
    """What the observer sees after a tick."""
    await world.tick()
    return world.kept.migrator.observer.budgets.budgets(names)


async def test_each_limit_on_errors_that_decides_is_a_budget() -> None:
    strict = {"name": "strict", "kind": "error-ratio", "max": "0.1%"}
    shown = {"name": "shown", "kind": "error-ratio", "max": "9%", "mode": "observe"}
    async with a_fleet() as world:
        await world.put(policy(ERRORS, strict, shown))

        assert await budgets(world, "http") == (
            (
                Budget(policy="http", objective="errors", max_ratio=0.01),
                Budget(policy="http", objective="strict", max_ratio=0.001),
            ),
            (),
        )


async def test_a_policy_of_another_namespace_is_not_there() -> None:
    async with a_fleet() as world:
        await world.put(policy(ERRORS, namespace="shop"))

        found, missing = await budgets(world, "http")

        assert found == ()
        assert missing == (f"there is no SloPolicy http in {HOME}: create it, or take it out of spec.policies",)


async def test_a_policy_without_a_limit_on_errors_is_said_and_is_no_pass() -> None:
    async with a_fleet() as world:
        await world.put(policy({"name": "slow", "kind": "slow-ratio", "threshold": "500ms", "max": "1%"}))

        found, missing = await budgets(world, "http")

        assert found == ()
        assert missing == ("SloPolicy http has no objective about errors that decides: it limits no caller",)


async def test_a_migration_is_woken_by_a_policy_that_it_names_and_by_no_other() -> None:
    async with a_fleet(policies=["http"]) as world:
        await world.tick()

        woken = [list(migrations_of(world.cache, "SloPolicy", None, policy(ERRORS, name=n))) for n in ("http", "jobs")]

        assert woken == [[Key(namespace="", name=NAME)], []]


@pytest.mark.parametrize("kind", ["Validating", "Mutating"])
async def test_webhooks_are_known_by_the_namespace_of_their_service(kind: str) -> None:
    hooks = [
        {"name": "b.example.com", "clientConfig": {"service": {"name": "web", "namespace": "shop"}}},
        {"name": "a.example.com", "clientConfig": {"service": {"name": "web", "namespace": "shop"}}},
        {"name": "far.example.com", "clientConfig": {"url": "https://hooks.example.com/"}},
    ]
    body = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": f"{kind}WebhookConfiguration",
        "metadata": {"name": "orders"},
        "webhooks": hooks,
    }
    async with a_fleet() as world:
        await world.api.create(f"{ADMISSION}/{kind.lower()}webhookconfigurations", body)

        found = await world.kept.migrator.observer.inventory.webhooks()

        assert found["shop"] == ("a.example.com", "b.example.com")
        assert "far.example.com" not in str(found)
