"""What did a file say of one Rollout's revision, whether or not it could have been applied?"""

from collections.abc import Mapping
from typing import Any

from rollout.manifest.errors import SpecErrors
from rollout.model.names import Key
from rollout.services.committed import objects_in, rollout_key

UNREADABLE = "\0"  # stands for a revision that nobody can know; no revision is spelt like this


def revisions(path: str, content: bytes | None, key: Key, namespace: str) -> tuple[str, ...]:
    """`spec.revision` of each object in the file that is the Rollout, "" where it has none; () when none is.

    (UNREADABLE,) when the Rollout may be in it and nobody can read it. content: None for a file that is too large.
    namespace: of objects that name none.
    """
    if content is None:
        return (UNREADABLE,)
    if not _may_hold(content, key):
        return ()
    try:
        found = [data for data, _ in objects_in(path, content) if rollout_key(data, namespace) == key]
    except SpecErrors:
        return (UNREADABLE,)
    return tuple(_revision(data) for data in found)


def _may_hold(content: bytes, key: Key) -> bool:
    """Whether the Rollout's name can be in it: as it is, or hidden by an escape or an encoding."""
    return key.name.encode() in content or b"\\" in content or b"\0" in content


def _revision(data: Mapping[str, Any]) -> str:
    spec = data.get("spec")
    found = spec.get("revision") if isinstance(spec, dict) else None
    return "" if found is None else str(found)
