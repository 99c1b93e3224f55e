"""Which GitSources does a change in the cluster concern?

A source itself, who gives it a command, and what it has applied: a person's edit of that is put back at once.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from adapters.kube.api import Obj
from adapters.kube.marks import SPEC_KINDS, owner
from adapters.kube.shelf import at_of
from rollout.model.names import Key

REQUESTED_AT = "rollout.dev/requestedAt"  # annotation on a GitSource: look now


def sources_of(kind: str, old: Obj | None, new: Obj | None) -> Iterator[Key]:
    """The sources concerned; none when the change tells them nothing new, as a status does not."""
    look = _LOOKS.get(kind)
    if look is None or (old is not None and new is not None and look(old) == look(new)):
        return
    for obj in (old, new):
        key = _CONCERNED[kind](obj) if obj is not None else None
        if key is not None:
            yield key


def _source(source: Obj) -> Key:
    namespace, name = at_of(source)
    return Key(namespace=namespace, name=name)


def _commanded(command: Obj) -> Key | None:
    target = (command.get("spec") or {}).get("target") or {}
    if target.get("kind") != "GitSource" or (command.get("status") or {}).get("result"):
        return None
    return Key(namespace=at_of(command)[0], name=str(target.get("name", "")))


def _asked(source: Obj) -> list[Any]:
    meta = source["metadata"]
    return [meta.get("generation"), meta.get("deletionTimestamp"), (meta.get("annotations") or {}).get(REQUESTED_AT)]


def _stated(obj: Obj) -> list[Any]:
    return [obj["metadata"].get(name) for name in ("generation", "deletionTimestamp", "annotations", "labels")]


def _given(command: Obj) -> list[Any]:
    return [command["metadata"].get("uid")]


_LOOKS: Mapping[str, Callable[[Obj], list[Any]]] = {
    "GitSource": _asked,
    "RolloutCommand": _given,
    **dict.fromkeys(SPEC_KINDS, _stated),
}
_CONCERNED: Mapping[str, Callable[[Obj], Key | None]] = {
    "GitSource": _source,
    "RolloutCommand": _commanded,
    **dict.fromkeys(SPEC_KINDS, owner),
}
