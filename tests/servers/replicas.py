"""How do several replicas of the controller run, each as a user of its own, and which of them wrote when?"""

import secrets
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

from tests.servers.apiserver import ApiServer
from tests.servers.auditlog import Audited, Tail
from tests.servers.client import Kube, Obj, path_of
from tests.servers.cluster import service
from tests.servers.controller import Controller
from tests.servers.process import eventually
from tests.servers.shop import looks_at_policies, manifest, rights
from tests.servers.wire import Wire

WRITES = frozenset(["create", "update", "patch", "delete", "deletecollection"])
STEPS = [{"weight": weight, "soak": "1s"} for weight in (10, 20, 30, 40, 50, 60)]
PATIENCE_S = 60.0
DURATION, DEADLINE, EVERY, RETRY = (timedelta(seconds=seconds) for seconds in (10, 7, 4, 1))
TICK = timedelta(seconds=2)  # with the lists that a new leader reads first; 0.3 s when idle
IN_TIME = DURATION + 2 * RETRY + TICK


@dataclass(slots=True, kw_only=True)
class Replica:
    """One `rollout serve`; the audit log calls it `user`, the Lease `user` too. wire: its way to the API server."""

    user: str
    controller: Controller
    wire: Wire


@dataclass(slots=True, kw_only=True)
class Fleet:
    """Replicas of one controller that looks after one namespace, and what they asked the API server for."""

    server: ApiServer
    namespace: str
    replicas: tuple[Replica, ...]
    since: int
    _tails: tuple[Tail, ...] = ()
    _audited: list[Audited] = field(default_factory=list)

    @property
    def kube(self) -> Kube:
        """The administrator's client."""
        return self.server.client()

    @property
    def lease(self) -> str:
        """Where their Lease is."""
        return f"/apis/coordination.k8s.io/v1/namespaces/{self.namespace}/leases/rollout-controller"

    def leader(self) -> Replica:
        """The one whom the Lease names, once there is one."""

        def leading() -> list[Replica]:
            holder = self.kube.get(self.lease)["spec"].get("holderIdentity") if self.kube.exists(self.lease) else ""
            return [one for one in self.replicas if one.user == holder]

        assert eventually(lambda: leading() != [], PATIENCE_S), "nobody leads"
        return leading()[0]

    def audited(self) -> list[Audited]:
        """All that the replicas asked so far, in the order in which it was received."""
        self._tails = self._tails or tuple(Tail(self.server, one.user, self.since) for one in self.replicas)
        self._audited += [request for tail in self._tails for request in tail.more()]
        self._audited.sort(key=lambda request: request.began)
        return self._audited

    def writes(self, *users: str, after: datetime) -> list[Audited]:
        """What these users wrote since a moment, apart from their Lease."""
        found = [one for one in self.audited() if one.user in users and one.began >= after]
        return [one for one in found if one.verb in WRITES and one.resource != "leases"]

    def held(self) -> list[Audited]:
        """Writes of the Lease that were stored: at that moment it became theirs, or stayed so."""
        return leases(self.audited())

    def takes_over(self, from_user: str, after: datetime) -> Audited:
        """The first write, apart from the Lease, of one that follows this leader; it must come in time."""
        others = [one.user for one in self.replicas if one.user != from_user]
        assert eventually(lambda: self.writes(*others, after=after) != [], PATIENCE_S), "nobody took over"
        return self.writes(*others, after=after)[0]

    def without_lease(self, within: timedelta) -> list[str]:
        """Writes of those whom the Lease did not name, or who had not renewed it within this time."""
        return without_lease(self.audited(), within)

    def release(self, name: str) -> "Release":
        """v1 of a service is stable and v2 on its way, step by step."""
        made = Release(kube=self.kube, namespace=self.namespace, name=name)
        self.kube.apply(*a_service(self.namespace, name))
        made.want("v1")
        assert eventually(lambda: made.status().get("stableRevision") == "v1", PATIENCE_S), made.status()
        made.want("v2")
        assert eventually(lambda: made.status().get("weight", 0) >= 10, PATIENCE_S), made.status()
        return made

    def whole(self) -> None:
        """Return once all replicas run and one of them leads."""
        for one in self.replicas:
            if not one.controller.is_running:
                one.controller.start()
        self.leader()

    def skew(self, by: timedelta) -> None:
        """Somebody with another clock writes the times of the Lease; whose it is stays."""
        written = (now() + by).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        self.kube.patch(self.lease, {"spec": {"acquireTime": written, "renewTime": written}})

    def end(self) -> None:
        """SIGKILL for all."""
        for one in self.replicas:
            one.controller.thaw()
            one.controller.kill()


