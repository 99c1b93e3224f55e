"""Which events does a watcher see, and when?"""

import asyncio
from collections.abc import AsyncGenerator, Iterator, Mapping
from typing import Any

from adapters.memory.faults import Faults
from adapters.memory.kinds import Target
from adapters.memory.objects import Change, CompactedError, Listener, Obj, Store
from adapters.memory.reads import checked_revision
from adapters.memory.selectors import Test, matching
from adapters.memory.statuses import RefusalError
from adapters.memory.versions import as_version

_BOOKMARK_SECONDS = 60.0  # kube-apiserver sends one about once a minute, and one before it ends a watch
_INITIAL_END = {"annotations": {"k8s.io/initial-events-end": "true"}}


async def watching(
    store: Store, faults: Faults, target: Target, query: Mapping[str, str]
) -> AsyncGenerator[dict[str, Any], None]:
    """Events after the query's resourceVersion (all objects first when it is empty or 0) until timeoutSeconds.

    Raises RefusalError 410 when the history does not reach back, also in the middle; sleeps until its resource changes.
    """
    passes = matching(query, target.kind.full_name)
    start = query.get("resourceVersion", "")
    seen = checked_revision(store, start) if start else 0
    clock = asyncio.get_running_loop()
    ends = clock.time() + float(query["timeoutSeconds"]) if query.get("timeoutSeconds") else None
    woken = asyncio.Event()
    listener = Listener(resource=target.kind.resource, seen=seen, wake=woken.set)
    store.listeners.add(listener)
    try:
        if not seen or query.get("sendInitialEvents") == "true":
            listener.seen = store.revision
            for first in _initial(store, target, query, passes):
                yield first
        while True:
            woken.clear()
            faults.check()
            for change in _since(store, listener.seen):
                if faults.is_held:
                    break
                listener.seen = change.revision
                event = _event(change, target, passes)
                if event is not None:
                    yield event
            left = _BOOKMARK_SECONDS if ends is None else min(_BOOKMARK_SECONDS, ends - clock.time())
            if await _is_woken(woken, left):
                continue
            if _wants_bookmarks(query):
                yield _bookmark(target, listener.seen, {})
            if ends is not None and clock.time() >= ends:
                return
    finally:
        store.listeners.discard(listener)


def _initial(store: Store, target: Target, query: Mapping[str, str], passes: Test) -> Iterator[dict[str, Any]]:
    """What is there, and a bookmark that says so when the watcher asked for both."""
    revision = store.revision
    for obj in store.listed(target.kind.resource, namespace=target.namespace or None):
        shown = as_version(target, obj)
        if passes(shown) and _is_named(target, shown):
            yield {"type": "ADDED", "object": shown}
    if query.get("sendInitialEvents") == "true" and _wants_bookmarks(query):
        yield _bookmark(target, revision, _INITIAL_END)


def _wants_bookmarks(query: Mapping[str, str]) -> bool:
    return query.get("allowWatchBookmarks") in {"true", "1"}


async def _is_woken(woken: asyncio.Event, seconds: float) -> bool:
    if seconds <= 0:
        return False
    try:
        async with asyncio.timeout(seconds):
            await woken.wait()
    except TimeoutError:
        return False
    return True


def _since(store: Store, revision: int) -> list[Change]:
    try:
        return store.since(revision)
    except CompactedError as error:
        raise RefusalError(410, f"too old resource version: {revision} ({store.oldest})") from error


def _event(change: Change, target: Target, passes: Test) -> dict[str, Any] | None:
    """The change as this watcher sees it: entering and leaving the selection is ADDED and DELETED."""
    if change.resource != target.kind.resource or not _is_named(target, change.obj):
        return None
    if target.namespace and change.obj["metadata"].get("namespace") != target.namespace:
        return None
    shown = as_version(target, change.obj)
    was = change.before is not None and passes(as_version(target, change.before))
    now = change.type != "DELETED" and passes(shown)
    if not was and not now:
        return None
    if was and now:
        return {"type": "MODIFIED", "object": shown}
    return {"type": "ADDED" if now else "DELETED", "object": shown}


def _is_named(target: Target, obj: Obj) -> bool:
    return not target.name or bool(obj["metadata"]["name"] == target.name)


def _bookmark(target: Target, revision: int, extra: Mapping[str, Any]) -> dict[str, Any]:
    meta = {"resourceVersion": str(revision), "creationTimestamp": None, **extra}
    obj = {"apiVersion": target.api_version, "kind": target.kind.kind, "metadata": meta}
    return {"type": "BOOKMARK", "object": obj}
