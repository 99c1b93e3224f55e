"""How does a test make a meshed namespace and name only what matters, and what do our writes do to it?"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from rollout.migration.applied import applied as _applied
from rollout.migration.read import canonical
from rollout.model.mesh import Labels, MeshNamespace, MeshPod, MeshWorkload, Mtls, PeerAuth
from rollout.model.mesh_writes import MeshWrite, WritePeer
from rollout.model.migration import Exemption

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
API: Labels = {"app": "api"}
WEB: Labels = {"app": "web"}


def peer(
    name: str = "default",
    mode: Mtls = Mtls.UNSET,
    *,
    selector: Labels | None = None,
    ports: Mapping[int, Mtls] | None = None,
    born: int = 0,
    **changes: Any,
) -> PeerAuth:
    """A user's PeerAuthentication in shop, namespace-wide without a selector. born: seconds after noon."""
    made = PeerAuth(
        namespace="shop",
        name=name,
        uid=f"uid-{name}",
        version="1",
        created=NOON + timedelta(seconds=born),
        selector=selector or {},
        mode=mode,
        ports=ports or {},
    )
    made = replace(made, **changes)
    return replace(made, spec=changes.get("spec", spec_of(made)))


def root_peer(mode: Mtls = Mtls.STRICT, **changes: Any) -> PeerAuth:
    """One of the root namespace, for the whole mesh without a selector."""
    return peer(mode=mode, **{"namespace": "istio-system", **changes})


def pod(name: str = "api-1", labels: Labels = API, *ports: int, **changes: Any) -> MeshPod:
    """A ready pod of shop with a proxy; of the Deployment that its name begins with. ports: 8080 when none is given."""
    made = MeshPod(
        namespace="shop",
        name=name,
        uid=f"uid-{name}",
        labels=labels,
        ports=ports or (8080,),
        workload=f"Deployment {name.rpartition('-')[0]}",
        ready=True,
        meshed=True,
    )
    return replace(made, **changes)


def workload(name: str = "api", labels: Labels | None = None, **changes: Any) -> MeshWorkload:
    """A calm Deployment of shop whose pods have the label app."""
    made = MeshWorkload(
        kind="Deployment",
        namespace="shop",
        name=name,
        uid=f"uid-{name}",
        version="1",
        template_labels=labels or {"app": name},
        selector=labels or {"app": name},
    )
    return replace(made, **changes)


def namespace(*peers: PeerAuth, pods: Iterable[MeshPod] = (), **changes: Any) -> MeshNamespace:
    """shop, with these PeerAuthentications and pods; not enrolled."""
    made = MeshNamespace(
        name="shop", uid="uid-shop", version="1", labels={}, annotations={}, peers=peers, pods=tuple(pods)
    )
    return replace(made, **changes)


def exemption(labels: Labels | None = None, port: int | None = None, mode: Mtls = Mtls.PERMISSIVE) -> Exemption:
    """An exception of shop until March 2027."""
    return Exemption(
        namespace="shop", workload=labels or {}, port=port, mode=mode, owner="team-x", expires=date(2027, 3, 1)
    )


def spec_of(one: PeerAuth) -> str:
    """The spec that says what this one says."""
    spec: dict[str, Any] = {"mtls": {"mode": str(one.mode)}} if one.mode is not Mtls.UNSET else {}
    if one.selector:
        spec["selector"] = {"matchLabels": dict(one.selector)}
    if one.ports:
        spec["portLevelMtls"] = {str(port): {"mode": str(mode)} for port, mode in one.ports.items()}
    return canonical(spec)


def objects_of(ns: MeshNamespace) -> list[dict[str, Any]]:
    """The namespace's PeerAuthentications and workloads as the API would give them."""
    peers = [_object(one, json.loads(one.spec)) for one in ns.peers]
    workloads = [
        {"kind": one.kind, "metadata": {"name": one.name, "uid": one.uid, "namespace": ns.name}, "spec": {}}
        for one in ns.workloads
    ]
    return [*peers, *workloads]


def words(*writes: WritePeer | None) -> list[str]:
    """The writes as people read them, without their namespace."""
    return [str(write).replace("PeerAuthentication shop/", "") for write in writes if write]


def after(ns: MeshNamespace, *writes: MeshWrite | None, now: datetime = NOON) -> MeshNamespace:
    """The namespace after these writes, in order."""
    for write in writes:
        ns = applied(ns, write, now) if write else ns
    return ns


def applied(ns: MeshNamespace, write: MeshWrite, now: datetime = NOON) -> MeshNamespace:
    """The namespace after the write, as the migration to-strict makes it."""
    return _applied(ns, write, "to-strict", now)


def _object(one: PeerAuth, spec: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "kind": "PeerAuthentication",
        "metadata": {
            "namespace": one.namespace,
            "name": one.name,
            "uid": one.uid,
            "resourceVersion": one.version,
            "creationTimestamp": one.created.isoformat(),
            "annotations": {"rollout.dev/migration": one.ours} if one.ours else {},
        },
        "spec": spec,
    }
