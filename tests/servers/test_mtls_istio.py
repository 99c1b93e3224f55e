"""Is the mode that we take for the one in force the one that a real istiod puts into force?

For each set of PeerAuthentications, what `effective` says of two ports of a pod is compared with the listeners that istiod
gave to the pod's own Envoy. A second workload, whose mode is changed last, tells when istiod has seen them all; a port that
is added then tells when the pod's Envoy has.
"""

import itertools
import json
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from rollout.migration.mtls import effective
from rollout.migration.read import mesh_pod, peer_auth
from tests.servers import meshobjects
from tests.servers.client import Obj
from tests.servers.istiod import ROOT_NAMESPACE
from tests.servers.mesh import Mesh
from tests.servers.process import eventually

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("mesh")]

PLACE = "modes"
PORTS = (8080, 9000)
FIRST_EXTRA = 7000
PEERS = "/apis/security.istio.io/v1/namespaces/{}/peerauthentications"
PATIENCE_S = 15.0
SUBJECT = {"app": "subject"}
OTHER = {"version": "v1"}  # the subject has this label, too
NOBODY = {"app": "nobody"}
STRICT, OPEN, OFF, UNSET = "STRICT", "PERMISSIVE", "DISABLE", "UNSET"


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """One PeerAuthentication. later: it is created in a later second than those before it, else in the same."""

    name: str
    mode: str = ""
    root: bool = False
    selector: dict[str, str] | None = None
    ports: dict[int, str] = field(default_factory=dict)
    later: bool = False

    def body(self) -> Obj:
        """As a user writes it."""
        spec: dict[str, Any] = {"mtls": {"mode": self.mode}} if self.mode else {}
        if self.selector is not None:
            spec["selector"] = {"matchLabels": self.selector}
        if self.ports:
            spec["portLevelMtls"] = {str(port): {"mode": mode} for port, mode in self.ports.items()}
        return {
            "apiVersion": "security.istio.io/v1",
            "kind": "PeerAuthentication",
            "metadata": {"name": self.name, "namespace": ROOT_NAMESPACE if self.root else PLACE},
            "spec": spec,
        }


def root(mode: str, name: str = "default", **changes: Any) -> Peer:
    """For the whole mesh."""
    return Peer(name=name, mode=mode, root=True, **changes)


def own(mode: str, name: str = "default", **changes: Any) -> Peer:
    """For the whole namespace."""
    return Peer(name=name, mode=mode, **changes)


def pods(mode: str, name: str = "subject", **changes: Any) -> Peer:
    """For the subject, unless another selector is given."""
    return Peer(name=name, mode=mode, **{"selector": SUBJECT, **changes})


TABLE: dict[str, tuple[Peer, ...]] = {
    "nothing": (),
    "mesh STRICT": (root(STRICT),),
    "mesh DISABLE": (root(OFF),),
    "mesh STRICT, namespace PERMISSIVE": (root(STRICT), own(OPEN)),
    "mesh STRICT, namespace UNSET": (root(STRICT), own(UNSET)),
    "mesh STRICT, namespace says nothing": (root(STRICT), own("")),
    "mesh PERMISSIVE, namespace STRICT": (root(OPEN), own(STRICT)),
    "mesh STRICT, namespace DISABLE": (root(STRICT), own(OFF)),
    "an empty selector is none": (own(STRICT, selector={}),),
    "namespace STRICT, workload PERMISSIVE": (own(STRICT), pods(OPEN)),
    "namespace PERMISSIVE, workload STRICT": (own(OPEN), pods(STRICT)),
    "namespace STRICT, workload DISABLE": (own(STRICT), pods(OFF)),
    "namespace STRICT, workload UNSET": (own(STRICT), pods(UNSET)),
    "mesh STRICT, namespace and workload UNSET": (root(STRICT), own(UNSET), pods(UNSET)),
    "a selector of others": (own(OPEN), pods(STRICT, selector=NOBODY)),
    "all labels must be there": (pods(STRICT, selector={**SUBJECT, "tier": "x"}),),
    "a port of its own": (own(STRICT), pods(UNSET, ports={9000: OPEN})),
    "a port STRICT in an open workload": (pods(OPEN, ports={9000: STRICT}),),
    "a port UNSET inherits from its workload": (own(OPEN), pods(STRICT, ports={9000: UNSET})),
    "a port UNSET in a workload UNSET": (root(STRICT), pods(UNSET, ports={9000: UNSET})),
    "a port off in a STRICT workload": (pods(STRICT, ports={9000: OFF}),),
    "a Service's port is none": (pods(STRICT, ports={80: OPEN}),),
    "of two in a namespace the older": (own(STRICT, "zebra"), own(OPEN, "ant", later=True)),
    "of two in the mesh the older": (root(STRICT, "zebra"), root(OPEN, "ant", later=True)),
    "of two on a pod the older, whole": (
        pods(OPEN, "zebra", selector=OTHER),
        pods(STRICT, "ant", ports={9000: STRICT}, later=True),
    ),
    "the older one UNSET hides the younger": (root(OPEN), own(UNSET, "zebra"), own(STRICT, "ant", later=True)),
    "of one second the first name": (own(OPEN, "zebra"), own(STRICT, "ant")),
    "of one second the first name, the other way round": (own(OPEN, "ant"), own(STRICT, "zebra")),
    "of one second on a pod": (pods(OPEN, "zebra", selector=OTHER), pods(STRICT, "ant")),
    "of one second in the mesh": (root(OPEN, "zebra"), root(STRICT, "ant")),
    "a selector in the root namespace counts nowhere": (root(STRICT, "subject", selector=SUBJECT),),
    "a selector in the root, of the same second as one on the pod": (
        root(STRICT, "ant", selector=SUBJECT),
        pods(OPEN, "zebra"),
    ),
    "a selector in the root hides nothing": (
        root(OPEN, "ant", selector=SUBJECT),
        root(STRICT, "zebra", later=True),
    ),
}


