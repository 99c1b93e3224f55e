"""What does the API server say it serves?"""

from typing import Any

from adapters.memory.kinds import Kind, Kinds

_VERBS = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"]


def answer(path: str, kinds: Kinds) -> dict[str, Any] | None:
    """The discovery document at `path`; None where there is none."""
    match path.strip("/").split("/"):
        case ["version"]:
            return {"major": "1", "minor": "35", "gitVersion": "v1.35.0-memory", "platform": "memory"}
        case ["openapi", "v3"]:
            return {"paths": {path: {"serverRelativeURL": f"/openapi/v3/{path}"} for path in _group_versions(kinds)}}
        case ["openapi", "v3", *rest] if "/".join(rest) in _group_versions(kinds):
            return _openapi("/".join(rest), kinds)
        case ["api"]:
            return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []}
        case ["api", "v1"]:
            return _resources("", "v1", kinds)
        case ["apis"]:
            named = sorted({kind.group for kind in kinds if kind.group})
            return {"kind": "APIGroupList", "apiVersion": "v1", "groups": [_group(name, kinds) for name in named]}
        case ["apis", group] if _versions(group, kinds):
            return {"kind": "APIGroup", "apiVersion": "v1", **_group(group, kinds)}
        case ["apis", group, version] if version in _versions(group, kinds):
            return _resources(group, version, kinds)
        case _:
            return None


def _group_versions(kinds: Kinds) -> list[str]:
    found = {("apis/" if kind.group else "api/") + kind.api_version(v) for kind in kinds for v in kind.versions}
    return sorted(found)


def _openapi(group_version: str, kinds: Kinds) -> dict[str, Any]:
    """No schemas, only what kubectl looks for: that PATCH takes dryRun and fieldValidation, so it need not validate."""
    root, _, api_version = group_version.partition("/")
    group, _, version = api_version.rpartition("/")
    parameters = [{"name": name, "in": "query"} for name in ("dryRun", "fieldManager", "fieldValidation", "force")]
    paths = {
        f"/{root}/{api_version}/{kind.plural}/{{name}}": {
            "patch": {
                "parameters": parameters,
                "x-kubernetes-group-version-kind": {"group": group, "version": version, "kind": kind.kind},
            }
        }
        for kind in kinds
        if kind.group == group and version in kind.versions
    }
    info = {"title": "memory", "version": "v1"}
    return {"openapi": "3.0.0", "info": info, "paths": paths, "components": {"schemas": {}}}


def _versions(group: str, kinds: Kinds) -> list[str]:
    found: dict[str, None] = {}  # a dict keeps the order of preference
    for kind in kinds:
        if kind.group == group:
            found.update(dict.fromkeys(kind.versions))
    return list(found)


def _group(name: str, kinds: Kinds) -> dict[str, Any]:
    versions = [{"groupVersion": f"{name}/{version}", "version": version} for version in _versions(name, kinds)]
    return {"name": name, "versions": versions, "preferredVersion": versions[0]}


def _resources(group: str, version: str, kinds: Kinds) -> dict[str, Any]:
    served = [kind for kind in kinds if kind.group == group and version in kind.versions]
    return {
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": f"{group}/{version}" if group else version,
        "resources": [entry for kind in served for entry in _entries(kind)],
    }


def _entries(kind: Kind) -> list[dict[str, Any]]:
    base = {"namespaced": kind.namespaced, "kind": kind.kind}
    main: dict[str, Any] = {
        **base,
        "name": kind.plural,
        "singularName": kind.kind.lower(),
        "verbs": ["create"] if kind.transient else _VERBS,
    }
    if kind.short_names:
        main["shortNames"] = list(kind.short_names)
    if kind.categories:
        main["categories"] = list(kind.categories)
    status = {**base, "name": f"{kind.plural}/status", "singularName": "", "verbs": ["get", "patch", "update"]}
    return [main, status] if kind.status else [main]
