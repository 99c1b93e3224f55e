"""Is a change taken back for what it broke, edge by edge, and for nothing that it did not break?"""

from datetime import timedelta
from typing import Any

import pytest

from adapters.memory.mesh_metrics import Labels, sample
from rollout.model.migration import Stage
from tests.support.fleet_world import BEAT, HOME, FleetWorld, a_fleet

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
SHOP = [{"name": "core", "namespaces": ["shop"]}]
CALLS, SKIPS = "apiserver_admission_webhook_rejection_count", "apiserver_admission_webhook_fail_open_count"
CHECKED: dict[str, Any] = {
    "apiVersion": "admissionregistration.k8s.io/v1",
    "kind": "ValidatingWebhookConfiguration",
    "metadata": {"name": "orders"},
    "webhooks": [{"name": "orders.example.com", "clientConfig": {"service": {"name": "web", "namespace": "shop"}}}],
}
WEBHOOKS = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations"


def sent(name: str, **labels: str) -> Labels:
    """A counter of tools/ci, which calls shop/web."""
    edge = {
        "source_workload": "ci",
        "source_workload_namespace": "tools",
        "destination_workload": "web",
        "destination_service_namespace": "shop",
    }
    return sample(name, reporter="source", pod="ci-1", **edge | labels)


def served(pod: str) -> Labels:
    """What a pod of shop gets with mTLS."""
    return sample(
        REQUESTS,
        reporter="destination",
        pod=pod,
        connection_security_policy="mutual_tls",
        destination_workload_namespace="shop",
        source_workload_namespace="shop",
    )


REQUESTS, CLOSED = "istio_requests_total", "istio_tcp_connections_closed_total"


async def counted(world: FleetWorld, per_beat: dict[Labels, float], beats: int = 12) -> None:
    """So many beats in each of which these counters grow by so much, and those of the pods that get it, until shop goes back."""
    for _ in range(beats):
        pods = await world.api.get("/api/v1/namespaces/shop/pods")
        got = {served(pod["metadata"]["name"]): 1.0 for pod in pods["items"]} if per_beat else {}
        for labels, more in {**per_beat, **got}.items():
            world.fleet.others[labels] = world.fleet.others.get(labels, 0.0) + more
        await world.pass_time(BEAT)
        if "shop FallenBack" in world.stages():
            return


async def reached(world: FleetWorld, stage: str, per_beat: dict[Labels, float] | None = None) -> None:
    """shop has come to this stage, while these counters grew."""
    world.fleet.callers.clear()
    for _ in range(600):
        await counted(world, per_beat or {}, beats=1)
        if f"shop {stage}" in world.stages():
            return
    raise AssertionError("\n".join(world.story[-12:]))


def policy(ratio: str) -> dict[str, Any]:
    """What may fail."""
    objective = {"name": "errors", "kind": "error-ratio", "max": ratio}
    metadata = {"name": "http", "namespace": HOME}
    return {"apiVersion": "rollout.dev/v1alpha1", "kind": "SloPolicy", "metadata": metadata} | {
        "spec": {"objectives": [objective]}
    }


@pytest.mark.parametrize("stage", ["StrictCanary", "StrictSoak"])
async def test_connections_that_fail_since_the_change_take_it_back(stage: str) -> None:
    async with a_fleet(waves=SHOP) as world:
        await reached(world, stage, {sent(CLOSED, response_flags="-"): 2})
        await counted(world, {sent(CLOSED, response_flags="UF,URX"): 1})

        assert (await world.of("shop")).stage is Stage.FALLEN_BACK
        assert "tools/ci to web" in (await world.of("shop")).why_back
        assert "connections fail, 0.00% did before" in (await world.of("shop")).why_back


async def test_connections_that_failed_before_take_nothing_back() -> None:
    failing = {sent(CLOSED, response_flags="UF,URX"): 1.0, sent(CLOSED, response_flags="-"): 1.0}
    async with a_fleet(waves=SHOP) as world:
        await reached(world, "Done", failing)

        assert (await world.of("shop")).fallbacks == 0


async def test_one_failed_request_of_three_takes_nothing_back() -> None:
    async with a_fleet(waves=SHOP) as world:
        await reached(world, "StrictSoak", {sent(REQUESTS, response_code="200"): 1})
        await counted(world, {sent(REQUESTS, response_code="503"): 1}, beats=1)
        await counted(world, {sent(REQUESTS, response_code="200"): 1}, beats=2)

        assert (await world.of("shop")).fallbacks == 0


async def test_an_error_budget_that_burns_too_fast_takes_the_change_back() -> None:
    ok, bad = sent(REQUESTS, response_code="200"), sent(REQUESTS, response_code="503")
    async with a_fleet(waves=SHOP, policies=["http"], triggers={"successDrop": "100%"}) as world:
        await world.put(policy("1%"))
        await reached(world, "StrictSoak", {ok: 20})
        await counted(world, {ok: 10, bad: 10})

        assert (await world.of("shop")).stage is Stage.FALLEN_BACK
        assert "14.4 times the 1.000% of errors (SloPolicy http)" in (await world.of("shop")).why_back


async def test_an_error_budget_that_burnt_before_takes_nothing_back() -> None:
    failing = {sent(REQUESTS, response_code="200"): 10.0, sent(REQUESTS, response_code="503"): 10.0}
    async with a_fleet(waves=SHOP, policies=["http"]) as world:
        await world.put(policy("1%"))
        await reached(world, "Done", failing)

        assert (await world.of("shop")).fallbacks == 0


async def test_a_policy_that_is_not_there_holds_until_somebody_makes_it() -> None:
    async with a_fleet(waves=SHOP, policies=["http"]) as world:
        await world.pass_time(MINUTE)
        (reason,) = (await world.of("shop")).reasons

        assert reason.code == "BudgetMissing"
        assert reason.message.startswith(f"there is no SloPolicy http in {HOME}")
        await world.put(policy("1%"))
        await reached(world, "Done")


async def test_a_certificate_that_is_not_renewed_takes_the_change_back() -> None:
    async with a_fleet(waves=SHOP) as world:
        await reached(world, "StrictSoak")
        late = sample("istio_agent_cert_expiry_seconds", namespace="shop", pod="web-1", resource_name="default")
        world.fleet.others[late] = 599
        await world.pass_time(BEAT)

        assert (await world.of("shop")).why_back == "web-1: its certificate ends in 599 s"


@pytest.mark.parametrize("counter", [CALLS, SKIPS])
async def test_a_webhook_that_the_api_server_cannot_call_any_more_takes_the_change_back(counter: str) -> None:
    async with a_fleet(waves=SHOP) as world:
        await reached(world, "Strict")
        await world.api.create(WEBHOOKS, CHECKED)
        await world.restart()  # what was listed is forgotten
        failed = {"error_type": "calling_webhook_error"} if counter == CALLS else {}
        await counted(world, {sample(counter, name="orders.example.com", **failed): 1}, beats=2)

        assert (await world.of("shop")).why_back.startswith("the API server could not call the webhook orders.exa")


async def test_a_webhook_of_another_namespace_takes_nothing_back() -> None:
    async with a_fleet(waves=SHOP) as world:
        await reached(world, "Strict")
        other = sample(CALLS, name="others.example.com", error_type="calling_webhook_error")
        await counted(world, {other: 1}, beats=2)

        assert (await world.of("shop")).fallbacks == 0
