"""Does a Service of one revision select another revision's pods, as far as files can tell?

The controller holds such a run (BackendsOverlap): whatever the weights say, the canary would get stable's requests.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from rollout.manifest.data import Json
from rollout.manifest.errors import SpecError, SpecErrors
from rollout.manifest.group import GROUP
from rollout.manifest.parse import parse_file
from rollout.manifest.yaml import documents
from rollout.model.names import Key, revision_in
from rollout.model.rollout import RolloutSpec, ServiceBackend, WorkloadRef

WORKLOADS = ("Deployment", "StatefulSet", "DaemonSet")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Object:
    """labels: what a Service selects, or what a workload's pods carry."""

    kind: str
    key: Key
    labels: Mapping[str, Any]
    file: str
    line: int


def overlaps(files: Iterable[tuple[str, bytes]], *, namespace: str = "default") -> list[SpecError]:
    """An error for each Service of a revision that selects pods of another; files that cannot be read say nothing."""
    specs: list[RolloutSpec] = []
    objects: list[_Object] = []
    for path, content in files:
        try:
            if GROUP.encode() in content:  # reading a file takes time
                found = parse_file(path, content, namespace=namespace).manifests
                specs += [manifest.spec for manifest in found if isinstance(manifest.spec, RolloutSpec)]
            if any(kind.encode() in content for kind in ("Service", *WORKLOADS)):
                objects += _objects(path, content, namespace)
        except SpecErrors:
            continue
    return [error for spec in specs for error in _of(spec, objects)]


def selects(selector: Mapping[str, Any], labels: Mapping[str, Any]) -> bool:
    """Whether a Service with this selector selects pods with these labels; one without a selector selects none."""
    return bool(selector) and selector.items() <= labels.items()


def _objects(path: str, content: bytes, namespace: str) -> Iterator[_Object]:
    for document in documents(content, path):
        data = document.data
        if not isinstance(data, dict) or data.get("kind") not in ("Service", *WORKLOADS):
            continue
        way = ("spec", "selector") if data["kind"] == "Service" else ("spec", "template", "metadata", "labels")
        metadata, labels = data.get("metadata"), _at(data, way)
        if isinstance(metadata, dict) and isinstance(labels, dict):
            key = Key(namespace=str(metadata.get("namespace") or namespace), name=str(metadata.get("name", "")))
            yield _Object(kind=data["kind"], key=key, labels=labels, file=path, line=document.line(way))


def _at(data: Json, way: tuple[str, ...]) -> Json:
    for part in way:
        data = data.get(part) if isinstance(data, dict) else None
    return data


def _of(spec: RolloutSpec, objects: list[_Object]) -> Iterator[SpecError]:
    """Services of this Rollout against its workloads."""
    if not isinstance(spec.backend, ServiceBackend) or spec.workload is None:
        return
    near = [found for found in objects if found.key.namespace == spec.key.namespace]
    workloads = [(found, _revision(spec.workload, found)) for found in near]
    for service in (found for found in near if found.kind == "Service"):
        own = revision_in(spec.backend.service, service.key.name)
        is_stable = spec.stable is not None and spec.stable.service == service.key.name
        if own is None and not is_stable:
            continue
        for workload, revision in workloads:
            if revision is not None and revision != own and selects(service.labels, workload.labels):
                yield _error(spec, service, workload, is_old=own is None)


def _revision(ref: WorkloadRef, found: _Object) -> str | None:
    return revision_in(ref.name, found.key.name) if found.kind == ref.kind else None


def _error(spec: RolloutSpec, service: _Object, workload: _Object, *, is_old: bool) -> SpecError:
    """is_old: whether the Service is spec.stable and no revision's own."""
    todo = "add a label of the revision to its selector"
    if is_old:
        todo = f"make routes name {spec.backend_of(spec.revision)} first, or take spec.stable out where its run is over"
    message = (
        f"Service {service.key.name} also selects the pods of {workload.kind} {workload.key.name}, so a run between "
        f"the two is held (BackendsOverlap): {todo}"
    )
    return SpecError(message, about=str(spec.key), path="spec.selector", file=service.file, line=service.line)
