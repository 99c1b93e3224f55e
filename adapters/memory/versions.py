"""How does one stored object look in the group and version that a request asks for?

All versions of a kind share one storage and differ by apiVersion alone, except Events: core/v1 and events.k8s.io/v1 are
the same objects under other field names, as on the real server.
"""

from typing import Any

from adapters.memory.kinds import Target
from adapters.memory.objects import Obj


def as_version(target: Target, obj: Obj) -> dict[str, Any]:
    """A stored object as the request sees it."""
    shown = {target.kind.renamed.get(name, name): value for name, value in obj.items()}
    return {**shown, "apiVersion": target.api_version, "kind": target.kind.kind}


def as_stored(target: Target, body: Obj) -> dict[str, Any]:
    """What a request sends, under the names that are stored."""
    stored = {shown: name for name, shown in target.kind.renamed.items()}
    return {stored.get(name, name): value for name, value in body.items()}
