"""Where can a marked plaintext request be sent so that a proxy counts it as one?"""

from typing import Any

import pytest

from rollout.migration.sinks import sinks
from rollout.model.mesh import Sink

API = Sink(pod="api-1", port=8080)


def service(selector: dict[str, str] | None = None, **port: Any) -> dict[str, Any]:
    ports = [{"name": "http", "port": 80, "targetPort": 8080, **port}]
    return {
        "metadata": {"name": "api"},
        "spec": {"selector": {"app": "api"} if selector is None else selector, "ports": ports},
    }


def pod(name: str = "api-1", container: str = "app", app: str = "api") -> dict[str, Any]:
    containers = [{"name": container, "ports": [{"name": "web", "containerPort": 8080}]}]
    return {"metadata": {"name": name, "labels": {"app": app}}, "spec": {"containers": containers}}


@pytest.mark.parametrize(
    "port",
    [
        {},
        {"name": "http-web"},
        {"name": "web", "appProtocol": "http"},
        {"targetPort": "web"},
        {"port": 8080, "targetPort": None},
    ],
)
def test_a_port_that_a_service_names_http_is_one(port: dict[str, Any]) -> None:
    assert sinks([service(**port)], [pod()]) == (API,)


@pytest.mark.parametrize(
    "port",
    [
        {"name": "web"},
        {"name": "http2"},
        {"name": "https"},
        {"name": "grpc"},
        {"name": None},
        {"name": "http", "appProtocol": "grpc"},
        {"protocol": "UDP"},
        {"targetPort": 9090},
        {"targetPort": "other"},
    ],
)
def test_one_of_another_protocol_or_that_no_container_declares_is_none(port: dict[str, Any]) -> None:
    assert sinks([service(**port)], [pod()]) == ()


def test_only_the_pods_of_the_service_are_meant() -> None:
    assert sinks([service()], [pod("web-1", app="web"), pod("api-2"), pod()]) == (API, Sink(pod="api-2", port=8080))


def test_a_service_without_a_selector_means_no_pods() -> None:
    assert sinks([service(selector={})], [pod()]) == ()


def test_ports_of_the_proxy_are_not_the_applications() -> None:
    assert sinks([service()], [pod(container="istio-proxy")]) == ()
