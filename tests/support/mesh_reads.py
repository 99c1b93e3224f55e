"""How does a test make what the mesh commands read: a MeshMigration, a namespace to escape from, evidence?"""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from rollout.migration.escape import Scene
from rollout.migration.proving import digest
from rollout.model.commands import Command, Verb
from rollout.model.mesh import MeshNamespace, Mtls, PeerAuth, Restartable
from rollout.model.mesh_writes import KeptObject, Snapshot
from rollout.model.migration import MigrationSpec, MigrationStatus, NamespaceStatus, Proven, Stage, Wave
from rollout.model.migration_marks import Acknowledged, SoakMark, WaveApproval
from rollout.services.migration_evidence import Evidence, Gate, Given
from rollout.services.migration_reads import Moving
from tests.support.mesh import NOON, WEB, namespace, peer, pod, root_peer, workload

FLUX = {"labels": {"kustomize.toolkit.fluxcd.io/name": "apps", "kustomize.toolkit.fluxcd.io/namespace": "flux-system"}}
ARGO = {
    "annotations": {"argocd.argoproj.io/tracking-id": "shop-policies:security.istio.io/PeerAuthentication:shop/web"}
}


def a_moving(*namespaces: NamespaceStatus, **status: Any) -> Moving:
    """to-strict with these namespaces in its wave core."""
    wave = Wave(name="core", namespaces=tuple(one.name for one in namespaces), approval="security")
    spec = MigrationSpec(name="to-strict", waves=(wave,))
    known = MigrationStatus(**{"namespaces": namespaces, **status})
    return Moving(name="to-strict", spec=spec, status=known, obj={})


def raw(one: PeerAuth, metadata: Mapping[str, Any]) -> dict[str, Any]:
    """The PeerAuthentication as the API server gives it."""
    return {"metadata": {"name": one.name, "namespace": one.namespace, **metadata}, "spec": json.loads(one.spec)}


def a_scene(ns: MeshNamespace | None = None, **changes: Any) -> Scene:
    """shop, STRICT as a whole by Flux and in web by Argo CD: a Deployment, a StatefulSet made anew by hand, a bare pod."""
    wide, web = peer(mode=Mtls.STRICT), peer("web", Mtls.STRICT, selector=WEB, ports={9090: Mtls.STRICT})
    pods = (
        pod("api-1", ip="10.0.0.7"),
        pod("probe", {"run": "probe"}, 8081, workload=""),
        pod("web-0", WEB, 8080, 9090, workload="StatefulSet web"),
    )
    workloads = (workload(), workload("web", kind="StatefulSet", restartable=Restartable.BY_HAND))
    enrolled = {"istio-injection": "enabled"}
    made = Scene(
        namespace=ns or namespace(wide, web, pods=pods, workloads=workloads, labels=enrolled),
        root=(root_peer(Mtls.PERMISSIVE),),
        root_name="istio-system",
        raw={"default": raw(wide, FLUX), "web": raw(web, ARGO)},
    )
    return replace(made, **changes)


def a_proof(stage: Stage, to: Stage, *facts: tuple[str, str, str], minutes: int = 0) -> Proven:
    """A gate that was passed so many minutes after noon, with its digest."""
    made = Proven(stage=stage, to=to, at=NOON + timedelta(minutes=minutes), facts=facts, digest="")
    return replace(made, digest=digest(made))


def an_evidence(**changes: Any) -> Evidence:
    """Of shop in its StrictSoak: one gate as it was written, and one that somebody changed."""
    soaked = a_proof(
        *(Stage.OBSERVING, Stage.REHEARSAL),
        ("why", "", "no plaintext for 1 day, 0:00:00"),
        ("metrics: plaintext", 'istio_requests_total{a="b"} | c', "nothing, at 2026-11-21 11:59:45"),
    )
    strict = a_proof(Stage.STRICT, Stage.STRICT_SOAK, ("why", "", "every caller was well at STRICT"), minutes=40)
    command = Command(
        uid="1", name="c", verb=Verb.APPROVE, actor="ana", channel="slack", created=NOON, subject="core", reason="go"
    )
    kept = KeptObject(
        kind="Namespace", name="shop", uid="uid-shop", spec="", labels={"istio-injection": None}, annotations={}
    )
    made = Evidence(
        migration="to-strict",
        wave="core",
        one=NamespaceStatus(
            name="shop",
            stage=Stage.STRICT_SOAK,
            soak=SoakMark(skipped_by="ben", skipped_why="the release is waiting"),
            acknowledged=(Acknowledged(key="CALLER-01", by="ana", reason="it is the health check"),),
        ),
        gates=(Gate(proof=soaked, is_intact=True), Gate(proof=strict, is_intact=False)),
        snapshot=Snapshot(namespace="shop", taken=NOON, objects=(kept,)),
        approved=(WaveApproval(wave="core", by="ana"),),
        given=(Given(command=command, result="Accepted", message="wave core may begin"),),
        unread="",
        confidence="no plaintext in 1 d: fewer than 3 calls a day with 95 % certainty",
        taken=NOON + timedelta(hours=1),
    )
    return replace(made, **changes)
