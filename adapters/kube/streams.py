"""Where does one JSON document of a stream end and the next begin?"""

import json
from collections.abc import AsyncIterator
from typing import Any

_LARGEST = 32 * 1024 * 1024  # etcd keeps objects below 1.5 MiB; what is far beyond is no watch event


async def documents(chunks: AsyncIterator[bytes]) -> AsyncIterator[dict[str, Any]]:
    """Each line of the stream as JSON, as soon as it is complete; a last line without its end is dropped.

    Raises ValueError when a line is no JSON object, or is longer than 32 MiB.
    """
    kept = bytearray()
    async for chunk in chunks:
        *lines, rest = chunk.split(b"\n")
        for line in lines:
            kept += line
            if kept.strip():
                yield _object(kept)
            kept.clear()
        kept += rest
        if len(kept) > _LARGEST:
            raise ValueError(f"a line of the stream is longer than {_LARGEST} bytes")


def _object(line: bytearray) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except RecursionError as error:
        raise ValueError("a line of the stream nests too deep to be read") from error
    match found:
        case dict():
            return found
        case _:
            raise ValueError("a line of the stream is no object")
