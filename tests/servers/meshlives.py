"""What happens to namespaces that a controller dies over while it moves them into a mesh, and how does each end?

Each has a MeshMigration of its own and the same name, so that all move at once and each can die at a write of its own.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from adapters.memory.mesh_installed import installed
from adapters.memory.mesh_traffic import Workload
from rollout.manifest.records import record_from_data
from tests.servers.apiserver import ApiServer
from tests.servers.client import Kube, Obj, path_of
from tests.servers.controller import Controller
from tests.servers.deaths import Deaths, Point
from tests.servers.history import History
from tests.servers.meddler import Meddler
from tests.servers.meshplayed import PlayedFleet
from tests.servers.missing import obtained
from tests.servers.process import eventually
from tests.servers.trouble import led_to

USER, HOME, ROOT = "controller", "rollout-system", "istio-system"
PATIENCE_S = 90.0
DEPLOY = Path(__file__).parents[2] / "deploy"
MIGRATIONS = "/apis/rollout.dev/v1alpha1/meshmigrations"
PEERS = "/apis/security.istio.io/v1/peerauthentications"
RULES = "/apis/security.istio.io/v1/authorizationpolicies"
LOGS = "/apis/telemetry.istio.io/v1/telemetries"
DEPLOYMENTS = "/apis/apps/v1/deployments"
NAMESPACES = "/api/v1/namespaces"
RECORDS = f"{NAMESPACES}/{HOME}/configmaps"
LEASE = f"/apis/coordination.k8s.io/v1/namespaces/{HOME}/leases/rollout-controller"
FOLLOWED = (MIGRATIONS, NAMESPACES, PEERS, DEPLOYMENTS)
KINDS = ("meshmigrations", "configmaps", "namespaces", "deployments", "peerauthentications", "telemetries")
# What a person has written, and what must be there as it was in every version.
THEIRS = {"labels": {"team": "sales"}, "annotations": {"team.example/pager": "4711"}}
SPEC = {
    "mesh": {"kind": "istio-sidecar", "drain": "1s"},
    "baseline": "1s",
    "soak": "1s",
    "verify": "2s",
    "strictSoak": "1s",
    "interval": "1s",
    "selfTest": False,  # nobody listens at the addresses of these pods
}

Status = Mapping[str, Any]
Act = Callable[["MeshStage", str], None]


def comes(stage: "MeshStage", name: str) -> None:
    """A caller without a proxy begins to call the namespace."""
    stage.fleet.call(name, f"{name}/web")


def goes(stage: "MeshStage", name: str) -> None:
    """It has been let in, and calls no more."""
    stage.fleet.leave(name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """What happens to a namespace, each at a stage of it, and at which stage it ends.

    spec: of its MeshMigration, besides the usual. housed: whether it has a PeerAuthentication of a person's.
    """

    acts: tuple[tuple[str, Act], ...] = ()
    ends: str
    spec: Mapping[str, str] = field(default_factory=dict)
    housed: bool = False


MOVES = {
    "fallen": Move(
        acts=(("StrictSoak in force", comes), ("FallenBack", goes)),
        ends="FallenBack",
        spec={"strictSoak": "10m"},
    ),
    "early": Move(
        acts=(("StrictCanary in force", comes), ("FallenBack", goes)),
        ends="FallenBack",
        spec={"verify": "10m"},
        housed=True,
    ),
    "moved": Move(ends="Done"),
}


@dataclass(slots=True, kw_only=True)
class Mover:
    """One namespace. point: where the controller dies over it; None where it does not. acted: how much was done to it."""

    name: str
    move: Move
    point: Point | None = None
    acted: int = 0

    @property
    def play(self) -> str:
        """What its move is called."""
        return self.name.partition("-")[0]

    def owns(self, obj: Obj) -> bool:
        """Whether an object is the namespace, in it, or there for it alone."""
        metadata = obj["metadata"]
        return self.name in (metadata["name"], metadata.get("namespace")) or metadata["name"].endswith(f".{self.name}")


@dataclass(slots=True, kw_only=True)
class MeshStage:
    """A cluster, the controller that works on it by way of a meddler, and who lives in the namespaces."""

    server: ApiServer
    kube: Kube
    controller: Controller
    api: Meddler
    fleet: PlayedFleet
    history: History
    deaths: Deaths = field(default_factory=lambda: Deaths(kinds=KINDS))

    def enter(self, *members: Mover) -> None:
        """Each namespace with its pods, as its owner has it; then all begin to move."""
        for one in members:
            self.kube.apply(_of("v1", "Namespace", one.name))
            self.fleet.deploy(Workload(namespace=one.name, name="web"))
            template = {"spec": {"template": {"metadata": {"annotations": THEIRS["annotations"]}}}}
            self.kube.patch(f"/apis/apps/v1/namespaces/{one.name}/deployments/web", {"metadata": THEIRS, **template})
            if one.move.housed:
                house = _of("security.istio.io/v1", "PeerAuthentication", "house", one.name)
                self.kube.apply(house | {"spec": {"mtls": {"mode": "PERMISSIVE"}}})
        self.fleet.settle()
        for one in members:
            waves = [{"name": "only", "namespaces": [one.name]}]
            wanted = _of("rollout.dev/v1alpha1", "MeshMigration", one.name)
            self.kube.apply(wanted | {"spec": {**SPEC, **one.move.spec, "waves": waves}})

    def leave(self, *members: Mover) -> None:
        """Nobody looks at these any more."""
        for one in members:
            self.fleet.forget(one.name, f"{one.name}/web")

    def play(self, members: list[Mover], is_over: Callable[[dict[str, str]], bool]) -> None:
        """Do to each what is due, until it is over."""

        def moved() -> bool:
            stages = self.stages()
            for one in members:
                left = one.move.acts[one.acted :]
                if left and left[0][0] == stages.get(one.name):
                    left[0][1](self, one.name)
                    one.acted += 1
            return is_over(stages)

        assert eventually(moved, PATIENCE_S, 0.2), self._told(members)

    def play_to_the_end(self, members: list[Mover]) -> None:
        """Until every one of them ended, and nothing was written any more for a moment."""
        self.play(members, lambda stages: all(_ended(one, stages) for one in members))
        assert self.deaths.fall_silent(PATIENCE_S, 1.0), "it never stops writing"

    def die(self, members: list[Mover]) -> set[str]:
        """Those that came to their points, or none; then the controller was killed, and another one started."""
        self.deaths.points = {one.name: one.point for one in members if one.point is not None}
        self.play(members, lambda stages: all(one.name in self.deaths.dead or _ended(one, stages) for one in members))
        return self.deaths.revive(self.controller, self.api, lambda: self.kube.delete(LEASE))

    def stages(self) -> dict[str, str]:
        """The stage of each namespace that has a status, and whether what it wrote is in force: `Strict in force`."""
        every = (one for found in self.kube.items(MIGRATIONS) for one in _namespaces(found))
        return {one["name"]: one["stage"] + (" in force" if "inForce" in one else "") for one in every}

    def ends(self, members: list[Mover]) -> dict[str, str]:
        """What is left of each in the cluster, under a name that all of its move have."""
        lists = {kind: self.kube.items(kind) for kind in (*FOLLOWED, RULES, LOGS, RECORDS)}
        return {
            one.name: json.dumps(
                {kind: [_left(kind, obj) for obj in found if one.owns(obj)] for kind, found in lists.items()},
                indent=1,
                sort_keys=True,
            ).replace(one.name, "NAME")
            for one in members
        }

    def _told(self, members: list[Mover]) -> str:
        late = [one for one in members if one.name not in self.deaths.dead and not _ended(one, self.stages())]
        known = {found["metadata"]["name"]: _namespaces(found) for found in self.kube.items(MIGRATIONS)}
        return "\n".join(f"{one.name} {one.point} acted {one.acted}: {known.get(one.name)}" for one in late)


def _ended(one: Mover, stages: Mapping[str, str]) -> bool:
    return one.acted == len(one.move.acts) and stages.get(one.name) == one.move.ends


def _namespaces(migration: Obj) -> list[Obj]:
    return list((migration.get("status") or {}).get("namespaces") or ())


def _left(kind: str, obj: Obj) -> Obj:
    """What must be the same in the end, whoever died: no times, and no words that have some."""
    metadata = obj["metadata"]
    kept = {name: metadata.get(name) for name in ("name", "labels", "annotations")}
    if kind == MIGRATIONS:
        names = ("stage", "visited", "recorded", "fallbacks", "canary", "blocked", "warned", "closing")
        told = [{name: one.get(name) for name in names} for one in _namespaces(obj)]
        return kept | {"status": told, "made": [len(one.get("created", ())) for one in _namespaces(obj)]}
    if kind == RECORDS:
        snapshot, proofs = record_from_data(obj["data"])
        return kept | {"snapshot": snapshot is not None, "proofs": sorted({f"{one.stage} {one.to}" for one in proofs})}
    return kept if kind in (NAMESPACES, DEPLOYMENTS) else kept | {"spec": obj.get("spec")}


@contextmanager
def a_mesh_stage(directory: Path) -> Iterator[MeshStage]:
    """An API server of its own with an installed mesh and nobody in it, and a controller."""
    server = ApiServer(directory)
    with ExitStack() as closing:
        closing.callback(server.stop)
        obtained(server.start)
        obtained(lambda: server.install_crds(["istio"]))
        server.install_files(sorted((DEPLOY / "crds").glob("*.yaml")))
        _install(server.client())
        api = Meddler(server.url, (server.ca, server.ca.with_suffix(".key")))
        closing.callback(api.stop)
        fleet = PlayedFleet(server.kubeconfig())
        fleet.start()
        closing.callback(fleet.stop)
        kubeconfig = directory / "kubeconfig"
        kubeconfig.write_text(led_to(api, server, HOME))
        settings = {"namespace": "", "own_namespace": HOME, "prometheus_url": fleet.url, "workers": "64"}
        controller = Controller(directory, kubeconfig, **settings)
        history = History(server=server, collections=FOLLOWED)
        stage = MeshStage(
            server=server, kube=server.client(), controller=controller, api=api, fleet=fleet, history=history
        )
        history.begin()
        stage.deaths.reign(api)
        closing.callback(controller.kill)
        controller.start()
        yield stage


def _install(kube: Kube) -> None:
    """A control plane that takes no pod: the played fleet injects. And all rights for the controller."""
    kube.apply(*({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}} for name in (ROOT, HOME)))
    for found in installed():
        obj = dict(found)
        for webhook in obj.get("webhooks", ()):
            webhook |= {"admissionReviewVersions": ["v1"], "sideEffects": "None"}
            webhook["matchConditions"] = [{"name": "nobody-listens", "expression": "false"}]
        kube.apply(obj)
        if "status" in obj:
            kube.patch(f"{path_of(obj)}/status", {"status": obj["status"]})
    group = "rbac.authorization.k8s.io"
    kube.apply(
        {
            "apiVersion": f"{group}/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": USER},
            "subjects": [{"kind": "User", "name": USER, "apiGroup": group}],
            "roleRef": {"kind": "ClusterRole", "name": "cluster-admin", "apiGroup": group},
        }
    )


def _of(version: str, kind: str, name: str, namespace: str = "") -> Obj:
    """An object of a person's."""
    place = {"namespace": namespace} if namespace else {}
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name, **place, **THEIRS}}
