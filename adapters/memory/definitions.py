"""Which kind does a CustomResourceDefinition make served, and which ones do meshes bring?"""

from collections.abc import Iterator, Mapping
from typing import Any

from adapters.memory.kinds import META_LISTS, Column, Kind, Path
from adapters.memory.objects import Obj
from adapters.memory.statuses import About, invalid

_GROUP = "apiextensions.k8s.io"
CRDS = f"customresourcedefinitions.{_GROUP}"

# kind: group, plural, versions (the first is stored), has a status subresource. Names and versions as upstream ships.
_KNOWN: Mapping[str, tuple[str, str, tuple[str, ...], bool]] = {
    "VirtualService": ("networking.istio.io", "virtualservices", ("v1", "v1beta1", "v1alpha3"), True),
    "DestinationRule": ("networking.istio.io", "destinationrules", ("v1", "v1beta1", "v1alpha3"), True),
    "PeerAuthentication": ("security.istio.io", "peerauthentications", ("v1", "v1beta1"), True),
    "Telemetry": ("telemetry.istio.io", "telemetries", ("v1", "v1alpha1"), True),
    "HTTPRoute": ("gateway.networking.k8s.io", "httproutes", ("v1", "v1beta1"), True),
    "GRPCRoute": ("gateway.networking.k8s.io", "grpcroutes", ("v1",), True),
    "TrafficSplit": ("split.smi-spec.io", "trafficsplits", ("v1alpha2", "v1alpha3", "v1alpha4"), False),
}
_SHORT: Mapping[str, str] = {"VirtualService": "vs", "DestinationRule": "dr", "TrafficSplit": "ts"}


def known(kind: str) -> dict[str, Any]:
    """The CustomResourceDefinition of a mesh's kind, with a schema that keeps everything; KeyError names the choice."""
    if kind not in _KNOWN:
        raise KeyError(
            f"{kind}: the memory cluster knows no such CRD by name, only {', '.join(_KNOWN)}; create its CRD"
        )
    group, plural, versions, has_status = _KNOWN[kind]
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": {
                "kind": kind,
                "listKind": f"{kind}List",
                "plural": plural,
                "singular": kind.lower(),
                **({"shortNames": [_SHORT[kind]]} if kind in _SHORT else {}),
            },
            "versions": [
                {
                    "name": version,
                    "served": True,
                    "storage": version == versions[0],
                    "schema": {"openAPIV3Schema": schema},
                    **({"subresources": {"status": {}}} if has_status else {}),
                }
                for version in versions
            ],
        },
    }


def check(crd: Obj) -> None:
    """Refuse (422) a CustomResourceDefinition that lacks what it takes to serve its kind."""
    spec, about = (
        crd.get("spec") or {},
        About(group=_GROUP, plural=CRDS.partition(".")[0], name=crd["metadata"]["name"]),
    )
    names = spec.get("names") or {}
    for path, value in (
        ("spec.group", spec.get("group")),
        ("spec.names.plural", names.get("plural")),
        ("spec.names.kind", names.get("kind")),
        ("spec.versions", spec.get("versions")),
    ):
        if not value:
            raise invalid(about, path, "Required value")
    if spec.get("scope") not in {"Namespaced", "Cluster"}:
        raise invalid(about, "spec.scope", "Unsupported value: expected Namespaced or Cluster")
    if sum(bool(version.get("storage")) for version in spec["versions"]) != 1:
        raise invalid(about, "spec.versions", "Invalid value: must have exactly one version marked as storage version")
    if crd["metadata"]["name"] != f"{names['plural']}.{spec['group']}":
        raise invalid(about, "metadata.name", 'Invalid value: must be spec.names.plural+"."+spec.group')


def served_by(crd: Obj) -> Kind:
    """The kind that a CustomResourceDefinition makes served; the storage version decides schema and columns."""
    spec, names = crd["spec"], crd["spec"]["names"]
    stored = next((version for version in spec["versions"] if version.get("storage")), spec["versions"][0])
    others = [v["name"] for v in spec["versions"] if v.get("served") and v["name"] != stored["name"]]
    schema = stored.get("schema", {}).get("openAPIV3Schema", {})
    return Kind(
        group=spec["group"],
        plural=names["plural"],
        kind=names["kind"],
        versions=(*([stored["name"]] if stored.get("served") else []), *others),
        namespaced=spec.get("scope") == "Namespaced",
        status="status" in (stored.get("subresources") or {}),
        counted=True,
        short_names=tuple(names.get("shortNames", ())),
        categories=tuple(names.get("categories", ())),
        custom=True,
        schema=schema,
        lists={**META_LISTS, **dict(_map_lists(schema, ()))},
        columns=tuple(_column(column) for column in stored.get("additionalPrinterColumns", ())),
    )


def established(crd: Obj, now: str) -> dict[str, Any]:
    """The status that the API server gives to a CustomResourceDefinition it accepts."""
    spec = crd["spec"]
    stored = [version["name"] for version in spec["versions"] if version.get("storage")]
    condition = {"status": "True", "lastTransitionTime": now}
    return {
        "acceptedNames": spec["names"],
        "storedVersions": stored,
        "conditions": [
            {**condition, "type": "NamesAccepted", "reason": "NoConflicts", "message": "no conflicts found"},
            {**condition, "type": "Established", "reason": "InitialNamesAccepted", "message": "accepted"},
        ],
    }


def _map_lists(schema: Mapping[str, Any], path: Path) -> Iterator[tuple[Path, tuple[str, ...]]]:
    if schema.get("x-kubernetes-list-type") in {"map", "set"}:
        yield path, tuple(schema.get("x-kubernetes-list-map-keys", ()))  # a set has no keys
    for name, child in schema.get("properties", {}).items():
        yield from _map_lists(child, (*path, name))
    if isinstance(schema.get("items"), Mapping):
        yield from _map_lists(schema["items"], path)


def _column(column: Mapping[str, Any]) -> Column:
    return Column(name=column["name"], type=column["type"], path=column["jsonPath"], wide=column.get("priority", 0) > 0)
