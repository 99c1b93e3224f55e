"""Which workloads, Services and Rollouts do the files of a commit hold?"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from rollout.manifest.errors import SpecErrors
from rollout.manifest.group import GROUP
from rollout.manifest.kinds import read_rollout
from rollout.manifest.yaml import documents
from rollout.model.names import Key
from rollout.model.rollout import RolloutSpec
from rollout.model.template import template_hash
from rollout.ports.history import Files

_KINDS = {"Deployment": "apps", "StatefulSet": "apps", "DaemonSet": "apps", "Service": ""}


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Ref:
    """An object by kind, namespace and name."""

    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind}/{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """An object in a file. mark: of what may not change in place: a workload's pod template, a Service's selector."""

    ref: Ref
    mark: str
    file: str
    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What files hold. rollouts: the valid ones; keys: of all Rollouts, valid or not.

    unread: `path: why` of each file that may hold such objects and cannot be read.
    """

    objects: tuple[Found, ...] = ()
    rollouts: tuple[RolloutSpec, ...] = ()
    keys: frozenset[Key] = frozenset()
    unread: tuple[str, ...] = ()


def held(files: Files, namespace: str) -> Held:
    """All workloads, Services and Rollouts in the files, by path. namespace: of objects that name none.

    The spec of a Rollout that is not valid is passed over: the controller has never followed it.
    """
    objects: list[Found] = []
    rollouts: list[RolloutSpec] = []
    keys: set[Key] = set()
    unread: list[str] = []
    for path, content in sorted(files.items()):
        if not _may_hold(content):
            continue
        try:
            for data, line in objects_in(path, content):
                if (found := _found(data, namespace, path, line)) is not None:
                    objects.append(found)
                elif (key := rollout_key(data, namespace)) is not None:
                    keys.add(key)
                    spec = read_rollout(data.get("spec"), key, f"{path}:{line}")
                    rollouts += [spec] if isinstance(spec, RolloutSpec) else []
        except SpecErrors as error:
            unread.append(f"{path}: {error.errors[0].message}")
    return Held(objects=tuple(objects), rollouts=tuple(rollouts), keys=frozenset(keys), unread=tuple(unread))


def objects_in(path: str, content: bytes) -> Iterator[tuple[Mapping[str, Any], int]]:
    """Every object of a file with its line, those inside a List too."""
    for document in documents(content, path):
        data = document.data
        if not isinstance(data, dict):
            continue
        if data.get("kind") == "List" and isinstance(data.get("items"), list):
            for index, item in enumerate(data["items"]):
                if isinstance(item, dict):
                    yield item, document.line(("items", index))
        else:
            yield data, document.line(())


def rollout_key(data: Mapping[str, Any], namespace: str) -> Key | None:
    """Which Rollout an object is, valid or not; None for every other object. namespace: where it names none."""
    metadata = data.get("metadata")
    is_ours = str(data.get("apiVersion", "")).startswith(f"{GROUP}/") and data.get("kind") == "Rollout"
    if not is_ours or not isinstance(metadata, dict) or not metadata.get("name"):
        return None
    return Key(namespace=str(metadata.get("namespace") or namespace), name=str(metadata["name"]))


def _may_hold(content: bytes) -> bool:
    """Whether reading the file is worth the time."""
    return any(kind.encode() in content for kind in ("Rollout", *_KINDS))


def _found(data: Mapping[str, Any], namespace: str, path: str, line: int) -> Found | None:
    kind, metadata, spec = data.get("kind"), data.get("metadata"), data.get("spec")
    group = str(data.get("apiVersion", "")).rpartition("/")[0]
    if not isinstance(kind, str) or _KINDS.get(kind) != group or not isinstance(metadata, dict):
        return None
    spec = spec if isinstance(spec, dict) else {}
    marked = spec.get("selector") if kind == "Service" else spec.get("template")
    ref = Ref(kind=kind, namespace=str(metadata.get("namespace") or namespace), name=str(metadata.get("name", "")))
    mark = template_hash(marked) if isinstance(marked, dict) else ""
    return Found(ref=ref, mark=mark, file=path, line=line)
