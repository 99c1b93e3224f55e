"""What does the package carry for `rollout install`, and how does it become the objects of one installation?"""

from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

import yaml

NAMESPACE = "rollout-system"
CONTROLLER = "rollout-controller"  # Deployment, ServiceAccount, ClusterRole and Lease have one name
_FIRST = ("Namespace", "ServiceAccount", "ClusterRole", "Role")  # what others refer to
_LISTS = "kustomization.yaml"  # a list for kubectl, no object


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """What a person may choose. image: "" for the shipped one; prometheus_url: "" for none."""

    namespace: str = NAMESPACE
    image: str = ""
    prometheus_url: str = ""


def folder(package: Traversable | None = None) -> Traversable:
    """The folder with `base/`: `installed` inside a wheel, `deploy` beside the package in a source tree.

    package: the package's folder; default: where `rollout` was imported from.
    """
    package = package or files("rollout")
    inside = package / "installed"
    return inside if inside.is_dir() else Path(str(package)).parent / "deploy"


def controller_objects(choices: Choices, package: Traversable | None = None) -> tuple[dict[str, Any], ...]:
    """Everything but the CRDs, in the order in which to apply it."""
    base = folder(package) / "base"
    texts = [item.read_text(encoding="utf-8") for item in base.iterdir() if _is_manifest(item.name)]
    objects = [_placed(obj, choices.namespace) for text in texts for obj in yaml.safe_load_all(text)]
    for obj in objects:
        if obj["kind"] == "Deployment":
            _choose(obj, choices)
    return tuple(sorted(objects, key=_turn))


def _is_manifest(name: str) -> bool:
    return name.endswith(".yaml") and name != _LISTS


def _placed(value: Any, namespace: str) -> Any:
    """The same with every word NAMESPACE replaced: in metadata and in the subjects of bindings."""
    match value:
        case dict():
            return {key: _placed(item, namespace) for key, item in value.items()}
        case list():
            return [_placed(item, namespace) for item in value]
        case _:
            return namespace if value == NAMESPACE else value


def _choose(deployment: dict[str, Any], choices: Choices) -> None:
    container = deployment["spec"]["template"]["spec"]["containers"][0]
    if choices.image:
        container["image"] = choices.image
    if choices.prometheus_url:
        container["env"].append({"name": "ROLLOUT_PROMETHEUS_URL", "value": choices.prometheus_url})


def _turn(obj: dict[str, Any]) -> tuple[int, str, str]:
    kind = obj["kind"]
    turn = _FIRST.index(kind) if kind in _FIRST else len(_FIRST)
    return turn, kind, obj["metadata"]["name"]


def rules(objects: tuple[dict[str, Any], ...]) -> Iterator[tuple[str, str, str]]:
    """(verb, group, resource) of the controller's rights in all namespaces; a subresource is `rollouts/status`."""
    for obj in objects:
        if obj["kind"] == "ClusterRole" and obj["metadata"]["name"] == CONTROLLER:
            for rule in obj["rules"]:
                for group in rule["apiGroups"]:
                    yield from ((verb, group, resource) for resource in rule["resources"] for verb in rule["verbs"])
