"""Is a route taken as accepted only when its API says so of this generation, or says nothing?"""

from typing import Any

import pytest

from adapters.traffic.writers import last_writer
from rollout.traffic.acceptance import Answer, answered
from rollout.traffic.dialects import DIALECTS
from tests.support.objects import accepted, checkout, http_route, traffic_split


def istio_says(**status: Any) -> Answer:
    return answered({**checkout(), "status": status}, DIALECTS["VirtualService"])


def parents_say(*parents: dict[str, Any]) -> Answer:
    return answered({**http_route(), "status": {"parents": list(parents)}}, DIALECTS["HTTPRoute"])


def a_parent(conditions: list[dict[str, Any]], name: str = "public") -> dict[str, Any]:
    return {"parentRef": {"name": name, "namespace": "gateways"}, "conditions": conditions}


def test_an_api_that_reports_nothing_accepts() -> None:
    assert answered(traffic_split(), DIALECTS["TrafficSplit"]) == Answer(accepted=True)


def test_a_virtual_service_without_status_is_accepted() -> None:
    assert istio_says() == Answer(accepted=True)


@pytest.mark.parametrize(("reported", "is_accepted"), [(2, False), ("2", False), (3, True), ("3", True)])
def test_istio_must_have_seen_the_generation_where_it_reports_one(reported: object, is_accepted: bool) -> None:
    assert istio_says(observedGeneration=reported).accepted is is_accepted


def test_istio_is_waited_for_while_proxies_are_told() -> None:
    conditions = [{"type": "Reconciled", "status": "False"}]

    assert istio_says(observedGeneration=3, conditions=conditions) == Answer(accepted=False)


def test_a_gateway_route_that_nobody_reported_on_is_accepted() -> None:
    assert parents_say() == Answer(accepted=True)


def test_a_parent_that_saw_an_older_generation_is_waited_for() -> None:
    assert parents_say(a_parent(accepted(1, resolved="False"))) == Answer(accepted=False)


def test_a_parent_that_refuses_this_generation_is_a_problem() -> None:
    answer = parents_say(a_parent(accepted(2, resolved="False")))

    text = "public says ResolvedRefs=False (BackendNotFound: no Service checkout-v2)"
    assert answer == Answer(accepted=False, problem=text)


def test_a_former_parent_does_not_count() -> None:
    answer = parents_say(a_parent(accepted(2)), a_parent(accepted(1, resolved="False"), name="old"))

    assert answer == Answer(accepted=True)


def a_writer(manager: str, time: str, *, field: str = "f:spec", subresource: str = "") -> dict[str, Any]:
    return {"manager": manager, "time": f"2026-11-21T{time}:00Z", "fieldsV1": {field: {}}, "subresource": subresource}


@pytest.mark.parametrize(
    ("entries", "writer"),
    [
        ([], ""),
        ([a_writer("us", "12:00")], ""),
        ([a_writer("us", "12:01"), a_writer("argocd", "12:02"), a_writer("kubectl", "12:00")], "argocd"),
        ([a_writer("us", "12:02"), a_writer("argocd", "12:01")], ""),
        ([a_writer("us", "12:02"), a_writer("argocd", "12:02")], "argocd"),
        ([a_writer("istiod", "12:03", field="f:status", subresource="status"), a_writer("flux", "12:00")], "flux"),
        ([a_writer("labeller", "12:03", field="f:metadata"), a_writer("flux", "12:00")], "flux"),
    ],
)
def test_the_last_writer_of_the_spec_is_told_unless_it_is_us(entries: list[dict[str, Any]], writer: str) -> None:
    assert last_writer({"metadata": {"managedFields": entries}}, "us").manager == writer
