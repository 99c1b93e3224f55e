"""By which values are objects found, and does a template find every name it can make?"""

import hashlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.kube.hosts import host_key, name_keys, template_key
from adapters.kube.indexes import INDEXES
from adapters.kube.kinds import KINDS, WATCHED
from adapters.kube.marks import SPEC_KINDS

LABEL = st.text("abc-", min_size=0, max_size=4)


def obj(spec: Any = None, **meta: Any) -> dict[str, Any]:
    return {"metadata": {"namespace": "shop", "name": "checkout", **meta}, "spec": spec or {}}


def rollout(**spec: Any) -> dict[str, Any]:
    return obj(spec)


MARKS = {"rollout.dev/source": "apps", "rollout.dev/source-namespace": "shop"}
ROWS: list[tuple[str, str, dict[str, Any], list[str]]] = [
    ("EndpointSlice", "service", obj(labels={"kubernetes.io/service-name": "a"}), ["shop/a"]),
    ("Service", "selector", obj({"selector": {"b": "2", "a": "1"}}), ["shop/a=1"]),
    ("DestinationRule", "host", obj({"host": "a.bank.svc.cluster.local"}), ["bank/a"]),
    (
        "VirtualService",
        "host",
        obj(
            {
                "http": [{"route": [{"destination": {"host": "a"}}, {"destination": {"host": "b"}}]}],
                "tcp": [{"route": [{"destination": {"host": "c"}}]}],
                "tls": [{"route": [{"destination": {"host": "d"}}]}],
            }
        ),
        ["shop/a", "shop/b", "shop/c", "shop/d"],
    ),
    (
        "HTTPRoute",
        "host",
        obj({"rules": [{"backendRefs": [{"name": "a"}, {"name": "b", "namespace": "bank"}]}]}),
        ["shop/a", "bank/b"],
    ),
    ("GRPCRoute", "host", obj({"rules": [{"backendRefs": [{"name": "a"}]}]}), ["shop/a"]),
    ("TrafficSplit", "host", obj({"service": "a", "backends": [{"service": "a-v1"}]}), ["shop/a-v1"]),
    ("RolloutCommand", "target", obj({"target": {"kind": "Rollout", "name": "a"}}), ["Rollout/shop/a"]),
    ("RolloutCommand", "target", obj({"target": {"kind": "MeshMigration", "name": "a"}}), ["MeshMigration/shop/a"]),
    ("Rollout", "route", rollout(routes=[{"kind": "HTTPRoute", "name": "{name}-x"}]), ["shop/HTTPRoute/checkout-x"]),
    ("Rollout", "backend", rollout(backend={"service": "{name}-{revision}"}), ["shop/checkout-*"]),
    (
        "Rollout",
        "backend",
        rollout(backend={"subset": {"host": "a"}}, stable={"service": "b"}),
        ["shop/=a", "shop/=b"],
    ),
    ("Rollout", "subset", rollout(backend={"subset": {"host": "a"}}), ["shop/a"]),
    (
        "Rollout",
        "workload",
        rollout(workload={"kind": "Deployment", "name": "a-{revision}"}),
        ["Deployment/shop/a-*"],
    ),
    (
        "MeshMigration",
        "namespace",
        {"metadata": {"name": "a"}, "spec": {"waves": [{"name": "w", "namespaces": ["shop", "pay"]}]}},
        ["istio-system", "shop", "pay"],
    ),
    (
        "Receiver",
        "path",
        obj(uid="u1"),
        [hashlib.sha256(hashlib.sha256(b"u1 shop/checkout").hexdigest().encode()).hexdigest()],
    ),
    ("Rollout", "policy", rollout(policies=["p"]), ["shop/p", "*/p"]),
    (
        "Rollout",
        "approval",
        rollout(steps=[{"weight": 5, "approval": "b"}, {"weight": 9, "approvals": ["a", "b"]}]),
        ["shop/a", "*/a", "shop/b", "*/b"],
    ),
    (
        "MeshMigration",
        "approval",
        {"metadata": {"name": "a"}, "spec": {"waves": [{"name": "v"}, {"name": "w", "approval": "security"}]}},
        ["security"],
    ),
    *((kind, "source", {"metadata": {"labels": MARKS}}, ["shop/apps"]) for kind in SPEC_KINDS),
]


@pytest.mark.parametrize(("kind", "index", "found", "values"), ROWS)
def test_objects_are_filed_under(kind: str, index: str, found: dict[str, Any], values: list[str]) -> None:
    assert list(INDEXES[kind][index](found)) == values


def test_every_index_has_an_example_here() -> None:
    assert {(kind, index) for kind, rows in INDEXES.items() for index in rows} == {(row[0], row[1]) for row in ROWS}


@pytest.mark.parametrize("spec", [None, {}, "text", {"http": 3, "rules": [None], "backends": {}, "backend": [1]}])
def test_an_object_of_a_strange_shape_is_filed_under_nothing(spec: object) -> None:
    strange = {"metadata": {"namespace": "shop", "name": "a"}, "spec": spec}

    assert [v for rows in INDEXES.values() for index in rows.values() for v in index(strange)] == []


@pytest.mark.parametrize(
    ("host", "key"),
    [
        ("a", "shop/a"),
        ("a.bank.svc", "bank/a"),
        ("a.bank.svc.cluster.local", "bank/a"),
        ("example.com", "shop/example.com"),
        ("*.example.com", "shop/*.example.com"),
    ],
)
def test_a_host_means_a_service(host: str, key: str) -> None:
    assert host_key(host, "shop") == key


@given(before=LABEL, after=LABEL, revision=st.text("abc-", min_size=1, max_size=4))
def test_every_name_that_a_template_makes_finds_it(before: str, after: str, revision: str) -> None:
    filed = template_key("shop", before + "{revision}" + after)

    assert filed in set(name_keys("shop", before + revision + after))


def test_a_name_finds_only_templates_that_can_make_it() -> None:
    keys = set(name_keys("shop", "checkout-v1"))

    assert template_key("shop", "cart-{revision}") not in keys
    assert template_key("bank", "checkout-{revision}") not in keys
    assert template_key("shop", "checkout-v1-{revision}") not in keys


@pytest.mark.parametrize(
    ("kind", "args", "path"),
    [
        ("Pod", ("v1", "shop", "a", "status"), "/api/v1/namespaces/shop/pods/a/status"),
        ("Pod", ("v1",), "/api/v1/pods"),
        ("Namespace", ("v1", "ignored", "shop"), "/api/v1/namespaces/shop"),
        ("Rollout", ("v1alpha1", "shop"), "/apis/rollout.dev/v1alpha1/namespaces/shop/rollouts"),
    ],
)
def test_paths_follow_the_api(kind: str, args: tuple[str, ...], path: str) -> None:
    assert KINDS[kind].path(*args) == path


def test_secrets_are_never_watched() -> None:
    assert "Secret" not in {kind.name for kind in WATCHED}
