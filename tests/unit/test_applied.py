"""Is it seen which GitOps tool applies an object, and whether it was told to leave it alone?"""

from typing import Any

import pytest

from rollout.migration.read import applied
from rollout.model.mesh import Applied

KUSTOMIZE, HELM = "kustomize.toolkit.fluxcd.io", "helm.toolkit.fluxcd.io"


def an_object(**metadata: Any) -> dict[str, Any]:
    return {"metadata": {"name": "default", "namespace": "shop", **metadata}, "spec": {}}


@pytest.mark.parametrize(
    ("metadata", "found"),
    [
        ({}, None),
        (
            {"labels": {f"{KUSTOMIZE}/name": "mesh"}},
            Applied(tool="Flux (mesh)", annotation=f"{KUSTOMIZE}/reconcile", value="disabled"),
        ),
        (
            {"labels": {f"{HELM}/name": "mesh"}},
            Applied(tool="Flux (mesh)", annotation=f"{HELM}/driftDetection", value="disabled"),
        ),
        ({"annotations": {"argocd.argoproj.io/tracking-id": "mesh:a/B:c/d"}}, Applied(tool="Argo CD (mesh)")),
    ],
)
def test_each_tool_has_its_own_word_on_an_object_or_none(metadata: dict[str, Any], found: Applied | None) -> None:
    assert applied(an_object(**metadata)) == found


@pytest.mark.parametrize(("value", "is_suspended"), [("disabled", True), ("enabled", False)])
def test_an_object_may_say_already_that_it_is_to_be_left_alone(value: str, is_suspended: bool) -> None:
    obj = an_object(labels={f"{KUSTOMIZE}/name": "mesh"}, annotations={f"{KUSTOMIZE}/reconcile": value})

    found = applied(obj)

    assert found is not None
    assert found.suspended is is_suspended


@pytest.mark.parametrize(
    ("manager", "fields", "is_patched"),
    [
        ("rollout-controller", {"f:spec": {}}, True),
        ("rollout-controller", {"f:metadata": {}}, False),
        ("kustomize-controller", {"f:spec": {}}, False),
    ],
)
def test_what_we_wrote_past_git_is_seen_by_whose_fields_they_are(
    manager: str, fields: dict[str, Any], is_patched: bool
) -> None:
    entry = {"manager": manager, "operation": "Update", "fieldsV1": fields}

    found = applied(an_object(labels={f"{KUSTOMIZE}/name": "mesh"}, managedFields=[entry]))

    assert found is not None
    assert found.patched is is_patched
