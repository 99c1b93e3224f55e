"""What does a list answer, page by page, as of one moment?"""

import base64
import binascii
import json
from collections.abc import Mapping
from typing import Any

from adapters.memory.kinds import Target
from adapters.memory.objects import CompactedError, Store, key_of
from adapters.memory.selectors import matching
from adapters.memory.statuses import RefusalError
from adapters.memory.versions import as_version

_TOO_OLD = (
    "The provided continue parameter is too old to display a consistent list result. "
    "You can start a new list without the continue parameter."
)


def listing(store: Store, target: Target, query: Mapping[str, str]) -> dict[str, Any]:
    """A List object; `limit` and `continue` page through one snapshot; raises RefusalError (400, 410, 504)."""
    revision, start = _snapshot(store, query)
    passes = matching(query, target.kind.full_name)
    try:
        objects = store.listed(target.kind.resource, namespace=target.namespace or None, revision=revision)
    except CompactedError as error:
        raise RefusalError(410, _TOO_OLD) from error
    shown = [as_version(target, obj) for obj in objects if key_of(obj) > start]
    found = [obj for obj in shown if passes(obj)]
    limit = _number(query, "limit")
    page = found[:limit] if limit else found
    meta: dict[str, Any] = {"resourceVersion": str(revision)}
    if len(page) < len(found):
        meta["continue"] = _token(revision, key_of(page[-1]))
        if not query.get("labelSelector") and not query.get("fieldSelector"):
            meta["remainingItemCount"] = len(found) - len(page)
    return {
        "apiVersion": target.api_version,
        "kind": f"{target.kind.kind}List",
        "metadata": meta,
        "items": page,
    }


def checked_revision(store: Store, text: str) -> int:
    """The resourceVersion of a request as a number; raises RefusalError (400, 504 when it lies in the future)."""
    if not text.isascii() or not text.isdigit():
        raise RefusalError(400, f"resourceVersion: Invalid value: {text!r}: strconv.ParseUint: invalid syntax")
    if int(text) > store.revision:
        raise RefusalError(504, f"Too large resource version: {text}, current: {store.revision}")
    return int(text)


def _snapshot(store: Store, query: Mapping[str, str]) -> tuple[int, tuple[str, str]]:
    if token := query.get("continue"):
        try:
            revision, namespace, name = json.loads(base64.urlsafe_b64decode(token))
        except (binascii.Error, UnicodeDecodeError, ValueError) as error:
            raise RefusalError(400, "continue key is not valid: start a new list without it") from error
        return revision, (namespace, name)
    asked = query.get("resourceVersion", "")
    revision = checked_revision(store, asked) if asked else 0
    if revision and query.get("resourceVersionMatch") == "Exact":
        return revision, ("", "")
    return store.revision, ("", "")


def _token(revision: int, key: tuple[str, str]) -> str:
    return base64.urlsafe_b64encode(json.dumps([revision, *key]).encode()).decode()


def _number(query: Mapping[str, str], name: str) -> int:
    text = query.get(name) or "0"
    if not text.isascii() or not text.isdigit():
        raise RefusalError(400, f"{name}: {text!r} is not a number")
    return int(text)
