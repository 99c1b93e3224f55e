"""How does an open page hear at once of what changes?"""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable

from fastapi import HTTPException
from fastapi.responses import StreamingResponse

from rollout.services.feed import Changed, Feed, Listener
from rollout.web.callers import Caller
from rollout.web.sight import Sight

BEAT_S = 15.0  # proxies close what is silent for longer
MOST_STREAMS = 200
IsStill = Callable[[], Awaitable[bool]]
_KINDS = {"Rollout": "rollout", "MeshMigration": "meshmigration"}


def streamed(feed: Feed, sight: Sight, caller: Caller | None, is_still: IsStill) -> StreamingResponse:
    """Server-sent events of what the caller may see; HTTPException 503 when too many listen already.

    is_still: whether the caller would be let in now; the stream ends with the first line for which he would not.
    """
    if len(feed) >= MOST_STREAMS:
        raise HTTPException(503, "too many pages are open; close some")
    return StreamingResponse(_lines(feed, sight, caller, is_still), media_type="text/event-stream")


async def _lines(feed: Feed, sight: Sight, caller: Caller | None, is_still: IsStill) -> AsyncIterator[str]:
    with feed.listening() as listener:
        yield "event: reset\ndata: {}\n\n"
        async for changed in _beating(listener):
            if not await is_still():
                return
            if changed is None:
                yield ": still here\n\n"
            elif changed.key is None:
                yield "event: reset\ndata: {}\n\n"
            elif changed.kind in _KINDS and await _is_seen(sight, caller, changed):
                yield f"event: {_KINDS[changed.kind]}\ndata: {_data(changed)}\n\n"


async def _is_seen(sight: Sight, caller: Caller | None, changed: Changed) -> bool:
    """A cluster that does not answer shows nothing: the page reads all of it again later."""
    try:
        return await sight.sees(caller, changed.kind, changed.key.namespace if changed.key else "")
    except HTTPException:
        return False


def _data(changed: Changed) -> str:
    key = changed.key
    return json.dumps({"namespace": key.namespace, "name": key.name} if key else {})


async def _beating(listener: Listener) -> AsyncIterator[Changed | None]:
    """What the listener hears, and None where it is silent for BEAT_S."""
    changes = listener.changes()
    waiting = asyncio.ensure_future(anext(changes))
    try:
        while True:
            done, _ = await asyncio.wait({waiting}, timeout=BEAT_S)
            if not done:
                yield None
                continue
            yield waiting.result()
            waiting = asyncio.ensure_future(anext(changes))
    finally:
        waiting.cancel()
