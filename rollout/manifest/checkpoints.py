"""How does the judge's memory travel in a status without taking more room than it is worth?

An objective's memory is up to 1 kB of digits, and a status is read and written whole: packed it is about half of that. Its
version stays readable in front.
"""

import zlib
from base64 import b64decode, b64encode
from typing import Any

# ... of an unpacked memory, so that nobody can make one grow without end; the judge's own are 1 kB.
MOST_BYTES = 100_000
RAW = -zlib.MAX_WBITS  # deflate without header and checksum: the judge refuses what it cannot read


def packed(entry: dict[str, Any]) -> dict[str, Any]:
    """A checkpoint as a status keeps it: its state packed, whole bounds without a fraction."""
    version, space, body = entry["state"].partition(" ")
    bounds = [int(bound) if float(bound).is_integer() else bound for bound in entry["bounds"]]
    return {**entry, "state": f"{version}{space}{_smaller(body)}", "bounds": bounds}


def unpacked(entry: dict[str, Any]) -> dict[str, Any]:
    """The checkpoint that `packed` made this of; a state that is not packed is left, for the judge to read or refuse."""
    if not isinstance(entry.get("state"), str):
        return entry
    version, space, body = entry["state"].partition(" ")
    return {**entry, "state": f"{version}{space}{_larger(body)}"}


def _smaller(text: str) -> str:
    packing = zlib.compressobj(zlib.Z_BEST_COMPRESSION, zlib.DEFLATED, RAW)
    return b64encode(packing.compress(text.encode()) + packing.flush()).decode() if text else ""


def _larger(text: str) -> str:
    try:
        unpacking = zlib.decompressobj(RAW)
        found = unpacking.decompress(b64decode(text, validate=True), MOST_BYTES)
        return found.decode() if unpacking.eof and not unpacking.unused_data else text
    except (ValueError, zlib.error):
        return text
