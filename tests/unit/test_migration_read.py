"""Is a Kubernetes object read as what it means for a migration?"""

from datetime import UTC, datetime
from typing import Any

import pytest

from rollout.migration.read import canonical, mesh_pod, mesh_workload, peer_auth
from rollout.model.mesh import Mtls, Restartable

BORN = datetime(2026, 11, 1, 8, 0, tzinfo=UTC)
META = {
    "namespace": "shop",
    "name": "api",
    "uid": "u1",
    "resourceVersion": "7",
    "generation": 3,
    "creationTimestamp": "2026-11-01T08:00:00Z",
}
PROXY = {"name": "istio-proxy", "ports": [{"containerPort": 15090}]}


def a_peer(spec: Any = None, **meta: Any) -> dict[str, Any]:
    obj = {"kind": "PeerAuthentication", "metadata": {**META, **meta}}
    return obj if spec is None else {**obj, "spec": spec}


def a_pod(spec: dict[str, Any] | None = None, status: dict[str, Any] | None = None, **meta: Any) -> dict[str, Any]:
    app = {"name": "app", "ports": [{"containerPort": 8080}, {"containerPort": 53, "protocol": "UDP"}]}
    return {"metadata": {**META, **meta}, "spec": {"containers": [app], **(spec or {})}, "status": status or {}}


def a_workload(
    kind: str, status: dict[str, Any], template: dict[str, Any] | None = None, **spec: Any
) -> dict[str, Any]:
    """Of three pods."""
    return {
        "kind": kind,
        "metadata": META,
        "spec": {"replicas": 3, "selector": {"matchLabels": {"app": "api"}}, "template": template or {}, **spec},
        "status": {"observedGeneration": 3, **status},
    }


CALM = {"replicas": 3, "updatedReplicas": 3, "readyReplicas": 3}
CALM_SET = {"desiredNumberScheduled": 3, "updatedNumberScheduled": 3, "numberReady": 3}


def test_a_peer_authentication_is_read_with_all_that_decides() -> None:
    spec = {
        "selector": {"matchLabels": {"app": "api"}},
        "mtls": {"mode": "STRICT"},
        "portLevelMtls": {"9000": {"mode": "DISABLE"}, 80: {}},
    }

    read = peer_auth(a_peer(spec, annotations={"rollout.dev/migration": "to-strict"}))

    assert (read.namespace, read.name, read.uid, read.version, read.created) == ("shop", "api", "u1", "7", BORN)
    assert (read.selector, read.mode, read.ours) == ({"app": "api"}, Mtls.STRICT, "to-strict")
    assert read.ports == {80: Mtls.UNSET, 9000: Mtls.DISABLE}


@pytest.mark.parametrize("spec", [None, {}, {"selector": {}}, {"selector": {"matchLabels": {}}}, {"mtls": {}}])
def test_a_peer_authentication_that_says_nothing_is_for_the_namespace_and_unset(spec: dict[str, Any] | None) -> None:
    read = peer_auth(a_peer(spec))

    assert (read.selector, read.mode, read.ports, read.ours) == ({}, Mtls.UNSET, {}, "")
    assert read.spec == canonical(spec or {})


def test_an_unknown_mode_is_refused() -> None:
    with pytest.raises(ValueError, match="LOOSE"):
        peer_auth(a_peer({"mtls": {"mode": "LOOSE"}}))


def test_equal_specs_are_equal_texts() -> None:
    assert canonical({"b": {"y": 1, "x": "é"}, "a": []}) == '{"a":[],"b":{"x":"é","y":1}}'
    assert canonical({90: 1, 100: 2}) == canonical({"100": 2, "90": 1})


@pytest.mark.parametrize(
    ("obj", "meshed"),
    [
        (a_pod(), False),
        (a_pod({"containers": [{"name": "app"}, PROXY]}), True),
        (a_pod({"initContainers": [PROXY]}), True),
        (a_pod({"initContainers": [{"name": "istio-init"}]}), False),
        (a_pod(annotations={"sidecar.istio.io/status": "{}"}), True),
    ],
)
def test_a_pod_is_meshed_when_it_has_a_proxy(obj: dict[str, Any], meshed: bool) -> None:
    assert mesh_pod(obj, {}).meshed is meshed


