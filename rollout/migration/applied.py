"""What is a namespace like after a write, as far as the rules look at it?"""

import json
from dataclasses import replace
from datetime import datetime

from rollout.migration.mtls_writes import INJECTION
from rollout.migration.patches import ports_spec
from rollout.migration.read import MIGRATION, REVISION, Obj, canonical, peer_auth
from rollout.model.mesh import MeshNamespace, PeerAuth
from rollout.model.mesh_writes import (
    EvictPod,
    LabelNamespace,
    LogPlaintext,
    MeshWrite,
    RemovePeer,
    RestartWorkload,
    RestorePeer,
    SuspendTool,
    WritePeer,
)


class RefusedError(Exception):
    """The API server would not take this write: the object is gone, there already, or not as the write expects it."""


def applied(ns: MeshNamespace, write: MeshWrite, migration: str, now: datetime) -> MeshNamespace:
    """The namespace after the write. RefusedError for one that the API server would refuse.

    A new object is of `now`; one changed in place keeps its uid and age. Pods that are made anew keep their names, and are
    ready at once. migration: whose new objects are.
    """
    match write:
        case WritePeer():
            return _with(ns, _written(ns, write, migration, now))
        case RestorePeer():
            old = _seen(ns, write.name, write.version)
            return _with(ns, replace(_reread(old, json.loads(write.spec)), version=_next(old.version)))
        case RemovePeer():
            if _seen(ns, write.name, write.version).uid != write.uid:
                raise RefusedError(f"PeerAuthentication {ns.name}/{write.name} has another uid")
            return replace(ns, peers=tuple(one for one in ns.peers if one.name != write.name))
        case LabelNamespace():
            if write.version != ns.version:
                raise RefusedError(f"Namespace {ns.name} changed")
            labels = {name: text for name, text in {**ns.labels, **write.labels}.items() if text is not None}
            return replace(ns, labels=labels, version=_next(ns.version))
        case RestartWorkload():
            name = f"{write.kind} {write.name}"
            workloads = tuple(replace(one, restarted=write.at) if str(one) == name else one for one in ns.workloads)
            return _anew(replace(ns, workloads=workloads), {one.name for one in ns.pods if one.workload == name})
        case EvictPod():
            return _anew(ns, {write.name})
        case LogPlaintext():
            return replace(ns, logs=write.present)
        case SuspendTool():
            return ns


def _written(ns: MeshNamespace, write: WritePeer, migration: str, now: datetime) -> PeerAuth:
    if write.ports and not write.selector:
        raise RefusedError("portLevelMtls needs a selector")
    if write.version:
        old = _seen(ns, write.name, write.version)
        new = _reread(old, _modes(json.loads(old.spec or "{}"), write))
        return replace(new, version=_next(old.version), written=old.written | _changed(old, write))
    if any(one.name == write.name for one in ns.peers):
        raise RefusedError(f"PeerAuthentication {ns.name}/{write.name} is there already")
    selector = {"selector": {"matchLabels": dict(write.selector)}} if write.selector else {}
    return PeerAuth(
        namespace=ns.name,
        name=write.name,
        uid=f"uid-{write.name}-{now.isoformat()}",
        version="1",
        created=now.replace(microsecond=0),
        selector=write.selector,
        mode=write.mode,
        ports=write.ports,
        ours=migration,
        spec=canonical(_modes(selector, write)),
        written=frozenset({"mode", *map(str, write.ports)}),
    )


def _changed(old: PeerAuth, write: WritePeer) -> set[str]:
    """The modes that the write changes."""
    ports = {str(port) for port, mode in write.ports.items() if old.ports.get(port) is not mode}
    return ports | ({"mode"} if write.mode is not old.mode else set())


def _modes(spec: Obj, write: WritePeer) -> Obj:
    """The spec with these modes, and all else as it was."""
    rest = {name: value for name, value in spec.items() if name not in ("mtls", "portLevelMtls")}
    ports = {"portLevelMtls": ports_spec(write.ports)} if write.ports else {}
    return {**rest, "mtls": {"mode": write.mode.value}, **ports}


def _reread(old: PeerAuth, spec: Obj) -> PeerAuth:
    metadata = {
        "namespace": old.namespace,
        "name": old.name,
        "uid": old.uid,
        "resourceVersion": old.version,
        "creationTimestamp": old.created.isoformat(),
        "annotations": {MIGRATION: old.ours} if old.ours else {},
    }
    return peer_auth({"metadata": metadata, "spec": spec})


def _seen(ns: MeshNamespace, name: str, version: str) -> PeerAuth:
    old = next((one for one in ns.peers if one.name == name), None)
    if old is None or old.version != version:
        raise RefusedError(f"PeerAuthentication {ns.name}/{name} is gone or changed")
    return old


def _with(ns: MeshNamespace, new: PeerAuth) -> MeshNamespace:
    others = [one for one in ns.peers if one.name != new.name]
    return replace(ns, peers=tuple(sorted([*others, new], key=lambda one: one.name)))


def _anew(ns: MeshNamespace, names: set[str]) -> MeshNamespace:
    """These pods made anew: with a proxy where the namespace's labels, or their own, say so."""
    enrolled = ns.labels.get(INJECTION, "enabled" if REVISION in ns.labels else "") == "enabled"
    forced = {str(one) for one in ns.workloads if one.forced}
    pods = (replace(one, meshed=enrolled or one.workload in forced) if one.name in names else one for one in ns.pods)
    return replace(ns, pods=tuple(pods))


def _next(version: str) -> str:
    """A resourceVersion is opaque: all that counts is that it is another one."""
    return str(int(version) + 1) if version.isdecimal() else f"{version}+"
