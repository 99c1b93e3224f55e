"""How does an object say which source applies it?"""

import hashlib
from collections.abc import Iterator

from adapters.kube.api import Obj
from rollout.manifest.group import OWNER, OWNER_NAMESPACE
from rollout.model.names import Key

SOURCE_NAME, SOURCE_NAMESPACE = OWNER, OWNER_NAMESPACE
SPEC_HASH = "rollout.dev/spec-hash"  # annotation: hash of what git said
SPEC_KINDS = (
    "Rollout",
    "SloPolicy",
    "ApprovalPolicy",
    "FreezeWindow",
    "Notifier",
    "MeshMigration",
)  # what sources apply
_LONGEST_MANAGER = 128


def owner(obj: Obj) -> Key | None:
    """The source that applies the object; None when none does."""
    labels = obj["metadata"].get("labels") or {}
    if SOURCE_NAME not in labels or SOURCE_NAMESPACE not in labels:
        return None
    return Key(namespace=labels[SOURCE_NAMESPACE], name=labels[SOURCE_NAME])


def owner_index(obj: Obj) -> Iterator[str]:
    """The owner as the value of an index."""
    found = owner(obj)
    if found is not None:
        yield str(found)


def manager(source: Key) -> str:
    """The field manager of a source, within the API's 128 characters."""
    name = f"rollout-git/{source.namespace}.{source.name}"
    if len(name) <= _LONGEST_MANAGER:
        return name
    return f"{name[: _LONGEST_MANAGER - 17]}-{hashlib.sha256(name.encode()).hexdigest()[:16]}"
