"""Which kinds does the memory cluster serve, and what does a request path mean?"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from adapters.memory.statuses import PAGE_NOT_FOUND, About, RefusalError

Path = tuple[str, ...]  # field names from the root; list items add nothing

# Map-type lists (with their keys) and sets (no keys) that every object has.
META_LISTS: Mapping[Path, tuple[str, ...]] = {
    ("metadata", "ownerReferences"): ("uid",),
    ("metadata", "finalizers"): (),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One additionalPrinterColumn."""

    name: str
    type: str
    path: str
    wide: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One resource as it is served; `versions` in order of preference, the first one is stored."""

    group: str
    plural: str
    kind: str
    versions: tuple[str, ...] = ("v1",)
    namespaced: bool = True
    status: bool = False  # has a /status subresource
    counted: bool = False  # has metadata.generation
    transient: bool = False  # answers a POST, stores nothing (SelfSubjectAccessReview)
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    custom: bool = False
    lists: Mapping[Path, tuple[str, ...]] = field(default_factory=dict)  # map-type lists and their keys; a set has none
    columns: tuple[Column, ...] = ()
    schema: Mapping[str, Any] = field(default_factory=dict)  # OpenAPI v3; none means anything goes
    stored_in: str = ""  # the kind whose storage this one shows under other field names
    renamed: Mapping[str, str] = field(default_factory=dict)  # stored field: shown field

    @property
    def full_name(self) -> str:
        """`rollouts.example.org`; a core kind has no group."""
        return _full_name(self.plural, self.group)

    @property
    def resource(self) -> str:
        """The name objects are stored under: the kind's own, but for Events."""
        return self.stored_in or self.full_name

    def api_version(self, version: str) -> str:
        """`group/version`, or `v1` for the core group."""
        return f"{self.group}/{version}" if self.group else version

    def about(self, name: str) -> About:
        """One object of this kind, for a refusal."""
        return About(group=self.group, plural=self.plural, name=name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What a request path names; `namespace` "" is all namespaces or cluster scope, `name` "" the collection."""

    kind: Kind
    version: str
    namespace: str = ""
    name: str = ""
    subresource: str = ""

    @property
    def api_version(self) -> str:
        """The apiVersion that objects are answered in."""
        return self.kind.api_version(self.version)

    @property
    def resource(self) -> str:
        """The resource as RBAC names it: `rollouts` or `rollouts/status`."""
        return f"{self.kind.plural}/{self.subresource}" if self.subresource else self.kind.plural

    @property
    def about(self) -> About:
        """The object, for a refusal."""
        return self.kind.about(self.name)


class Kinds:
    """The table of served kinds; custom ones come and go with their CustomResourceDefinition."""

    def __init__(self, kinds: tuple[Kind, ...]) -> None:
        self._by_name = {kind.full_name: kind for kind in kinds}

    def __iter__(self) -> Iterator[Kind]:
        return iter(tuple(self._by_name.values()))

    def add(self, kind: Kind) -> None:
        """Serve a kind from now on (or serve it differently)."""
        self._by_name[kind.full_name] = kind

    def drop(self, full_name: str) -> None:
        """Serve a kind no more."""
        self._by_name.pop(full_name, None)

    def find(self, full_name: str) -> Kind | None:
        """The kind of this name, `rollouts.example.org`; None when it is not served."""
        return self._by_name.get(full_name)

    def of(self, api_version: str, kind: str) -> Kind:
        """The kind that an object's apiVersion and kind name; raises RefusalError (404)."""
        group, _, version = api_version.rpartition("/")
        for known in self:
            if known.group == group and known.kind == kind and version in known.versions:
                return known
        raise RefusalError(404, PAGE_NOT_FOUND)

    def target(self, path: str) -> Target:
        """What the path of a request names; raises RefusalError (404) for what is not served."""
        group, version, rest = _split(path.strip("/").split("/"))
        namespace = ""
        if len(rest) > 2 and rest[0] == "namespaces":
            inside = self.find(_full_name(rest[2], group))
            if inside is not None and inside.namespaced:  # otherwise it is a subresource of the Namespace itself
                namespace, rest = rest[1], rest[2:]
        plural, name, subresource, *more = [*rest, "", "", ""][: max(3, len(rest))]
        known = self.find(_full_name(plural, group))
        if known is None or more or version not in known.versions or (name and known.namespaced and not namespace):
            raise RefusalError(404, PAGE_NOT_FOUND)
        if subresource and not (subresource == "status" and known.status):
            raise RefusalError(404, PAGE_NOT_FOUND)
        return Target(kind=known, version=version, namespace=namespace, name=name, subresource=subresource)

    def path(self, obj: Mapping[str, Any]) -> str:
        """The path of an object, from its apiVersion, kind, namespace and name; raises RefusalError (404)."""
        kind = self.of(obj["apiVersion"], obj["kind"])
        root = f"/apis/{obj['apiVersion']}" if kind.group else f"/api/{obj['apiVersion']}"
        scope = f"/namespaces/{obj['metadata'].get('namespace', 'default')}" if kind.namespaced else ""
        return f"{root}{scope}/{kind.plural}/{obj['metadata']['name']}"


def _full_name(plural: str, group: str) -> str:
    return f"{plural}.{group}" if group else plural


def _split(parts: list[str]) -> tuple[str, str, list[str]]:
    match parts:
        case ["api", version, *rest] if rest:
            return "", version, rest
        case ["apis", group, version, *rest] if rest:
            return group, version, rest
        case _:
            raise RefusalError(404, PAGE_NOT_FOUND)
