"""Is the GitOps tool that owns a route recognised, and is what we tell its owner exact?"""

from typing import Any

import pytest
import yaml

from rollout.services.owners import ignore_snippet, is_ignored_by_annotation
from rollout.traffic.owners import Owner, owner_of


def route(kind: str = "VirtualService", spec: dict[str, Any] | None = None, **metadata: Any) -> dict[str, Any]:
    group = "networking.istio.io/v1" if kind == "VirtualService" else "gateway.networking.k8s.io/v1"
    named = {"name": "shop", "namespace": "web", **metadata}
    return {"apiVersion": group, "kind": kind, "metadata": named, "spec": spec or {"http": []}}


@pytest.mark.parametrize(
    ("metadata", "owner"),
    [
        ({"annotations": {"argocd.argoproj.io/tracking-id": "app:g/k:n/x"}}, Owner(tool="Argo CD", name="app")),
        (
            {"managedFields": [{"manager": "argocd-controller"}], "labels": {"app.kubernetes.io/instance": "app"}},
            Owner(tool="Argo CD", name="app"),
        ),
        (
            {"labels": {"kustomize.toolkit.fluxcd.io/name": "apps", "kustomize.toolkit.fluxcd.io/namespace": "flux"}},
            Owner(tool="Flux", kind="Kustomization", name="flux/apps"),
        ),
        ({"managedFields": [{"manager": "kustomize-controller"}]}, Owner(tool="Flux", kind="Kustomization")),
        (
            {"labels": {"helm.toolkit.fluxcd.io/name": "shop", "helm.toolkit.fluxcd.io/namespace": "flux"}},
            Owner(tool="Flux", kind="HelmRelease", name="flux/shop"),
        ),
        ({"labels": {"app.kubernetes.io/instance": "app"}}, None),  # every Helm chart has it
        ({"managedFields": [{"manager": "kubectl"}]}, None),
        ({}, None),
    ],
)
def test_an_owner_is_known_by_what_its_tool_leaves_on_objects(metadata: dict[str, Any], owner: Owner | None) -> None:
    assert owner_of(route(**metadata)) == owner


def test_argo_cd_is_told_to_ignore_the_field_when_it_syncs_too() -> None:
    told = yaml.safe_load(ignore_snippet(Owner(tool="Argo CD"), route()))["spec"]

    assert told["ignoreDifferences"] == [
        {
            "group": "networking.istio.io",
            "kind": "VirtualService",
            "name": "shop",
            "namespace": "web",
            "jsonPointers": ["/spec/http"],
        }
    ]
    assert told["syncPolicy"]["syncOptions"] == ["RespectIgnoreDifferences=true"]


def test_flux_is_told_to_ignore_the_rules_of_one_route() -> None:
    told = yaml.safe_load(ignore_snippet(Owner(tool="Flux", kind="Kustomization"), route("HTTPRoute", {"rules": []})))[
        "spec"
    ]

    target = {"kind": "HTTPRoute", "name": "shop", "namespace": "web"}
    assert told == {"ignore": [{"paths": ["/spec/rules"], "target": target}]}


def test_a_route_that_flux_only_creates_is_left_alone_already() -> None:
    assert is_ignored_by_annotation(route(annotations={"kustomize.toolkit.fluxcd.io/ssa": "IfNotPresent"}))
    assert not is_ignored_by_annotation(route(annotations={"kustomize.toolkit.fluxcd.io/ssa": "Merge"}))
