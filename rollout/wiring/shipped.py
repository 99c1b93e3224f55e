"""What does the package carry for `rollout install`, and how does it become the objects of one installation?"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

import yaml

from adapters.memory.patches import json_patched

NAMESPACE = "rollout-system"
CONTROLLER = "rollout-controller"  # Deployment, ServiceAccount, ClusterRole and Lease have one name
OVERLAYS = ("istio", "gateway-api", "linkerd", "namespaced", "shards")
_WATCHED = "shop"  # the namespace that overlays/namespaced names
_FIRST = ("Namespace", "ServiceAccount", "ClusterRole", "Role")  # what others refer to
_LISTS = "kustomization.yaml"  # a list for kubectl, no object

Obj = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """What a person may choose. image: "" for the shipped one; prometheus_url: "" for none; overlays: some of OVERLAYS.

    watch: the namespace that the overlay `namespaced` keeps to.
    """

    namespace: str = NAMESPACE
    image: str = ""
    prometheus_url: str = ""
    overlays: tuple[str, ...] = ()
    watch: str = ""


def folder(package: Traversable | None = None) -> Traversable:
    """The folder with `base/`: `installed` inside a wheel, `deploy` beside the package in a source tree.

    package: the package's folder; default: where `rollout` was imported from.
    """
    package = package or files("rollout")
    inside = package / "installed"
    return inside if inside.is_dir() else Path(str(package)).parent / "deploy"


def controller_objects(choices: Choices, package: Traversable | None = None) -> tuple[Obj, ...]:
    """Everything but the CRDs, in the order in which to apply it: what kustomize makes of base or an overlay."""
    home = folder(package)
    base = [item for item in (home / "base").iterdir() if item.name.endswith(".yaml") and item.name != _LISTS]
    objects = [obj for item in base for obj in _documents(item)]
    for name in sorted(choices.overlays, key=lambda name: name == "shards"):  # after it there is no Deployment to patch
        objects = _overlaid(objects, home / "overlays" / name)
    objects = [_moved(obj, {NAMESPACE: choices.namespace, _WATCHED: choices.watch or _WATCHED}) for obj in objects]
    for obj in objects:
        if obj["kind"] in ("Deployment", "StatefulSet"):
            _choose(obj, choices)
    return tuple(sorted(objects, key=_turn))


def installed_objects(namespace: str) -> tuple[Obj, ...]:
    """All that `rollout install` may have made in this namespace and for the cluster, divided into shards or not."""
    base, divided = (controller_objects(Choices(namespace=namespace, overlays=names)) for names in ((), ("shards",)))
    return (*base, *(obj for obj in divided if obj not in base))


def actor_policy() -> tuple[Obj, ...]:
    """The admission policy that binds a command's actor to its sender, and its binding."""
    return tuple(_documents(folder() / "base" / "actor-policy.yaml"))


def rules(objects: Sequence[Obj]) -> Iterator[tuple[str, str, str]]:
    """(verb, group, resource) of the controller's rights in all namespaces; a subresource is `rollouts/status`."""
    for obj in objects:
        if obj["kind"] == "ClusterRole" and obj["metadata"]["name"].startswith(CONTROLLER):
            yield from rights_in(obj)


def rights_in(role: Obj) -> Iterator[tuple[str, str, str]]:
    """(verb, group, resource) of a Role or ClusterRole; `leases:NAME` where a rule is about one object."""
    for rule in role["rules"]:
        names = [f":{name}" for name in rule.get("resourceNames", ())] or [""]
        resources = [resource + name for resource in rule["resources"] for name in names]
        for group in rule["apiGroups"]:
            yield from ((verb, group, resource) for resource in resources for verb in rule["verbs"])


def _documents(item: Traversable) -> list[Obj]:
    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml is 7 times as fast, but not in every build
    return list(yaml.load_all(item.read_text(encoding="utf-8"), Loader=loader))


def _overlaid(objects: list[Obj], overlay: Traversable) -> list[Obj]:
    """What kustomize would make of an overlay, as far as ours go: more files, and patches of single objects."""
    (listed,) = _documents(overlay / _LISTS)
    added = [obj for name in listed["resources"] if not name.startswith("..") for obj in _documents(overlay / name)]
    objects = [*objects, *added]
    for entry in listed.get("patches", ()):
        objects = _patched(objects, entry["target"], yaml.safe_load(entry["patch"]))
    return objects


def _patched(objects: list[Obj], target: Mapping[str, str], patch: list[Any] | Obj) -> list[Obj]:
    chosen = [obj for obj in objects if (obj["kind"], obj["metadata"]["name"]) == (target["kind"], target["name"])]
    if isinstance(patch, dict) and patch.get("$patch") == "delete":
        return [obj for obj in objects if obj not in chosen]  # another overlay may have taken it out already
    if not chosen:
        raise ValueError(f"no {target['kind']} {target['name']} to patch")
    if isinstance(patch, list):
        return [_json(obj, patch) if obj in chosen else obj for obj in objects]
    raise ValueError(f"{target['kind']} {target['name']}: only JSON patches and `$patch: delete` are understood")


def _json(obj: Obj, operations: list[Any]) -> Obj:
    result = json_patched(obj, operations)
    if not isinstance(result, dict):
        raise TypeError("a JSON patch left no object")
    return result


def _moved(obj: Obj, names: Mapping[str, str]) -> Obj:
    """The same object in other namespaces: each word that is one of `names`."""
    return {key: _renamed(value, names) for key, value in obj.items()}


def _renamed(value: object, names: Mapping[str, str]) -> object:
    match value:
        case dict():
            return _moved(value, names)
        case list():
            return [_renamed(item, names) for item in value]
        case str():
            return names.get(value, value)
        case _:
            return value


def _choose(workload: Obj, choices: Choices) -> None:
    container = workload["spec"]["template"]["spec"]["containers"][0]
    if choices.image:
        container["image"] = choices.image
    if choices.prometheus_url:
        container["env"].append({"name": "ROLLOUT_PROMETHEUS_URL", "value": choices.prometheus_url})


def _turn(obj: Obj) -> tuple[int, str, str, str]:
    kind, metadata = obj["kind"], obj["metadata"]
    turn = _FIRST.index(kind) if kind in _FIRST else len(_FIRST)
    return turn, kind, metadata.get("namespace", ""), metadata["name"]
