"""What does a person who moves a namespace into a real mesh have and see: a controller, clients, orders, counters?"""

import http.client
import json
import re
import ssl
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import Any

from rollout.wiring.shipped import CONTROLLER, NAMESPACE
from tests.servers import meshpay
from tests.servers.actors import a_command, is_refused
from tests.servers.apiserver import ApiServer
from tests.servers.callers import Address, Caller
from tests.servers.client import path_of
from tests.servers.controller import Controller, rollout
from tests.servers.mesh import Mesh
from tests.servers.meshobjects import POD_PORT, SERVICE_PORT
from tests.servers.meshpay import FRONT, PAY
from tests.servers.process import eventually
from tests.servers.rights import account_config
from tests.servers.standin_injector import Injector

PATIENCE_S = 60.0
INBOUND = f".*_{POD_PORT}"  # nothing is intercepted: the proxies listen where the pods' servers did
NAME = "to-strict"
MIGRATION = f"/apis/rollout.dev/v1alpha1/meshmigrations/{NAME}"
COMMANDS = f"/apis/rollout.dev/v1alpha1/namespaces/{NAMESPACE}/rolloutcommands"
PEERS = f"/apis/security.istio.io/v1/namespaces/{PAY}/peerauthentications"
ACROSS = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings"
LISTED_S = 0.1  # how old a caller's list of addresses may be


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """A PeerAuthentication as the watch brought it. at: time.monotonic(). mode: "" for a deleted one."""

    at: float
    name: str
    mode: str


class Modes:
    """The PeerAuthentications of pay, followed from now on; `on_change` is told of each change at once."""

    def __init__(self, server: ApiServer, on_change: Callable[[Changed], None]) -> None:
        self.seen: list[Changed] = []
        self._server, self._on_change = server, on_change
        Thread(target=self._try, name="modes", daemon=True).start()

    def _try(self) -> None:
        with suppress(OSError, http.client.HTTPException):  # the API server ends first
            self._follow()

    def _follow(self) -> None:
        trusted = ssl.create_default_context(cafile=str(self._server.ca))
        headers = {"Authorization": f"Bearer {self._server.token['admin']}"}
        wanted = urllib.request.Request(f"{self._server.url}{PEERS}?watch=1&timeoutSeconds=600", headers=headers)
        with urllib.request.urlopen(wanted, context=trusted) as stream:
            for line in stream:
                event = json.loads(line)
                peer, now = event["object"], time.monotonic()
                mode = "" if event["type"] == "DELETED" else peer["spec"]["mtls"]["mode"]
                self.seen.append(Changed(at=now, name=peer["metadata"]["name"], mode=mode))
                self._on_change(self.seen[-1])


class Ready:
    """The addresses of the ready pods of a Service, as a client without a sidecar finds them."""

    def __init__(self, mesh: Mesh, name: str) -> None:
        self._kube, self._asked = mesh.kube, 0.0
        self._known: list[Address] = []
        self._path = f"/apis/discovery.k8s.io/v1/namespaces/{PAY}/endpointslices"
        self._query = f"?labelSelector=kubernetes.io/service-name%3D{name}"

    def __call__(self) -> list[Address]:
        """Not older than LISTED_S."""
        if time.monotonic() - self._asked > LISTED_S:
            self._asked = time.monotonic()
            found = [one for part in self._kube.items(self._path + self._query) for one in part.get("endpoints") or ()]
            self._known = [(one["addresses"][0], POD_PORT) for one in found if one["conditions"]["ready"]]
        return self._known


