"""What is a controller of a crowd seen to do: its requests, its seconds of CPU, its memory?"""

import asyncio
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event
from typing import Any

from tests.bench.answering import SCRAPE_S, AnsweringPrometheus
from tests.bench.crowd import Member, change, lay, members
from tests.servers.apiserver import ApiServer
from tests.servers.client import Obj
from tests.servers.controller import STARTED_S, Controller
from tests.servers.process import ServerFailedError, eventually
from tests.support.servers import OUR_CRDS

USER = "controller"  # a token of its own, so that the audit log tells its requests from ours
HOME = "rollout-system"
GROUP = "rbac.authorization.k8s.io"
TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")
AN_EYE = 500  # Rollouts for each second between two looks at all of them: lists take the server's time too
APART = frozenset(["leases", "events"])  # counted apart, as for Flagger and Argo Rollouts

Calls = Counter[tuple[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One answered request of the controller. at: when it was received, as the server writes it; uri: path and query."""

    verb: str
    resource: str
    at: str
    name: str
    uri: str

    @property
    def moment(self) -> float:
        """When it was received, in seconds since 1970."""
        return datetime.fromisoformat(self.at).timestamp()


class Scene:
    """A crowd, the controller that looks after it, and what it asks for its figures."""

    def __init__(self, server: ApiServer, prometheus: AnsweringPrometheus, crowd: Sequence[Member]) -> None:
        self.server, self.prometheus, self.crowd = server, prometheus, crowd
        self.kubeconfig = server.kubeconfig(USER, HOME)
        self._admin = server.client()

    def controller(self, **settings: str) -> Controller:
        """`rollout serve` with the settings of a cluster, not started."""
        mine = {"prometheus_url": self.prometheus.url, "prometheus_mesh": "istio", "api_listen": "127.0.0.1:0"}
        return Controller(self.server.directory, self.kubeconfig, **mine | settings)

    def change(self, crowd: Sequence[Member], **spec: Any) -> None:
        """Patch the spec of these Rollouts."""
        asyncio.run(change(self.server, crowd, spec))

    def status(self, member: Member) -> dict[str, Any]:
        """The status of one Rollout; empty before the first."""
        found: dict[str, Any] = self._admin.get(member.path).get("status") or {}
        return found

    def canary_weight(self, member: Member) -> int:
        """What the route object gives to v2."""
        return _weight(self._admin.get(member.route))

    def reach(self, member: Member, patience_s: float, **wanted: Any) -> None:
        """Return when its status holds these fields."""
        if not eventually(lambda: wanted.items() <= self.status(member).items(), patience_s, 0.5):
            raise ServerFailedError(f"{member.name} is not {wanted}: {json.dumps(self.status(member), indent=1)}")

    def all_reach(self, is_there: Callable[[Obj], bool], plural: str, patience_s: float, wanted: int = 0) -> int:
        """How many objects of that kind are so in the end; returns early when the wanted number is, or all of the crowd."""
        group = "rollout.dev/v1alpha1" if plural == "rollouts" else "networking.istio.io/v1"
        path, found = f"/apis/{group}/{plural}", [0]

        def are_there() -> bool:
            found[0] = sum(is_there(obj) for obj in self._admin.items(path))
            return found[0] >= (wanted or len(self.crowd))

        eventually(are_there, patience_s, max(1.0, len(self.crowd) / AN_EYE))
        return found[0]

    def requests(self, since: int) -> tuple[Request, ...]:
        """Those of the controller that were answered since the mark; a watch counts once, when it begins."""
        return tuple(_requests(self.server.audit_log, since))


@contextmanager
def staged(size: int, scrape_s: int = SCRAPE_S) -> Iterator[Scene]:
    """Servers and a crowd of so many, scraped so often; no controller yet. Raises ServerMissingError where there is no API server."""
    with TemporaryDirectory(prefix="rollout-bench-") as directory, ExitStack() as closing:
        server, prometheus = ApiServer(Path(directory)), AnsweringPrometheus(scrape_s)
        closing.callback(server.stop)
        server.start()
        server.install_crds()
        server.install_files(sorted(OUR_CRDS.glob("*.yaml")))
        server.client().apply(
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": HOME}},
            {
                "apiVersion": f"{GROUP}/v1",
                "kind": "ClusterRoleBinding",
                "metadata": {"name": USER},
                "subjects": [{"kind": "User", "name": USER, "apiGroup": GROUP}],
                "roleRef": {"kind": "ClusterRole", "name": "cluster-admin", "apiGroup": GROUP},
            },
        )
        prometheus.start()
        closing.callback(prometheus.stop)
        crowd = members(size)
        asyncio.run(lay(server, crowd))
        yield Scene(server, prometheus, crowd)


@contextmanager
def working(controller: Controller, patience_s: float = STARTED_S) -> Iterator[int]:
    """The controller's process id while it runs; it may take so long to list everything."""
    controller.start(patience_s)
    try:
        yield controller.pid
    finally:
        controller.terminate()
        controller.kill()


def pass_by(seconds: float) -> None:
    """Let so much time pass: a minute is what is measured, not a condition."""
    Event().wait(seconds)


def cpu_seconds(pid: int) -> float:
    """User and system time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_A_SECOND


def resident_mib(pid: int, line: str = "VmRSS") -> float:
    """Memory of a process now; its peak with line VmHWM."""
    text = Path(f"/proc/{pid}/status").read_text()
    return next(int(row.split()[1]) for row in text.splitlines() if row.startswith(f"{line}:")) / 1024


def counted(requests: Sequence[Request]) -> Calls:
    """How many of each verb and resource."""
    return Counter((one.verb, one.resource) for one in requests)


def own(calls: Mapping[tuple[str, str], int]) -> Calls:
    """Those that belong to Rollouts: without lease, Events and watches that are begun anew."""
    return Counter(
        {what: times for what, times in calls.items() if what[1] not in APART and what[0] != "watch"},
    )


def _weight(route: Obj) -> int:
    entries = [entry for http in route["spec"]["http"] for entry in http["route"]]
    return next((entry.get("weight", 100) for entry in entries if entry["destination"]["host"].endswith("-v2")), 0)


def has_weight(route: Obj) -> bool:
    """Whether a route gives v2 anything."""
    return _weight(route) > 0


def is_idle(rollout: Obj) -> bool:
    """Whether it knows its stable revision and has nothing to do."""
    status = rollout.get("status") or {}
    return (status.get("phase"), status.get("stableRevision")) == ("Idle", "v1")


def reads(calls: Mapping[tuple[str, str], int]) -> int:
    """How many of them read."""
    return sum(times for (verb, _), times in calls.items() if verb in {"get", "list"})


def note(text: str) -> None:
    """Say what goes on, beside the table."""
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} {text}\n")


def _requests(log: Path, since: int) -> Iterator[Request]:
    with log.open("rb") as lines:
        lines.seek(since)
        for line in lines:
            if f'"{USER}"'.encode() not in line or not line.endswith(b"\n"):
                continue
            event = json.loads(line)
            wanted = "ResponseStarted" if event["verb"] == "watch" else "ResponseComplete"
            if event["user"]["username"] == USER and event["stage"] == wanted:
                yield _request(event)


def _request(event: Mapping[str, Any]) -> Request:
    reference = event.get("objectRef") or {}
    parts = (reference.get("resource", ""), reference.get("subresource", ""))
    return Request(
        verb=event["verb"],
        resource="/".join(part for part in parts if part) or str(event["requestURI"]).partition("?")[0],
        at=event["requestReceivedTimestamp"],
        name=reference.get("name", ""),
        uri=str(event["requestURI"]),
    )
