"""Does a real cluster take everything in `deploy/`, and is what kustomize makes of it what `rollout install` applies?"""

import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from rollout.wiring.shipped import OVERLAYS, Choices, controller_objects, rules
from tests.servers.apiserver import ApiServer
from tests.servers.build import kustomize
from tests.servers.client import KubeError, path_of
from tests.servers.missing import obtained

pytestmark = pytest.mark.server

DEPLOY = Path(__file__).parents[2] / "deploy"
LISTS = "kustomization.yaml"
MANIFESTS = sorted(path for path in DEPLOY.rglob("*.yaml") if path.name != LISTS)
BUILT = sorted(path.parent for path in DEPLOY.rglob(LISTS))
Named = dict[tuple[str, str, str], Mapping[str, Any]]


def documents(path: Path) -> list[dict[str, Any]]:
    return [obj for obj in yaml.safe_load_all(path.read_text()) if obj]


def made(folder: Path) -> list[dict[str, Any]]:
    """What real kustomize makes of a folder."""
    answer = subprocess.run(
        [str(obtained(kustomize)), "build", str(folder)], capture_output=True, text=True, timeout=60, check=False
    )
    assert answer.returncode == 0, answer.stderr
    return list(yaml.safe_load_all(answer.stdout))


def by_name(objects: "list[dict[str, Any]] | tuple[dict[str, Any], ...]") -> Named:
    return {(obj["kind"], obj["metadata"].get("namespace", ""), obj["metadata"]["name"]): obj for obj in objects}


@pytest.fixture(scope="module")
def server(apiserver: ApiServer) -> ApiServer:
    """The API server with the kinds of the Prometheus operator, and the namespaces that manifests name."""
    apiserver.install_crds(["operator"])
    for name in ("rollout-system", "shop", "argocd"):
        apiserver.client().apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    return apiserver


def refusal(server: ApiServer, obj: Mapping[str, Any]) -> str:
    """What the server has against an object, unknown fields included; "" for nothing. Nothing is stored."""
    query = "?fieldManager=tests&force=true&dryRun=All&fieldValidation=Strict"
    try:
        server.client().request("PATCH", path_of(obj) + query, obj, "application/apply-patch+yaml")
    except KubeError as error:
        return f"{obj['kind']} {obj['metadata']['name']}: {error}"
    return ""


@pytest.mark.parametrize("path", MANIFESTS, ids=lambda path: str(path.relative_to(DEPLOY)))
def test_a_manifest_is_taken_as_it_stands(server: ApiServer, path: Path) -> None:
    objects = documents(path)

    assert objects
    assert [words for obj in objects if (words := refusal(server, obj))] == []


def test_a_field_that_does_not_exist_would_be_noticed(server: ApiServer) -> None:
    (budget,) = documents(DEPLOY / "base" / "poddisruptionbudget.yaml")
    (monitor,) = documents(DEPLOY / "monitoring" / "servicemonitor.yaml")

    for obj in (budget, monitor):
        assert "nonsense" in refusal(server, {**obj, "spec": {**obj["spec"], "nonsense": 1}})


@pytest.mark.parametrize("folder", BUILT, ids=lambda path: str(path.relative_to(DEPLOY)))
def test_what_kustomize_makes_is_taken(server: ApiServer, folder: Path) -> None:
    objects = made(folder)

    assert objects
    assert [words for obj in objects if (words := refusal(server, obj))] == []


@pytest.mark.parametrize("overlays", [(), *((name,) for name in OVERLAYS)], ids=lambda names: "".join(names) or "base")
def test_install_applies_what_kustomize_makes(overlays: tuple[str, ...]) -> None:
    folder = DEPLOY / "overlays" / overlays[0] if overlays else DEPLOY / "base"

    assert by_name(made(folder)) == by_name(controller_objects(Choices(overlays=overlays)))


def test_every_overlay_can_be_asked_for() -> None:
    assert {folder.name for folder in BUILT if folder.parent.name == "overlays"} == set(OVERLAYS)


@pytest.mark.parametrize(
    ("overlay", "groups"),
    [
        ("istio", {"networking.istio.io"}),
        ("gateway-api", {"gateway.networking.k8s.io"}),
        ("linkerd", {"gateway.networking.k8s.io", "split.smi-spec.io"}),
    ],
)
def test_an_overlay_has_no_rights_on_routes_of_other_meshes(overlay: str, groups: set[str]) -> None:
    routes = {"networking.istio.io", "gateway.networking.k8s.io", "split.smi-spec.io"}

    rights = rules(controller_objects(Choices(overlays=(overlay,))))
    granted = {group for verb, group, _ in rights if verb != "list"}  # the preflight checks only list

    assert granted & routes == groups