@dataclass(slots=True, kw_only=True)
class Release:
    """A Rollout in the middle of a run. told: run and step, each time that it was looked at."""

    kube: Kube
    namespace: str
    name: str
    told: list[tuple[int, int]] = field(default_factory=list)

    def want(self, revision: str) -> None:
        """Name the revision that shall be live."""
        self.kube.apply(a_rollout(self.namespace, self.name, revision))

    def status(self) -> dict[str, Any]:
        """The Rollout's status; empty while there is none."""
        path = path_of(a_rollout(self.namespace, self.name, "v1"))
        status: dict[str, Any] = self.kube.get(path).get("status") or {}
        if status.get("phase") == "Progressing":
            self.told.append((status["run"], status["step"]))
        return status

    def ended(self) -> str:
        """The stable revision once the release is over; neither run nor step was ever gone back or passed over."""
        eventually(lambda: self.status().get("phase") == "Idle", PATIENCE_S)
        runs, steps = {run for run, _ in self.told}, [step for _, step in self.told]
        assert len(runs) == 1
        assert steps == sorted(steps)
        return str(self.status()["stableRevision"])


@contextmanager
def namespaced(server: ApiServer) -> Iterator[str]:
    """A namespace that nobody else has."""
    name, kube = f"t-{secrets.token_hex(4)}", server.client()
    kube.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    yield name
    kube.delete(f"/api/v1/namespaces/{name}")


@contextmanager
def fleet(server: ApiServer, directory: Path, namespace: str, count: int) -> Iterator[Fleet]:
    """So many replicas, started."""
    users = [f"replica-{number}" for number in range(count)]
    since = server.audit_mark()
    for user in users:
        server.client().apply(*looks_at_policies(user), rights(namespace, user))
    replicas = tuple(a_replica(server, directory, namespace, user) for user in users)
    made = Fleet(server=server, namespace=namespace, replicas=replicas, since=since)
    try:
        made.whole()
        yield made
    finally:
        made.end()


def a_replica(server: ApiServer, directory: Path, namespace: str, user: str, **settings: str) -> Replica:
    """One that was not started yet, with these settings besides."""
    wire = Wire(server.port)
    config = yaml.safe_load(server.kubeconfig(user, namespace).read_text())
    config["clusters"][0]["cluster"]["server"] = f"https://127.0.0.1:{wire.port}"
    (directory / user).mkdir()
    kubeconfig = directory / user / "kubeconfig"
    kubeconfig.write_text(yaml.safe_dump(config))
    own = {"namespace": namespace, "own_namespace": namespace, "identity": user, **settings}
    controller = Controller(directory / user, kubeconfig, **own)
    return Replica(user=user, controller=controller, wire=wire)


def a_service(namespace: str, name: str) -> Iterable[Obj]:
    """The Services of v1 and v2 with a ready endpoint each, and the route to v1."""
    for number, revision in enumerate(("v1", "v2")):
        backend = f"{name}-{revision}"
        labels = {"kubernetes.io/service-name": backend, "endpointslice.kubernetes.io/managed-by": "tests"}
        yield service(namespace, backend, {}) | {"spec": {"ports": [{"name": "http", "port": 80}]}}
        yield {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {"name": backend, "namespace": namespace, "labels": labels},
            "addressType": "IPv4",
            "endpoints": [{"addresses": [f"10.9.0.{number + 1}"], "conditions": {"ready": True}}],
            "ports": [{"name": "http", "port": 80, "protocol": "TCP"}],
        }
    yield {
        "apiVersion": "networking.istio.io/v1",
        "kind": "VirtualService",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"hosts": [name], "http": [{"route": [{"destination": {"host": f"{name}-v1"}}]}]},
    }


def a_rollout(namespace: str, name: str, revision: str) -> Obj:
    """The Rollout of such a service, without objectives."""
    made = manifest(
        namespace,
        revision,
        backend={"service": f"{name}-{{revision}}"},
        routes=[{"kind": "VirtualService", "name": name}],
        steps=STEPS,
        objectives=[],
        settle="1s",
    )
    spec = {key: value for key, value in made["spec"].items() if key != "workload"}
    return made | {"metadata": {"name": name, "namespace": namespace}, "spec": spec}


def leases(requests: Iterable[Audited]) -> list[Audited]:
    """Writes of the Lease that were stored: at that moment it became theirs, or stayed so."""
    return [one for one in requests if one.resource == "leases" and one.verb in WRITES and one.code < 300]


def without_lease(requests: Sequence[Audited], within: timedelta) -> list[str]:
    """Writes of those whom the Lease did not name, or who had not renewed it within this time, by what they asked."""
    held = leases(requests)
    wrote = [one for one in requests if one.verb in WRITES and one.resource != "leases"]
    return [f"{one.user} at {one.began:%X.%f}: {one}" for one in wrote if not _is_held(one, held, within)]


def _is_held(write: Audited, held: list[Audited], within: timedelta) -> bool:
    """Whether the last write of the Lease that was stored before this one came was its own, and not too long ago."""
    before = [one for one in held if one.at <= write.began]
    return bool(before) and before[-1].user == write.user and write.began - before[-1].began <= within


def now() -> datetime:
    """This moment, as the audit log tells time."""
    return datetime.now(UTC)