@dataclass(slots=True)
class Move:
    """The namespace pay and all that is around it. mtls, plain: its callers, none of which calls yet.

    mark: in the API server's audit log, from before the controller started.
    """

    mesh: Mesh
    mtls: tuple[Caller, ...]
    plain: tuple[Caller, ...]
    mark: int

    def begin(self) -> None:
        """Create the MeshMigration."""
        self.mesh.kube.apply(meshpay.migration(NAME))

    def status(self) -> dict[str, Any]:
        """What the MeshMigration's status says of pay; empty before the first tick."""
        status = self.mesh.kube.get(MIGRATION).get("status") or {}
        return next(iter(status.get("namespaces") or ()), {})

    def stands(self, stage: str, patience_s: float = PATIENCE_S) -> bool:
        """Whether pay comes to a stage in time."""
        return eventually(lambda: self.status().get("stage") == stage, patience_s)

    def reasons(self) -> dict[str, str]:
        """Why pay does not go on, by code."""
        return {one["code"]: one["message"] for one in self.status().get("reasons") or ()}

    def say(self, verb: str, **spec: str) -> None:
        """Ana gives a command about pay; return when it is answered. AssertionError when it is refused."""
        command = a_command("ana", verb=verb, kind="MeshMigration")
        command["metadata"]["namespace"] = NAMESPACE
        command["spec"] |= {"target": {"kind": "MeshMigration", "name": NAME}, "subject": PAY} | spec
        made = path_of(self.mesh.server.client("ana").create(command))
        assert eventually(lambda: bool(self._answer(made))), f"nobody answered {command['spec']}\n{self.told()}"
        assert self._answer(made)["result"] == "Accepted", self._answer(made)

    def counted(self, counter: str) -> int:
        """What the listeners of all proxies of pay have counted so far, asked of the proxies themselves."""
        line, count = re.compile(rf'^{counter}{{[^}}]*_{POD_PORT}"[^}}]*}} (\d+)$', re.MULTILINE), 0
        for proxy in self.mesh.proxies(PAY):
            with urllib.request.urlopen(proxy.metrics_url, timeout=5) as answer:
                count += sum(map(int, line.findall(answer.read().decode())))
        return count

    def told(self) -> str:
        """The status as text, for the message of a failed test."""
        return json.dumps(self.mesh.kube.get(MIGRATION).get("status"), indent=1)

    def _answer(self, path: str) -> dict[str, Any]:
        found: dict[str, Any] = self.mesh.kube.get(path).get("status") or {}
        return found


@contextmanager
def opened(mesh: Mesh, directory: Path) -> Iterator[Move]:
    """pay serves outside of the mesh and is called by front, which is in it; a controller has the rights of an installed one."""
    server, kube = mesh.server, mesh.kube
    with ExitStack() as closing:
        _install(server, closing)
        injector = Injector(server)
        closing.callback(injector.stop)
        injector.start()
        kube.apply(*meshpay.control_plane(), *meshpay.pay())
        closing.callback(kube.delete, f"/api/v1/namespaces/{PAY}")
        mesh.cluster.wait_available(PAY, "bank", "audit")
        kube.apply(*meshpay.front())
        closing.callback(kube.delete, f"/api/v1/namespaces/{FRONT}")
        mesh.cluster.wait_available(FRONT, "web")
        mesh.check()
        move = Move(mesh=mesh, mtls=_mtls(), plain=_plain(mesh), mark=server.audit_mark())
        for caller in (*move.mtls, *move.plain):
            closing.callback(caller.stop)
        settings = {"namespace": "", "own_namespace": NAMESPACE, "prometheus_url": mesh.prometheus.url}
        controller = Controller(
            directory, account_config(server, directory), **settings, prometheus_mesh="istio", mesh_inbound=INBOUND
        )
        closing.callback(controller.kill)
        controller.start()
        yield move


def _mtls() -> tuple[Caller, ...]:
    """Through the sidecar of front's web: the first keeps its connections, the second has new ones all the way."""
    here = [(meshpay.CLIENT_ADDRESS, SERVICE_PORT)]
    kinds = {"bank": True, meshpay.ONCE: False, "audit": True}
    return tuple(Caller(f"mTLS to {name}", meshpay.host(name), lambda: here, keeps) for name, keeps in kinds.items())


def _plain(mesh: Mesh) -> tuple[Caller, ...]:
    ready, host = Ready(mesh, "bank"), meshpay.host("bank")
    return (Caller("plaintext, kept", host, ready, True), Caller("plaintext, fresh", host, ready, False))


def _install(server: ApiServer, closing: ExitStack) -> None:
    """`rollout install`, whose own Deployment is not wanted; ana may run the mesh."""
    answer = rollout("install", kubeconfig=server.kubeconfig(), namespace=NAMESPACE)
    assert answer.returncode == 0, answer.stderr
    closing.callback(rollout, "uninstall", "--force", kubeconfig=server.kubeconfig(), namespace=NAMESPACE)
    kube = server.client()
    kube.patch(f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments/{CONTROLLER}", {"spec": {"replicas": 0}})
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "rollout-mesh-operator"}
    ana = {"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "ana"}
    body = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": "ana"},
        "roleRef": role,
        "subjects": [ana],
    }
    kube.request("POST", ACROSS, body)
    closing.callback(kube.delete, f"{ACROSS}/ana")
    assert eventually(lambda: is_refused(server, "admin", a_command("nobody")), PATIENCE_S), "anybody may say anything"