@pytest.mark.parametrize("list_name", ["containerStatuses", "initContainerStatuses"])
def test_a_proxys_start_is_found_wherever_it_runs(list_name: str) -> None:
    started = {"running": {"startedAt": "2026-11-01T08:00:00Z"}}
    status = {list_name: [{"name": "app", "state": {}}, {"name": "istio-proxy", "state": started}]}

    assert mesh_pod(a_pod(status=status), {}).proxy_since == BORN


@pytest.mark.parametrize("state", [{}, {"waiting": {"reason": "PodInitializing"}}, None])
def test_a_proxy_that_does_not_run_has_no_start(state: dict[str, Any] | None) -> None:
    status = {"containerStatuses": [{"name": "istio-proxy", "state": state}]}

    assert mesh_pod(a_pod(status=status), {}).proxy_since is None


def test_restarts_are_of_all_containers() -> None:
    status = {
        "containerStatuses": [{"name": "app", "restartCount": 2}, {"name": "side", "restartCount": 1}],
        "initContainerStatuses": [{"name": "istio-proxy", "restartCount": 4}],
    }

    assert mesh_pod(a_pod(status=status), {}).restarts == 7


def test_ports_are_those_on_which_the_app_speaks_tcp() -> None:
    app = {"name": "app", "ports": [{"containerPort": 9000}, {"containerPort": 53, "protocol": "UDP"}]}
    other = {"name": "other", "ports": [{"containerPort": 80, "protocol": "TCP"}, {"containerPort": 9000}]}

    assert mesh_pod(a_pod({"containers": [app, other, PROXY]}), {}).ports == (80, 9000)


