"""Who manages which field, and what does a server-side apply make of an object?

The rules of structured-merge-diff: applying a field that another manager set to something else is a conflict unless
forced; a field that an applier no longer lists goes, unless somebody else lists it too.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from adapters.memory.fields import Field, decoded, encoded, flat, merged, shown, without
from adapters.memory.kinds import Kind, Target
from adapters.memory.objects import Obj
from adapters.memory.patches import is_same
from adapters.memory.statuses import RefusalError, invalid


@dataclass(frozen=True, slots=True, kw_only=True)
class Author:
    """Who writes: `operation` is Apply or Update, `subresource` "" or status."""

    manager: str
    operation: str
    subresource: str
    api_version: str
    time: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Share:
    author: Author
    fields: frozenset[Field]

    def is_of(self, author: Author) -> bool:
        return _identity(self.author) == _identity(author)

    def less(self, fields: set[Field]) -> "_Share":
        return replace(self, fields=self.fields - fields) if self.fields & fields else self


def after_update(kind: Kind, old: Obj, new: Obj, author: Author) -> list[dict[str, Any]]:
    """managedFields once `author` has turned `old` into `new`: who changes a field takes it from all others.

    What `new` itself says of managers counts, as far as it says something (fieldmanager.decodeLiveOrNew): [] is what a
    client leaves that knows nothing of managers, [{}] says that there are none. A write of /status cannot say it.
    """
    known = old if author.subresource or not new["metadata"].get("managedFields") else new
    before, after = flat(kind, old, author.subresource), flat(kind, new, author.subresource)
    changed = {field for field, value in after.items() if field not in before or not is_same(before[field], value)}
    gone = before.keys() - after.keys()
    shares = [share.less(changed | gone) for share in _shares(known) if not share.is_of(author)]
    own = next((share for share in _shares(known) if share.is_of(author)), _Share(author=author, fields=frozenset()))
    return _entries([*shares, _grown(own, frozenset((own.fields | changed) - gone), author)])


def after_apply(kind: Kind, old: Obj, body: Obj, author: Author, *, force: bool) -> list[dict[str, Any]]:
    """managedFields once `author` has applied `body`; raises RefusalError 409 that names every other manager."""
    wanted, live = flat(kind, body, author.subresource), flat(kind, old, author.subresource)
    differing = {field for field, value in wanted.items() if field in live and not is_same(live[field], value)}
    others = [share for share in _shares(old) if not share.is_of(author)]
    conflicts = [(share.author, field) for share in others for field in sorted(share.fields & differing)]
    if conflicts and not force:
        raise _conflicting(conflicts)
    own = next((share for share in _shares(old) if share.is_of(author)), _Share(author=author, fields=frozenset()))
    return _entries([*(share.less(differing) for share in others), _grown(own, frozenset(wanted), author)])


def applied(kind: Kind, old: Obj, body: Obj, author: Author) -> dict[str, Any]:
    """`old` with `body` laid over it, less what `author` applied before and lists no more and nobody else manages."""
    scope = flat(kind, body, author.subresource)
    previous = {field for share in _shares(old) if share.is_of(author) for field in share.fields}
    foreign = {field for share in _shares(old) if not share.is_of(author) for field in share.fields}
    dropped = {
        field
        for field in previous - scope.keys() - foreign
        if not any(other[: len(field)] == field for other in foreign)
    }
    result = merged(without(old, dropped, kind.lists), body, kind.lists)
    return dict(result) if isinstance(result, Mapping) else {}


def check_applied(target: Target, body: object, manager: str) -> dict[str, Any]:
    """The body of an apply; raises RefusalError (400, 422) for what the real server does not take either."""
    if not manager:
        raise invalid(target.about, "fieldManager", "Required value: is required for apply patch")
    if not isinstance(body, Mapping) or not body.get("apiVersion") or not body.get("kind"):
        raise RefusalError(400, "an apply needs an object with apiVersion and kind")
    meta = body.get("metadata") or {}
    if meta.get("managedFields"):
        raise RefusalError(400, "metadata.managedFields must be nil")
    if meta.get("name", target.name) != target.name:
        raise RefusalError(400, f"the name in the body ({meta['name']}) is not the one in the path ({target.name})")
    return {**body, "metadata": {**meta, "name": target.name}}


def _identity(author: Author) -> tuple[str, str, str]:
    return author.manager, author.operation, author.subresource


def _shares(obj: Obj) -> list[_Share]:
    return [
        _Share(
            author=Author(
                manager=entry.get("manager", ""),
                operation=entry.get("operation", ""),
                subresource=entry.get("subresource", ""),
                api_version=entry.get("apiVersion", ""),
                time=entry.get("time", ""),
            ),
            fields=frozenset(decoded(entry.get("fieldsV1") or {})),
        )
        for entry in obj["metadata"].get("managedFields") or ()
    ]


def _grown(own: _Share, fields: frozenset[Field], author: Author) -> _Share:
    return own if own.fields == fields else _Share(author=author, fields=fields)  # the time is that of the last change


def _entries(shares: list[_Share]) -> list[dict[str, Any]]:
    ordered = sorted(shares, key=lambda share: (share.author.operation, share.author.time, share.author.manager))
    return [
        {
            "manager": share.author.manager,
            "operation": share.author.operation,
            "apiVersion": share.author.api_version,
            "time": share.author.time,
            "fieldsType": "FieldsV1",
            "fieldsV1": encoded(share.fields),
            **({"subresource": share.author.subresource} if share.author.subresource else {}),
        }
        for share in ordered
        if share.fields
    ]


def _conflicting(conflicts: list[tuple[Author, Field]]) -> RefusalError:
    causes = []
    for author, field in conflicts:
        part = f' with subresource "{author.subresource}"' if author.subresource else ""
        text = f'conflict with "{author.manager}"{part} using {author.api_version}'
        causes.append({"reason": "FieldManagerConflict", "message": text, "field": shown(field)})
    listed = [f"{cause['message']}: {cause['field']}" for cause in causes]
    if len(listed) == 1:
        return RefusalError(409, f"Apply failed with 1 conflict: {listed[0]}", causes=tuple(causes))
    text = "\n- ".join([f"Apply failed with {len(listed)} conflicts:", *listed])
    return RefusalError(409, text, causes=tuple(causes))