class Stand:
    """Subject and marker with their proxies."""

    def __init__(self, mesh: Mesh) -> None:
        self.mesh, self.kube = mesh, mesh.kube
        self._marks = itertools.cycle((STRICT, OPEN))
        self._extra = itertools.count(FIRST_EXTRA + 1)

    def start(self) -> None:
        """Return when both have their proxies."""
        self.kube.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": PLACE}})
        for number, name in enumerate(("subject", "marker")):
            self.kube.apply(
                meshobjects.account(PLACE, name),
                _serving(name, 9801 + number),
                meshobjects.member(PLACE, name, "v1", 9801 + number),
            )
        self.mesh.cluster.wait_available(PLACE, "subject", "marker")
        self.mesh.check()

    def clear(self) -> None:
        """Only the marker's own object is left."""
        for namespace in (PLACE, ROOT_NAMESPACE):
            for one in self.kube.items(PEERS.format(namespace)):
                if one["metadata"]["name"] != "marker":
                    self.kube.delete(f"{PEERS.format(namespace)}/{one['metadata']['name']}")

    def create(self, peers: tuple[Peer, ...]) -> list[Obj]:
        """All of them, with their creation times as the table wants them."""
        stored: list[Obj] = []
        for _ in range(5):
            stored = []
            for one in peers:
                if one.later or not stored:
                    _next_second()
                stored.append(self.kube.create(one.body()))
            if _is_as_wanted(peers, stored):
                break
            self.clear()
        return stored

    def in_force(self) -> dict[int, str]:
        """What the subject's ports take, once istiod has told its Envoy of everything that is there."""
        mark = next(self._marks)
        body = Peer(name="marker", mode=mark, selector={"app": "marker"}).body()
        self.kube.apply(body)

        seen = eventually(lambda: set(self._listeners("marker").values()) == {mark}, PATIENCE_S)
        assert seen, self._listeners("marker")
        extra = next(self._extra)  # what comes with this port is newer than all of them
        self.kube.apply(_serving("subject", 9801, extra))
        assert eventually(lambda: extra in self._listeners("subject"), PATIENCE_S), self._listeners("subject")
        found = self._listeners("subject")
        return {port: found[port] for port in PORTS}

    def _listeners(self, workload: str) -> dict[int, str]:
        """The modes by port."""
        url = f"{self.mesh.admin_url(workload, PLACE)}/config_dump"
        with urllib.request.urlopen(url, timeout=5) as answer:
            configs = json.load(answer)["configs"]
        (dump,) = (one for one in configs if one["@type"].endswith("ListenersConfigDump"))
        found = (one["active_state"]["listener"] for one in dump.get("dynamic_listeners", ()) if "active_state" in one)
        return {one["address"]["socket_address"]["port_value"]: _mode(one) for one in found}


def _serving(name: str, port: int, extra: int = FIRST_EXTRA) -> Obj:
    """The Sidecar that lets its proxy listen on both ports, and on a third one."""
    found = meshobjects.serving(PLACE, name, {"app": name}, port)
    (http,) = found["spec"]["ingress"]
    more = [{"port": {"number": number, "protocol": "TCP", "name": f"tcp-{number}"}} for number in (9000, extra)]
    found["spec"]["ingress"] = [http, *(http | one for one in more)]
    return found


def _mode(listener: Obj) -> str:
    """By its filter chains: all of them TLS with a client's certificate, none, or both."""
    secured = {"transport_socket" in chain for chain in listener["filter_chains"]}
    return {(True,): STRICT, (False,): OFF, (False, True): OPEN}[tuple(sorted(secured))]


def _next_second() -> None:
    """Return early in a new second of the clock."""
    now = int(time.time())
    eventually(lambda: int(time.time()) > now, 2.0, 0.005)


def _is_as_wanted(peers: tuple[Peer, ...], stored: list[Obj]) -> bool:
    born = [one["metadata"]["creationTimestamp"] for one in stored]
    pairs = zip(peers[1:], itertools.pairwise(born), strict=True) if len(peers) > 1 else ()
    return all((before < after) if peer.later else (before == after) for peer, (before, after) in pairs)


@pytest.fixture(scope="module")
def stand(mesh: Mesh) -> Iterator[Stand]:
    found = Stand(mesh)
    found.start()
    yield found
    found.clear()


@pytest.mark.parametrize("peers", TABLE.values(), ids=TABLE)
def test_istiod_puts_into_force_what_we_take_for_effective(stand: Stand, peers: tuple[Peer, ...]) -> None:
    stand.clear()
    stored = [peer_auth(one) for one in stand.create(peers)]
    (pod,) = stand.kube.items(f"/api/v1/namespaces/{PLACE}/pods?labelSelector=app%3Dsubject")
    mine = [one for one in stored if one.namespace == PLACE]
    others = [one for one in stored if one.namespace == ROOT_NAMESPACE]

    expected = {port: effective(mesh_pod(pod, {}), port, mine, others).mode for port in PORTS}

    assert stand.in_force() == expected
