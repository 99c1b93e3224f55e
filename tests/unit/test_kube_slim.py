"""Does the cache forget what nobody reads, and nothing else?"""

from typing import Any

import pytest

from adapters.kube.slim import slim
from adapters.kube.streams import documents


def route(**meta: Any) -> dict[str, Any]:
    return {"metadata": {"name": "a", **meta}, "spec": {"http": [{"unknown": 1}]}}


def test_of_field_ownership_it_keeps_who_wrote_the_spec_and_when() -> None:
    entry = {"manager": "argocd", "operation": "Update", "time": "2026-03-02T09:00:00Z"}
    fields = {"f:metadata": {"f:labels": {}}, "f:spec": {"f:http": {"f:0": {}}}}

    kept = slim("VirtualService", route(managedFields=[{**entry, "fieldsType": "FieldsV1", "fieldsV1": fields}]))

    assert kept["metadata"]["managedFields"] == [{**entry, "fieldsV1": {"f:spec": {}}}]


def test_of_a_peer_authentication_it_stays_who_wrote_which_mode() -> None:
    spec = {"f:mtls": {"f:mode": {}}, "f:portLevelMtls": {"f:80": {"f:mode": {}}}}
    entry = {"manager": "rollout-controller", "fieldsV1": {"f:metadata": {"f:labels": {}}, "f:spec": spec}}

    kept = slim("PeerAuthentication", route(managedFields=[entry]))

    assert kept["metadata"]["managedFields"] == [{**entry, "fieldsV1": {"f:spec": spec}}]


def test_a_writer_of_the_status_alone_is_told_from_one_of_the_spec() -> None:
    entry = {"manager": "istiod", "subresource": "status", "fieldsV1": {"f:status": {}}}

    kept = slim("VirtualService", route(managedFields=[entry]))

    assert kept["metadata"]["managedFields"] == [{"manager": "istiod", "subresource": "status", "fieldsV1": {}}]


def test_only_the_annotation_of_kubectl_is_dropped() -> None:
    annotations = {"kubectl.kubernetes.io/last-applied-configuration": "{}", "mine": "1"}

    kept = slim("VirtualService", route(annotations=annotations))

    assert kept["metadata"]["annotations"] == {"mine": "1"}


def test_the_object_it_was_given_stays_whole() -> None:
    given = route(annotations={"kubectl.kubernetes.io/last-applied-configuration": "{}"}, managedFields=[{}])

    slim("VirtualService", given)

    assert given == route(annotations={"kubectl.kubernetes.io/last-applied-configuration": "{}"}, managedFields=[{}])


def test_everything_else_of_a_route_stays() -> None:
    assert slim("VirtualService", route(labels={"a": "b"})) == route(labels={"a": "b"})


@pytest.mark.parametrize("kind", ["Pod", "Service", "EndpointSlice"])
def test_who_wrote_it_is_not_kept_of_what_there_is_most_of(kind: str) -> None:
    given = {"metadata": {"name": "a", "resourceVersion": "1", "managedFields": [{"manager": "kubectl"}]}}

    assert slim(kind, given)["metadata"] == {"name": "a", "resourceVersion": "1"}


@pytest.mark.parametrize("kind", ["Rollout", "Deployment"])
def test_when_it_was_written_is_kept_only_where_the_last_writer_is_asked_for(kind: str) -> None:
    entry = {"manager": "kubectl", "time": "2026-03-02T09:00:00Z", "fieldsV1": {}}

    kept = slim(kind, {"metadata": {"name": "a", "managedFields": [entry]}})

    assert kept["metadata"]["managedFields"] == [{"manager": "kubectl", "fieldsV1": {}}]


def test_of_a_service_what_it_selects_and_names_stays() -> None:
    spec = {"type": "ClusterIP", "selector": {"app": "a"}, "ports": [{"name": "http", "port": 80}]}
    meta = {"name": "a", "namespace": "shop", "annotations": {"mine": "1"}}

    kept = slim("Service", {"metadata": {**meta, "uid": "u"}, "spec": {**spec, "clusterIP": "10.0.0.1"}, "status": {}})

    assert kept == {"metadata": meta, "spec": spec}


def test_of_endpoints_the_pods_their_addresses_and_whether_they_are_ready_stay() -> None:
    pod = {"kind": "Pod", "name": "a-1"}
    ready = {"ready": True, "serving": True}
    given = {"addresses": ["10.0.0.1"], "conditions": {**ready, "terminating": False}, "nodeName": "n"}

    kept = slim(
        "EndpointSlice",
        {
            "metadata": {"name": "a"},
            "addressType": "IPv4",
            "ports": [{}],
            "endpoints": [{**given, "targetRef": {**pod, "uid": "u"}}],
        },
    )

    endpoint = {"addresses": ["10.0.0.1"], "conditions": ready, "targetRef": pod}
    assert kept == {"metadata": {"name": "a"}, "addressType": "IPv4", "endpoints": [endpoint]}


def test_of_a_workload_all_stays_but_since_when_it_is_as_it_is() -> None:
    given = {"metadata": {"name": "a", "uid": "u"}, "spec": {"template": {"unknown": 1}}}

    kept = slim("Deployment", {**given, "status": {"readyReplicas": 1, "conditions": [{}]}})

    assert kept == {**given, "status": {"readyReplicas": 1}}


def pod(**container: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": "a", "labels": {"app": "a"}},
        "spec": {"nodeName": "n", "volumes": [{}], "containers": [{"name": "app", **container}]},
        "status": {"phase": "Running", "podIP": "10.0.0.1", "hostIP": "10.0.0.9", "conditions": []},
    }


def test_of_a_pod_only_its_place_conditions_and_containers_names_stay() -> None:
    assert slim("Pod", pod(image="x", env=[{}])) == {
        "metadata": {"name": "a", "labels": {"app": "a"}},
        "spec": {"nodeName": "n", "containers": [{"name": "app"}]},
        "status": {"phase": "Running", "podIP": "10.0.0.1", "hostIP": "10.0.0.9", "conditions": []},
    }


@pytest.mark.parametrize("containers", ["containers", "initContainers"])
def test_of_containers_their_ports_stay_because_modes_and_services_are_about_them(containers: str) -> None:
    given = pod()
    given["spec"][containers] = [{"name": "app", "image": "x", "ports": [{"name": "http", "containerPort": 8080}]}]

    assert slim("Pod", given)["spec"][containers] == [
        {"name": "app", "ports": [{"containerPort": 8080, "name": "http"}]}
    ]


@pytest.mark.parametrize("statuses", ["containerStatuses", "initContainerStatuses"])
def test_of_containers_it_stays_since_when_they_run_and_how_often_they_were_started(statuses: str) -> None:
    given = pod()
    running = {"running": {"startedAt": "2026-03-02T09:00:00Z"}}
    given["status"][statuses] = [
        {"name": "app", "image": "x", "restartCount": 3, "state": running, "lastState": {}},
        {"name": "job", "image": "x", "restartCount": 0, "state": {"terminated": {"exitCode": 1}}},
    ]

    assert slim("Pod", given)["status"][statuses] == [
        {"name": "app", "restartCount": 3, "state": running},
        {"name": "job", "restartCount": 0},
    ]


async def test_documents_of_a_stream_come_whole_however_it_is_cut() -> None:
    async def chunks() -> Any:
        for chunk in (b'{"a": "', b"\xc3", b'\xa4"}\n{"b', b'": 1}\n\n{"c": 2}\n{"broken'):
            yield chunk

    assert [document async for document in documents(chunks())] == [{"a": "ä"}, {"b": 1}, {"c": 2}]