def test_a_pod_is_read_with_its_place_and_state() -> None:
    status = {"podIP": "10.0.0.7", "phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}

    read = mesh_pod(a_pod({"nodeName": "n1", "hostNetwork": True}, status, labels={"app": "api"}), {})

    assert (read.ip, read.node, read.host_network, read.ready) == ("10.0.0.7", "n1", True, True)
    assert (read.is_finished, read.labels) == (False, {"app": "api"})


@pytest.mark.parametrize(("phase", "finished"), [("Succeeded", True), ("Failed", True), ("Pending", False)])
def test_a_pod_that_ended_is_finished(phase: str, finished: bool) -> None:
    assert mesh_pod(a_pod(status={"phase": phase}), {}).is_finished is finished


@pytest.mark.parametrize(
    ("kind", "name", "labels", "workload"),
    [
        ("ReplicaSet", "api-7f", {"pod-template-hash": "7f"}, "Deployment api"),
        ("ReplicaSet", "known-1", {"pod-template-hash": "7f"}, "Deployment shop-api"),
        ("ReplicaSet", "alone", {}, "ReplicaSet alone"),
        ("ReplicaSet", "alone", {"pod-template-hash": "7f"}, "ReplicaSet alone"),
        ("StatefulSet", "db", {}, "StatefulSet db"),
        ("Job", "nightly-1", {}, "Job nightly-1"),
        ("Node", "n1", {}, ""),
    ],
)
def test_a_pod_belongs_to_what_controls_it(kind: str, name: str, labels: dict[str, str], workload: str) -> None:
    owner = {"kind": kind, "name": name, "controller": True}

    read = mesh_pod(a_pod(labels=labels, ownerReferences=[owner]), {"known-1": "shop-api"})

    assert read.workload == workload


@pytest.mark.parametrize("owners", [None, [], [{"kind": "Backup", "name": "b"}]])
def test_a_pod_that_nothing_controls_is_a_bare_one(owners: list[dict[str, Any]] | None) -> None:
    assert mesh_pod(a_pod(ownerReferences=owners), {}).workload == ""


@pytest.mark.parametrize(
    ("obj", "settled"),
    [
        (a_workload("Deployment", CALM), True),
        (a_workload("Deployment", {**CALM, "observedGeneration": 2}), False),
        (a_workload("Deployment", {**CALM, "updatedReplicas": 2}), False),
        (a_workload("Deployment", {**CALM, "readyReplicas": 2}), False),
        (a_workload("Deployment", {**CALM, "replicas": 4}), False),
        (a_workload("Deployment", {}), False),
        (a_workload("Deployment", {}, replicas=0), True),
        (a_workload("StatefulSet", {**CALM, "updatedReplicas": 1}), False),
        (a_workload("DaemonSet", CALM_SET), True),
        (a_workload("DaemonSet", {**CALM_SET, "updatedNumberScheduled": 2}), False),
        (a_workload("DaemonSet", {**CALM_SET, "numberReady": 2}), False),
    ],
)
def test_a_workload_is_settled_when_all_its_pods_are_new_and_ready(obj: dict[str, Any], settled: bool) -> None:
    assert mesh_workload(obj).settled is settled


@pytest.mark.parametrize(("updated", "settled"), [(0, False), (1, True), (3, True)])
def test_with_a_partition_only_the_pods_from_it_on_count(updated: int, settled: bool) -> None:
    strategy = {"type": "RollingUpdate", "rollingUpdate": {"partition": 2}}

    read = mesh_workload(a_workload("StatefulSet", {**CALM, "updatedReplicas": updated}, updateStrategy=strategy))

    assert (read.settled, read.restartable, read.partition) == (settled, Restartable.PARTITIONED, 2)


@pytest.mark.parametrize(
    "obj",
    [
        a_workload("Deployment", CALM, paused=True),
        a_workload("StatefulSet", CALM, updateStrategy={"type": "OnDelete"}),
        a_workload("DaemonSet", CALM_SET, updateStrategy={"type": "OnDelete"}),
    ],
)
def test_what_no_change_of_the_template_restarts_is_a_persons_work(obj: dict[str, Any]) -> None:
    assert mesh_workload(obj).restartable is Restartable.BY_HAND


@pytest.mark.parametrize(
    ("template", "forced"),
    [
        ({}, False),
        ({"metadata": {"labels": {"sidecar.istio.io/inject": "true"}}}, True),
        ({"metadata": {"labels": {"sidecar.istio.io/inject": "false"}}}, False),
        ({"metadata": {"labels": {"istio.io/rev": "stable"}}}, True),
        ({"metadata": {"annotations": {"sidecar.istio.io/inject": "true"}}}, False),
        ({"spec": {"containers": [PROXY]}}, True),
    ],
)
def test_some_templates_get_a_proxy_whatever_the_namespace_says(template: dict[str, Any], forced: bool) -> None:
    assert mesh_workload(a_workload("Deployment", CALM, template)).forced is forced


def test_a_workload_is_read_with_its_labels_and_last_restart() -> None:
    annotations = {"kubectl.kubernetes.io/restartedAt": "2026-11-01T08:00:00Z"}
    template = {"metadata": {"labels": {"app": "api", "v": "1"}, "annotations": annotations}}

    read = mesh_workload(a_workload("Deployment", CALM, template))

    assert (read.template_labels, read.selector) == ({"app": "api", "v": "1"}, {"app": "api"})
    assert (str(read), read.version, read.wanted, read.ready, read.restarted) == ("Deployment api", "7", 3, 3, BORN)


@pytest.mark.parametrize(
    ("managers", "written"),
    [
        ({"rollout-controller": {"f:mtls": {"f:mode": {}}}}, {"mode"}),
        ({"rollout-controller": {"f:portLevelMtls": {".": {}, "f:80": {"f:mode": {}}}}}, {"80"}),
        (
            {
                "rollout-controller": {"f:mtls": {"f:mode": {}}, "f:portLevelMtls": {"f:80": {}}},
                "kubectl-edit": {"f:portLevelMtls": {"f:80": {}}},
            },
            {"mode"},
        ),
        ({"kubectl-edit": {"f:mtls": {"f:mode": {}}}}, set()),
        ({}, set()),
    ],
)
def test_what_we_wrote_and_nobody_since_is_told_by_the_managers_of_its_fields(
    managers: dict[str, Any], written: set[str]
) -> None:
    metadata = {"name": "own", "namespace": "shop", "creationTimestamp": "2026-11-21T12:00:00Z"}
    entries = [{"manager": name, "fieldsV1": {"f:spec": fields}} for name, fields in managers.items()]

    found = peer_auth({"metadata": {**metadata, "managedFields": entries}, "spec": {}})

    assert found.written == written
