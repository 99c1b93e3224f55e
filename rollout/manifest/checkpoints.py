"""How does the judge's memory travel in a status without taking more room than it is worth?

An objective's memory is up to 1 kB of digits, and a status is read and written whole: packed it is about half of that. Its
version stays readable in front.
"""

import zlib
from base64 import b85decode, b85encode

from rollout.manifest.data import Json

# ... of an unpacked memory, so that nobody can make one grow without end; the judge's own are 1 kB.
MOST_BYTES = 100_000
RAW = -zlib.MAX_WBITS  # deflate without header and checksum: the judge refuses what it cannot read
# A server written in Go spells each of these three as six characters of JSON.
LONG, SHORT = "&<>", ",.:"


def packed(entry: Json) -> Json:
    """A checkpoint as a status keeps it: its state packed, whole bounds without a fraction."""
    version, space, body = entry["state"].partition(" ")
    bounds = [int(bound) if float(bound).is_integer() else bound for bound in entry["bounds"]]
    return {**entry, "state": f"{version}{space}{_smaller(body)}", "bounds": bounds}


def unpacked(entry: Json) -> Json:
    """The checkpoint that `packed` made this of; what is not packed, or is no checkpoint, is left to whoever reads it next."""
    if not isinstance(entry, dict) or not isinstance(entry.get("state"), str):
        return entry
    version, space, body = entry["state"].partition(" ")
    return {**entry, "state": f"{version}{space}{_larger(body)}"}


def _smaller(text: str) -> str:
    packing = zlib.compressobj(zlib.Z_BEST_COMPRESSION, zlib.DEFLATED, RAW)
    small = b85encode(packing.compress(text.encode()) + packing.flush()).decode()
    return small.translate(str.maketrans(LONG, SHORT)) if text else ""


def _larger(text: str) -> str:
    try:
        unpacking = zlib.decompressobj(RAW)
        found = unpacking.decompress(b85decode(text.translate(str.maketrans(SHORT, LONG))), MOST_BYTES)
        return found.decode() if unpacking.eof and not unpacking.unused_data else text
    except (ValueError, zlib.error):
        return text
