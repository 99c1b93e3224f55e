"""Which MeshMigrations does a change in the cluster concern?

One itself, who gives it a command, the SloPolicies that it names, and what its namespaces hold: pods, workloads, policies
and the namespaces themselves.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from adapters.kube.api import Obj
from adapters.kube.cache import Cache
from adapters.kube.kinds import WORKLOAD_KINDS
from adapters.kube.policies import is_selected
from adapters.kube.shelf import at_of
from rollout.model.names import Key


def migrations_of(cache: Cache, kind: str, old: Obj | None, new: Obj | None, home: str = "") -> Iterator[Key]:
    """The migrations concerned; none when the change tells them nothing new, as a status does not.

    home: the controller's namespace, whose approval policies and freezes mean them.
    """
    look = _LOOKS.get(kind)
    if look is None or (old is not None and new is not None and look(old) == look(new)):
        return
    for obj in (old, new):
        if obj is not None:
            yield from _by_home(cache, kind, obj, home) if kind in _OF_HOME else _concerned(cache, kind, obj)


def _by_home(cache: Cache, kind: str, obj: Obj, home: str) -> Iterator[Key]:
    namespace, name = at_of(obj)
    if namespace != home or "MeshMigration" not in cache.kinds:
        return
    if kind == "ApprovalPolicy":
        found = cache.indexed("MeshMigration", "approval", name)
    else:
        found = [migration for migration in cache.list("MeshMigration") if is_selected(obj, migration)]
    for migration in found:
        yield Key(namespace="", name=migration["metadata"]["name"])


def _concerned(cache: Cache, kind: str, obj: Obj) -> Iterator[Key]:
    namespace, name = at_of(obj)
    if kind == "MeshMigration":
        yield Key(namespace="", name=name)
    elif kind == "RolloutCommand":
        target = (obj.get("spec") or {}).get("target") or {}
        if target.get("kind") == "MeshMigration" and not (obj.get("status") or {}).get("result"):
            yield Key(namespace="", name=str(target.get("name", "")))
    elif kind == "SloPolicy":
        for migration in cache.list("MeshMigration") if "MeshMigration" in cache.kinds else ():
            if name in ((migration.get("spec") or {}).get("policies") or ()):
                yield Key(namespace="", name=migration["metadata"]["name"])
    elif "MeshMigration" in cache.kinds:
        place = name if kind == "Namespace" else namespace
        for migration in cache.indexed("MeshMigration", "namespace", place):
            yield Key(namespace="", name=migration["metadata"]["name"])


def _wanted(migration: Obj) -> list[Any]:
    return [migration["metadata"].get(name) for name in ("generation", "deletionTimestamp", "annotations")]


def _given(command: Obj) -> list[Any]:
    return [command["metadata"].get("uid")]


def _version(obj: Obj) -> list[Any]:
    return [obj["metadata"].get("resourceVersion")]


def _pod(pod: Obj) -> list[Any]:
    status, meta = pod.get("status") or {}, pod["metadata"]
    ready = [one.get("status") for one in status.get("conditions") or () if one.get("type") == "Ready"]
    restarts = [one.get("restartCount") for one in status.get("containerStatuses") or ()]
    return [status.get("phase"), ready, restarts, meta.get("labels"), meta.get("deletionTimestamp")]


def _spec(policy: Obj) -> list[Any]:
    return [policy.get("spec")]


_OF_HOME = ("ApprovalPolicy", "FreezeWindow")
_LOOKS: Mapping[str, Callable[[Obj], list[Any]]] = {
    "MeshMigration": _wanted,
    "RolloutCommand": _given,
    "SloPolicy": _version,
    "Namespace": _version,
    "PeerAuthentication": _version,
    "Telemetry": _version,
    "Service": _version,
    "Pod": _pod,
    **dict.fromkeys(_OF_HOME, _spec),
    **dict.fromkeys(WORKLOAD_KINDS, _version),
}
