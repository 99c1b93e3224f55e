"""Which of our objects does a file hold, and what does an object from the cluster mean?"""

import copy
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

from pydantic import Field, ValidationError

from rollout.manifest.data import Json, Path, path_text
from rollout.manifest.errors import Problem, SpecError, SpecErrors
from rollout.manifest.fields import Form, LabelName, LabelText, Name
from rollout.manifest.group import API_VERSION, GROUP, SOURCE
from rollout.manifest.kinds import (
    KINDS,
    Kind,
    Spec,
    read_approval_policy,
    read_freeze_window,
    read_git_source,
    read_mesh_migration,
    read_notifier,
    read_receiver,
    read_rollout,
    read_slo_policy,
)
from rollout.manifest.problems import did_you_mean, problems_of
from rollout.manifest.rolloutcommand import RolloutCommandForm, command, command_problems
from rollout.manifest.slopolicy import SloPolicy
from rollout.manifest.yaml import Document, documents
from rollout.model.approval import ApprovalPolicy
from rollout.model.commands import Command
from rollout.model.freeze import FreezeWindow
from rollout.model.migration import MigrationSpec
from rollout.model.names import Key
from rollout.model.notifier import Notifier
from rollout.model.receiver import Receiver
from rollout.model.rollout import RolloutSpec
from rollout.model.source import GitSource

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """One object of ours from a file. obj: as written, with its namespace filled in, ready to be applied."""

    kind: str
    key: Key
    obj: Mapping[str, Any]
    spec: Spec
    file: str
    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Parsed:
    """What one file holds. foreign: how many documents are none of ours."""

    manifests: tuple[Manifest, ...] = ()
    foreign: int = 0


class MetadataForm(Form):
    """What git may say about an object of ours."""

    name: Name = Field(description="the object's name")
    namespace: Name | None = None
    labels: dict[LabelName, LabelText] | None = None
    annotations: dict[LabelName, str] | None = None
    creation_timestamp: None = None  # kubectl writes `creationTimestamp: null` into what it generates


class ObjectForm(Form):
    """The outside of an object of ours."""

    api_version: str
    kind: str
    metadata: MetadataForm = Field(description="name and namespace")
    spec: Annotated[Any, Field(description="what is wanted")]


def parse_file(path: str, content: bytes, *, namespace: str = "default") -> Parsed:
    """All objects of ours in a file of a repository; raises SpecErrors with everything that is wrong in it.

    namespace: of objects that name none.
    """
    manifests: list[Manifest] = []
    errors: list[SpecError] = []
    foreign = 0
    for document in documents(content, path):
        match _parsed(document, path, namespace):
            case Manifest() as manifest:
                manifests.append(manifest)
            case None:
                foreign += document.data is not None
            case found:
                errors.extend(found)
    errors.extend(clashes(manifests))
    if errors:
        raise SpecErrors(errors)
    return Parsed(manifests=tuple(manifests), foreign=foreign)


def clashes(manifests: Iterable[Manifest]) -> tuple[SpecError, ...]:
    """An error for each object that was there before, in the same file or another."""
    first: dict[tuple[str, Key], Manifest] = {}
    errors = []
    for manifest in manifests:
        before = first.setdefault((manifest.kind, manifest.key), manifest)
        if before is not manifest:
            message = f"{manifest.kind} is here twice, first in {before.file}:{before.line}; remove one"
            errors.append(SpecError(message, about=str(manifest.key), file=manifest.file, line=manifest.line))
    return tuple(errors)


def parse_object(obj: Mapping[str, Any]) -> RolloutSpec:
    """The spec of a Rollout from the cluster; raises SpecErrors that name its place in git where that is known."""
    return _from_cluster(obj, read_rollout(obj.get("spec"), key_of(obj), source_of(obj)))


def parse_git_source(obj: Mapping[str, Any]) -> GitSource:
    """The spec of a GitSource from the cluster; raises SpecErrors."""
    return _from_cluster(obj, read_git_source(obj.get("spec"), key_of(obj)))


def parse_mesh_migration(obj: Mapping[str, Any]) -> MigrationSpec:
    """The spec of a MeshMigration from the cluster; raises SpecErrors that name its place in git where that is known."""
    return _from_cluster(obj, read_mesh_migration(obj.get("spec"), key_of(obj)))


def parse_slo_policy(obj: Mapping[str, Any]) -> SloPolicy:
    """The spec of a SloPolicy from the cluster; raises SpecErrors."""
    return _from_cluster(obj, read_slo_policy(obj.get("spec"), key_of(obj)))


def parse_approval_policy(obj: Mapping[str, Any]) -> ApprovalPolicy:
    """The spec of an ApprovalPolicy from the cluster; raises SpecErrors."""
    return _from_cluster(obj, read_approval_policy(obj.get("spec"), key_of(obj)))


def parse_freeze_window(obj: Mapping[str, Any]) -> FreezeWindow:
    """The spec of a FreezeWindow from the cluster; raises SpecErrors."""
    return _from_cluster(obj, read_freeze_window(obj.get("spec"), key_of(obj)))


def parse_receiver(obj: Mapping[str, Any]) -> Receiver:
    """The spec of a Receiver from the cluster; raises SpecErrors."""
    return _from_cluster(obj, read_receiver(obj.get("spec"), key_of(obj)))


