"""Is a backend recognised however its route writes it, and refused where an API cannot do what a spec needs?"""

from typing import Any

import pytest

from rollout.model.names import BackendName
from rollout.model.rollout import Backend, RouteRef, ServiceBackend, SubsetBackend
from rollout.traffic.dialects import DIALECTS, Feature, unsupported
from rollout.traffic.entries import backend_of, renamed

SERVICES = ServiceBackend(service="checkout-{revision}")
SUBSETS = SubsetBackend(host="checkout", name="{revision}", labels=())


@pytest.mark.parametrize("host", ["checkout", "checkout.shop", "checkout.shop.svc", "checkout.shop.svc.cluster.local"])
def test_every_style_of_a_host_means_the_same_service(host: str) -> None:
    entry = {"destination": {"host": host, "subset": "v1"}}

    assert backend_of(entry, "shop", DIALECTS["VirtualService"]) == BackendName(service="checkout", subset="v1")


@pytest.mark.parametrize("host", ["checkout.pay.svc.cluster.local", "checkout.shopping", "api.example.com", "*.shop"])
def test_a_host_of_elsewhere_keeps_its_full_name(host: str) -> None:
    entry = {"destination": {"host": host}}

    assert backend_of(entry, "shop", DIALECTS["VirtualService"]) == BackendName(service=host)


@pytest.mark.parametrize("style", ["", ".shop", ".shop.svc", ".shop.svc.cluster.local"])
def test_a_renamed_host_keeps_its_style(style: str) -> None:
    entry = {"destination": {"host": f"checkout-v1{style}"}}

    copy = renamed(entry, BackendName(service="checkout-v2"), "shop", DIALECTS["VirtualService"])

    assert copy == {"destination": {"host": f"checkout-v2{style}"}}


def test_a_host_of_elsewhere_is_renamed_to_a_short_one() -> None:
    entry = {"destination": {"host": "api.example.com", "subset": "old"}}

    copy = renamed(entry, BackendName(service="checkout"), "shop", DIALECTS["VirtualService"])

    assert copy == {"destination": {"host": "checkout"}}


@pytest.mark.parametrize(
    ("entry", "name"),
    [
        ({"name": "checkout"}, "checkout"),
        ({"name": "checkout", "namespace": "shop", "kind": "Service", "group": ""}, "checkout"),
        ({"name": "checkout", "namespace": "pay"}, "checkout.pay"),
        ({"name": "checkout", "kind": "ServiceImport", "group": "x.io"}, "x.io:ServiceImport:checkout.shop"),
    ],
)
def test_a_backend_ref_is_ours_only_as_a_service_of_the_namespace(entry: dict[str, Any], name: str) -> None:
    assert backend_of(entry, "shop", DIALECTS["HTTPRoute"]) == BackendName(service=name)


@pytest.mark.parametrize("kind", ["TrafficSplit", "HTTPRoute", "GRPCRoute"])
def test_subsets_are_refused_where_the_api_has_none(kind: str) -> None:
    text = unsupported(RouteRef(kind=kind, name="checkout"), SUBSETS)

    assert text == f"{kind}/checkout: {kind} has no subsets; VirtualService has"


@pytest.mark.parametrize("kind", sorted(DIALECTS))
def test_every_api_takes_one_service_per_revision(kind: str) -> None:
    assert unsupported(RouteRef(kind=kind, name="checkout"), SERVICES) == ""


@pytest.mark.parametrize("backend", [SERVICES, SUBSETS])
def test_an_unknown_kind_is_refused_with_those_that_are_known(backend: Backend) -> None:
    text = unsupported(RouteRef(kind="Ingress", name="checkout"), backend)

    assert text.endswith("use one of GRPCRoute, HTTPRoute, TrafficSplit, VirtualService")


def test_only_is_refused_where_routes_have_no_names() -> None:
    assert "no names" in unsupported(RouteRef(kind="TrafficSplit", name="checkout", only=("api",)), SERVICES)


def test_a_mirror_is_refused_where_the_api_has_none() -> None:
    text = unsupported(RouteRef(kind="TrafficSplit", name="checkout"), SERVICES, frozenset({Feature.MIRROR}))

    assert "no mirroring" in text
