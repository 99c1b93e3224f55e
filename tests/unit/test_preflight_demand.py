"""How much do a namespace's pods ask for, with their proxies?"""

from decimal import Decimal
from typing import Any

import pytest
import yaml

from rollout.migration.preflight.demand import demand, part, people, pod_amount, proxy_amount, replicas, surge
from rollout.migration.preflight.templates import Template, workloads
from tests.support.ailments import add, put, replace, well
from tests.support.ailments_installation import meshed

CPU, MEMORY = ("requests", "cpu"), ("requests", "memory")
MOST_CPU = ("limits", "cpu")
THREE = "resources: {requests: {cpu: 3}}"


def of(text: str) -> Template:
    """The only workload of a namespace, written as YAML."""
    world = well()
    world.objects = {}
    add(text)(world)
    (one,) = workloads(world.gathered())
    return one


def workload(kind: str, spec: str) -> Template:
    return of(
        f"{{kind: {kind}, metadata: {{name: a, namespace: shop}}, status: {{desiredNumberScheduled: 7}},"
        f" spec: {{{spec} template: {{spec: {{containers: [{{name: a}}]}}}}}}}}"
    )


@pytest.mark.parametrize(
    ("pod", "cores"),
    [
        ("containers: [{resources: {requests: {cpu: 1}}}, {resources: {requests: {cpu: 500m}}}]", "1.5"),
        ("containers: [{resources: {limits: {cpu: 2}}}]", "2"),
        ("containers: [{resources: {requests: {cpu: 1}, limits: {cpu: 2}}}]", "1"),
        ("initContainers: [{resources: {requests: {cpu: 3}}}], containers: [{resources: {requests: {cpu: 1}}}]", "3"),
        (
            f"initContainers: [{{restartPolicy: Always, {THREE}}}], containers: [{{resources: {{requests: {{cpu: 1}}}}}}]",
            "4",
        ),
    ],
)
def test_a_pod_asks_for_its_containers_or_for_its_largest_init_container(pod: str, cores: str) -> None:
    spec: dict[str, Any] = yaml.safe_load(f"{{{pod}}}")

    assert pod_amount(spec)[CPU] == Decimal(cores)


@pytest.mark.parametrize(
    ("kind", "spec", "pods", "more"),
    [
        ("Deployment", "replicas: 4,", 4, 1),
        ("Deployment", "replicas: 4, strategy: {rollingUpdate: {maxSurge: 50%}},", 4, 2),
        ("Deployment", "replicas: 4, strategy: {type: Recreate},", 4, 0),
        ("Deployment", "replicas: 0,", 0, 0),
        ("Deployment", "", 1, 1),
        ("StatefulSet", "replicas: 3,", 3, 0),
        ("DaemonSet", "updateStrategy: {rollingUpdate: {maxSurge: 2}},", 7, 2),
        ("DaemonSet", "", 7, 0),
        ("Job", "parallelism: 5,", 5, 0),
    ],
)
def test_each_kind_counts_its_pods_and_its_surge(kind: str, spec: str, pods: int, more: int) -> None:
    template = workload(kind, spec)

    assert (replicas(template), surge(template)) == (pods, more)


def test_a_cron_job_makes_as_many_pods_as_one_of_its_jobs() -> None:
    template = of(
        "{kind: CronJob, metadata: {name: a, namespace: shop}, spec: {jobTemplate: {spec: {parallelism: 3,"
        " template: {spec: {containers: [{name: a}]}}}}}}"
    )

    assert replicas(template) == 3


@pytest.mark.parametrize(("value", "whole", "pods"), [("25%", 2, 1), ("100%", 3, 3), ("0%", 3, 0), (2, 9, 2)])
def test_a_percentage_of_pods_is_rounded_up(value: int | str, whole: int, pods: int) -> None:
    assert part(value, whole) == pods


def test_a_pod_that_has_its_proxy_needs_no_further_one() -> None:
    world = well()
    before = demand(world.gathered())
    meshed(world)

    after = demand(world.gathered())

    assert before.amount[CPU] - after.amount[CPU] == Decimal("0.1")


def test_the_annotations_of_a_pod_replace_all_sizes_that_were_installed() -> None:
    size = proxy_amount(well().gathered(), {"sidecar.istio.io/proxyCPU": "50m"})

    assert size == {CPU: Decimal("0.05")}


def test_a_size_that_is_no_quantity_makes_the_charts_count() -> None:
    size = proxy_amount(well().gathered(), {"sidecar.istio.io/proxyCPU": "a little"})

    assert (size[CPU], size[MOST_CPU]) == (Decimal("0.1"), Decimal(2))


def test_the_installed_sizes_count_before_the_charts() -> None:
    world = well()
    replace("ConfigMap", "istio-sidecar-injector", '"cpu": "100m"', '"cpu": "10m"')(world)

    assert proxy_amount(world.gathered(), {})[CPU] == Decimal("0.01")


def test_pods_without_a_proxy_need_no_room_for_one() -> None:
    world = well()
    for kind, name in (("Deployment", "api"), ("StatefulSet", "cache")):
        put(kind, name, "spec.template.spec.hostNetwork", True)(world)

    assert not any(demand(world.gathered()).amount.values())


@pytest.mark.parametrize(
    ("what", "amount", "words"),
    [("cpu", "1.250", "1.25 cores"), ("memory", "1048577", "2 Mi"), ("pods", "3", "3 pods")],
)
def test_amounts_are_said_for_people(what: str, amount: str, words: str) -> None:
    assert people(what, Decimal(amount)) == words
