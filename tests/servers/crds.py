"""Which custom resources of meshes and neighbours do tests install, and from where?

The files are upstream's own, read from Go's module cache; nothing of them is copied into the tree.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import yaml

from tests.servers.build import module_folders

ISTIO, GATEWAY_API, SMI = "istio.io/api", "sigs.k8s.io/gateway-api", "github.com/servicemeshinterface/smi-sdk-go"
ARGO, FLAGGER = "github.com/argoproj/argo-rollouts", "github.com/fluxcd/flagger"
OPERATOR = "github.com/prometheus-operator/prometheus-operator"
FAMILIES = ("istio", "gateway-api", "smi")
NEIGHBOURS = ("argo", "flagger")
SERVED_SMI = frozenset({"v1alpha2", "v1alpha3", "v1alpha4"})


def definitions(families: Iterable[str] = FAMILIES) -> list[dict[str, Any]]:
    """CustomResourceDefinitions (apiextensions.k8s.io/v1) of the families: istio, gateway-api, smi, argo, flagger, operator."""
    folders = module_folders()
    readers = {
        "istio": _istio,
        "gateway-api": _gateway_api,
        "smi": _smi,
        "argo": _argo,
        "flagger": _flagger,
        "operator": _operator,
    }
    return [crd for family in families for crd in readers[family](folders)]


def documents(path: Path) -> Iterator[dict[str, Any]]:
    """The CustomResourceDefinitions of a file; its other objects are not for tests."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # 800 kB: seconds without the C parser
    for document in yaml.load_all(path.read_text(), Loader=loader):
        if document and document["kind"] == "CustomResourceDefinition":
            yield document


def rewritten(old: dict[str, Any]) -> dict[str, Any]:
    """apiextensions v1 of a v1beta1 definition: the same schema in each version, more of them served.

    v1 wants a type at the schema's root, which upstream's file leaves out. Storage stays at upstream's version.
    """
    spec = old["spec"]
    columns = [
        {"jsonPath" if key == "JSONPath" else key: value for key, value in column.items()}
        for column in spec.get("additionalPrinterColumns", ())
    ]
    shared = {
        "schema": {"openAPIV3Schema": {"type": "object", **spec["validation"]["openAPIV3Schema"]}},
        "additionalPrinterColumns": columns,
    }
    versions = [version | shared | {"served": version["name"] in SERVED_SMI} for version in spec["versions"]]
    kept = {key: spec[key] for key in ("group", "scope", "names")}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": old["metadata"],
        "spec": kept | {"versions": versions},
    }


def _istio(folders: dict[str, Path]) -> Iterator[dict[str, Any]]:
    yield from documents(folders[ISTIO] / "kubernetes" / "customresourcedefinitions.gen.yaml")


def _gateway_api(folders: dict[str, Path]) -> Iterator[dict[str, Any]]:
    for path in sorted((folders[GATEWAY_API] / "config" / "crd" / "standard").glob("*.yaml")):
        yield from documents(path)


def _smi(folders: dict[str, Path]) -> Iterator[dict[str, Any]]:
    for crd in documents(folders[SMI] / "crds" / "split.yaml"):
        yield rewritten(crd)


def _argo(folders: dict[str, Path]) -> Iterator[dict[str, Any]]:
    for path in sorted((folders[ARGO] / "manifests" / "crds").glob("*-crd.yaml")):
        yield from documents(path)


def _flagger(folders: dict[str, Path]) -> Iterator[dict[str, Any]]:
    yield from documents(folders[FLAGGER] / "artifacts" / "flagger" / "crd.yaml")


def _operator(folders: dict[str, Path]) -> Iterator[dict[str, Any]]:
    for kind in ("prometheusrules", "servicemonitors"):  # the other kinds are not ours to write
        name = f"monitoring.coreos.com_{kind}.yaml"
        yield from documents(folders[OPERATOR] / "example" / "prometheus-operator-crd" / name)