def parse_notifier(obj: Mapping[str, Any]) -> Notifier:
    """The spec of a Notifier from the cluster; raises SpecErrors."""
    return _from_cluster(obj, read_notifier(obj.get("spec"), key_of(obj)))


def parse_command(obj: Mapping[str, Any]) -> Command:
    """A RolloutCommand from the cluster; raises SpecErrors."""
    try:
        form = RolloutCommandForm.model_validate(obj.get("spec"))
    except ValidationError as error:
        return _from_cluster(obj, problems_of(error, RolloutCommandForm, ("spec",)))
    problems = list(command_problems(form))
    return _from_cluster(obj, problems or command(form, obj["metadata"]))


def key_of(obj: Mapping[str, Any]) -> Key:
    """Namespace and name of an object from the cluster."""
    metadata = obj["metadata"]
    return Key(namespace=metadata.get("namespace", ""), name=metadata["name"])


def source_of(obj: Mapping[str, Any]) -> str:
    """file:line in git of an object from the cluster; "" when it did not come from git."""
    return str((obj["metadata"].get("annotations") or {}).get(SOURCE, ""))


def _from_cluster(obj: Mapping[str, Any], result: T | list[Problem]) -> T:
    if not isinstance(result, list):
        return result
    about, file = str(key_of(obj)), source_of(obj)
    raise SpecErrors(
        SpecError(problem.message, about=about, path=path_text(problem.path), file=file) for problem in result
    )


def _parsed(document: Document, file: str, namespace: str) -> Manifest | list[SpecError] | None:
    """The manifest, all that is wrong, or None for a document that is none of ours."""
    kind = _kind(document)
    if kind is None:
        return None
    if isinstance(kind, Problem):
        return _placed([kind], document, file, _about(document.data, namespace))
    data = copy.deepcopy(document.data)
    problems: list[Problem] = []
    try:
        ObjectForm.model_validate(data)
    except ValidationError as error:
        problems = problems_of(error, ObjectForm, ())
    metadata = data.get("metadata")
    metadata = metadata if isinstance(metadata, dict) else {}
    given = str(metadata.get("namespace") or "")
    key = Key(namespace=(given or namespace) if kind.namespaced else "", name=str(metadata.get("name", "")))
    if given and not kind.namespaced:
        message = f"a {kind.name} is for the whole cluster, in no namespace; leave it out"
        problems.append(Problem(path=("metadata", "namespace"), message=message))
    line = document.line(())
    if kind.read is None:
        return _placed([_not_from_git(kind)], document, file, str(key))
    spec = kind.read(data["spec"], key, f"{file}:{line}") if "spec" in data else []
    if isinstance(spec, list) or problems:
        found = [*problems, *(spec if isinstance(spec, list) else [])]
        return _placed(found, document, file, str(key) if key.name else kind.name)
    if kind.namespaced:
        metadata["namespace"] = key.namespace
    metadata.pop("creationTimestamp", None)
    return Manifest(kind=kind.name, key=key, obj=data, spec=spec, file=file, line=line)


def _kind(document: Document) -> Kind | Problem | None:
    """The kind of a document, what is wrong with it, or None when it is none of ours."""
    data = document.data
    if not isinstance(data, dict):
        return None
    group, _, _ = str(data.get("apiVersion", "")).partition("/")
    name = str(data.get("kind", ""))
    if name == "List" and any(_is_ours(item) for item in _items(data)):
        return Problem(path=("items",), message=f"a List hides objects of {GROUP}; write them apart, with --- between")
    if group != GROUP:
        if "apiVersion" not in data and name in KINDS:
            return Problem(path=(), message=f"{name} without apiVersion; write apiVersion: {API_VERSION}")
        return None
    if data["apiVersion"] != API_VERSION:
        message = f"apiVersion {data['apiVersion']} is not known; this version reads {API_VERSION}"
        return Problem(path=("apiVersion",), message=message)
    if name not in KINDS:
        named = f"kind {name} is not known" if name else "kind is missing"
        return Problem(path=("kind",), message=f"{named}{did_you_mean(name, list(KINDS))}")
    return KINDS[name]


def _items(data: Mapping[str, Any]) -> list[Json]:
    items = data.get("items")
    return items if isinstance(items, list) else []


def _is_ours(item: Json) -> bool:
    return isinstance(item, dict) and str(item.get("apiVersion", "")).startswith(f"{GROUP}/")


def _not_from_git(kind: Kind) -> Problem:
    message = f"a {kind.name} comes from a person, not from git; give it with the CLI and remove it here"
    return Problem(path=("kind",), message=message)


def _about(data: Mapping[str, Any], namespace: str) -> str:
    metadata = data.get("metadata")
    if not isinstance(metadata, dict) or not metadata.get("name"):
        return str(data.get("kind", ""))
    return f"{metadata.get('namespace') or namespace}/{metadata['name']}"


def _placed(problems: Iterable[Problem], document: Document, file: str, about: str) -> list[SpecError]:
    def error(problem: Problem) -> SpecError:
        path: Path = problem.path
        line = document.line(path)
        return SpecError(problem.message, about=about, path=path_text(path), file=file, line=line)

    return [error(problem) for problem in problems]
