"""Are all pods of a namespace looked at, once, and at the place where a person changes them?"""

from decimal import Decimal

import pytest

from rollout.migration.preflight.quantities import quantity
from rollout.migration.preflight.templates import (
    matches_expressions,
    of_pod,
    reaching,
    selected,
    target,
    workloads,
)
from tests.support.ailments import add, well

CRON = """
kind: CronJob
metadata: {name: nightly, namespace: shop}
spec: {jobTemplate: {spec: {template: {metadata: {labels: {app: nightly}}, spec: {containers: [{name: nightly}]}}}}}
---
kind: Job
metadata: {name: nightly-1, namespace: shop, ownerReferences: [{kind: CronJob, name: nightly, controller: true}]}
spec: {template: {spec: {containers: [{name: nightly}]}}}
---
kind: Job
metadata: {name: waiting, namespace: shop}
spec: {template: {spec: {containers: [{name: waiting}]}}}
status: {conditions: [{type: Suspended, status: "True"}, {type: Complete, status: "False"}]}
---
kind: Rollout
metadata: {name: web, namespace: shop}
spec: {template: {metadata: {labels: {app: web}}, spec: {containers: [{name: web}]}}}
---
kind: Rollout
metadata: {name: of-another-kind, namespace: shop}
spec: {revision: v1}
---
kind: ReplicaSet
metadata: {name: web-1, namespace: shop, ownerReferences: [{kind: Rollout, name: web, controller: true}]}
spec: {replicas: 1, template: {spec: {containers: [{name: web}]}}}
---
kind: Pod
metadata: {name: bare, namespace: shop}
spec: {containers: [{name: bare}]}
---
kind: Deployment
metadata: {name: elsewhere, namespace: front}
spec: {template: {spec: {containers: [{name: elsewhere}]}}}
"""


def test_each_pod_is_looked_at_once_at_its_outermost_owner() -> None:
    world = well()

    add(CRON)(world)

    assert [(one.owner, one.at("spec")) for one in workloads(world.gathered())] == [
        ("CronJob shop/nightly", "spec.jobTemplate.spec.template.spec"),
        ("Deployment shop/api", "spec.template.spec"),
        ("Job shop/waiting", "spec.template.spec"),
        ("Pod shop/bare", "spec"),
        ("Rollout shop/web", "spec.template.spec"),
        ("StatefulSet shop/cache", "spec.template.spec"),
    ]


def test_workloads_of_another_namespace_can_be_looked_at() -> None:
    world = well()

    add(CRON)(world)

    assert [one.owner for one in workloads(world.gathered(), "front")] == ["Deployment front/elsewhere"]


def test_a_service_leads_to_the_pods_that_it_selects() -> None:
    world = well()

    templates = selected(world.gathered(), world.one("Service", "api"))

    assert [one.owner for one in templates] == ["Deployment shop/api"]
    assert [one["metadata"]["name"] for one in reaching(world.gathered(), templates[0])] == ["api"]


def test_a_service_without_a_selector_leads_to_no_pods() -> None:
    world = well()
    world.one("Service", "api")["spec"]["selector"] = {}

    assert selected(world.gathered(), world.one("Service", "api")) == ()


@pytest.mark.parametrize(
    ("port", "number"),
    [
        ({"port": 80, "targetPort": "http"}, 8080),
        ({"port": 80, "targetPort": 9000}, 9000),
        ({"port": 80, "targetPort": "9000"}, 9000),
        ({"port": 80}, 80),
        ({"port": 80, "targetPort": "unknown"}, None),
    ],
)
def test_a_port_of_a_service_leads_to_a_container_port(port: dict[str, object], number: int | None) -> None:
    template = workloads(well().gathered())[0]

    assert target(port, template) == number


@pytest.mark.parametrize(
    ("operator", "values", "meets"),
    [
        ("In", ["a"], True),
        ("In", ["b"], False),
        ("NotIn", ["b"], True),
        ("NotIn", ["a"], False),
        ("Exists", [], True),
        ("DoesNotExist", [], False),
    ],
)
def test_expressions_select_as_kubernetes_does(operator: str, values: list[str], *, meets: bool) -> None:
    selector = {"matchExpressions": [{"key": "app", "operator": operator, "values": values}]}

    assert matches_expressions(selector, {"app": "a"}) is meets


def test_a_selector_needs_both_its_labels_and_its_expressions() -> None:
    selector = {"matchLabels": {"app": "a"}, "matchExpressions": [{"key": "tier", "operator": "Exists"}]}

    assert not matches_expressions(selector, {"app": "a"})
    assert matches_expressions(selector, {"app": "a", "tier": "web"})


def test_the_path_of_a_pods_field_has_no_template_in_it() -> None:
    pod = of_pod({"metadata": {"name": "p", "namespace": "shop"}, "spec": {"containers": [{"name": "c"}]}})

    assert [path for path, _ in pod.containers()] == ["spec.containers[0]"]


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("100m", "0.1"),
        ("2", "2"),
        (2, "2"),
        (0.5, "0.5"),
        ("128Mi", "134217728"),
        ("1.5Gi", "1610612736"),
        ("1k", "1000"),
        ("1e3", "1000"),
        ("2E", "2e18"),
        ("-1", "-1"),
    ],
)
def test_quantities_are_cores_and_bytes(text: str | float, amount: str) -> None:
    assert quantity(text) == Decimal(amount)


@pytest.mark.parametrize("text", ["", "much", "1 Mi", "Mi", "1mi"])
def test_what_is_no_quantity_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no quantity"):
        quantity(text)
