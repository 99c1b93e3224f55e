"""What does a PUT or a PATCH make of the object that is there, and who manages its fields afterwards?"""

from collections.abc import Mapping
from typing import Any

from adapters.kube.api import Patch
from adapters.memory import apply, writes
from adapters.memory.apply import Author
from adapters.memory.kinds import Target
from adapters.memory.objects import Obj
from adapters.memory.patches import json_patched, merge_patched
from adapters.memory.schemas import shaped
from adapters.memory.statuses import RefusalError
from adapters.memory.strategic import CONTENT_TYPE as STRATEGIC
from adapters.memory.strategic import strategic_patched
from adapters.memory.versions import as_stored, as_version


def created(target: Target, obj: Obj, body: Obj, author: Author) -> dict[str, Any]:
    """The new object `obj` with its managedFields; for an apply these are the fields of `body`."""
    obj = shaped(target, obj)
    if author.operation == "Apply":
        return _managed(obj, apply.after_apply(target.kind, obj, body, author, force=True))
    return _managed(obj, apply.after_update(target.kind, {"metadata": {}}, obj, author))


def replaced(target: Target, old: Obj, new: object, author: Author) -> dict[str, Any]:
    """The object to store when `new` is wanted in place of `old`; raises RefusalError (400, 409, 422)."""
    wanted = shaped(target, as_stored(target, new)) if isinstance(new, Mapping) else new
    obj = writes.changed(target, old, wanted)
    return _managed(obj, apply.after_update(target.kind, old, obj, author))


def patched(target: Target, old: Obj, content_type: str, body: object, author: Author) -> dict[str, Any]:
    """The object to store after a patch that is no apply; raises RefusalError (400, 409, 415, 422)."""
    shown = as_version(target, old)
    match content_type:
        case Patch.JSON:
            return replaced(target, old, json_patched(shown, body), author)
        case Patch.MERGE:
            return replaced(target, old, merge_patched(shown, body), author)
        case content if content == STRATEGIC and not target.kind.custom:
            return replaced(target, old, strategic_patched(shown, body, target.kind.lists), author)
    accepted = ", ".join([*Patch, *([] if target.kind.custom else [STRATEGIC])])
    raise RefusalError(415, f"the body of the request was in an unknown format - accepted media types: {accepted}")


def applied(target: Target, old: Obj, body: Obj, author: Author, *, force: bool) -> dict[str, Any]:
    """The object to store after a server-side apply; raises RefusalError (400, 409, 422)."""
    entries = apply.after_apply(target.kind, old, body, author, force=force)
    wanted = apply.applied(target.kind, {**old, "apiVersion": target.api_version}, body, author)
    obj = writes.changed(target, old, shaped(target, wanted))
    return _managed(obj, entries)


def _managed(obj: Obj, entries: list[dict[str, Any]]) -> dict[str, Any]:
    meta = {name: value for name, value in obj["metadata"].items() if name != "managedFields"}
    return {**obj, "metadata": {**meta, "managedFields": entries} if entries else meta}
