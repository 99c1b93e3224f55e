"""How do processes of several shards run on a real API server, and which of them wrote to which object?"""

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from urllib.request import urlopen

from rollout.model.names import Key
from rollout.model.shard import home_of
from tests.servers.apiserver import ApiServer
from tests.servers.auditlog import Audited, Tail
from tests.servers.process import eventually
from tests.servers.replicas import PATIENCE_S, WRITES, Release, Replica, a_replica, a_rollout, a_service
from tests.servers.shop import looks_at_policies, rights

OF_A_ROLLOUT = ("rollouts", "virtualservices")


@dataclass(slots=True, kw_only=True)
class Shards:
    """Processes of one or more layouts, each with a user of its own, that look after one namespace."""

    server: ApiServer
    directory: Path
    namespace: str
    since: int
    processes: dict[str, Replica] = field(default_factory=dict)

    def start(self, user: str, shard: str) -> None:
        """A process of this shard runs; the audit log calls it `user`."""
        self.server.client().apply(*looks_at_policies(user), rights(self.namespace, user))
        made = a_replica(self.server, self.directory, self.namespace, user, shard=shard)
        self.processes[user] = made
        made.controller.start()

    def leader(self, number: int) -> str:
        """The user whom the Lease of a shard names, once there is one."""
        path = f"/apis/coordination.k8s.io/v1/namespaces/{self.namespace}/leases/rollout-controller-{number}"
        kube = self.server.client()

        def holder() -> str:
            return str(kube.get(path)["spec"].get("holderIdentity", "")) if kube.exists(path) else ""

        assert eventually(lambda: holder() in self.processes, PATIENCE_S), f"nobody leads shard {number}"
        return holder()

    def names(self, prefix: str, count: int) -> list[str]:
        """Names of Rollouts of this namespace, one of each shard of such a layout, in the order of the shards."""
        found: dict[int, str] = {}
        for number in range(200):
            name = f"{prefix}{number}"
            found.setdefault(home_of("Rollout", Key(namespace=self.namespace, name=name), "", count), name)
        return [found[number] for number in range(1, count + 1)]

    def serves(self, name: str) -> Release:
        """v1 of a service is stable."""
        kube = self.server.client()
        made = Release(kube=kube, namespace=self.namespace, name=name)
        kube.apply(*a_service(self.namespace, name))
        kube.apply(a_rollout(self.namespace, name, "v1"))
        assert eventually(lambda: made.status().get("stableRevision") == "v1", PATIENCE_S), made.status()
        return made

    def writes(self) -> list[Audited]:
        """What the processes wrote, apart from Leases, in the order in which it was received."""
        found = [one for user in self.processes for one in Tail(self.server, user, self.since).more()]
        wrote = [one for one in found if one.verb in WRITES and one.resource != "leases"]
        return sorted(wrote, key=lambda one: one.began)

    def writers(self, after: datetime, until: datetime) -> dict[str, set[str]]:
        """Who wrote to each Rollout and its route in between."""
        found: dict[str, set[str]] = defaultdict(set)
        for one in self.writes():
            if after <= one.began <= until and one.resource.partition("/")[0] in OF_A_ROLLOUT:
                found[one.name].add(one.user)
        return dict(found)

    def page(self, user: str, name: str) -> str:
        """What a process says at `/readyz` or `/metrics`."""
        with urlopen(self.processes[user].controller.metrics.replace("/metrics", f"/{name}"), timeout=5) as answer:
            return str(answer.read().decode())

    def end(self) -> None:
        """SIGKILL for all."""
        for one in self.processes.values():
            one.controller.kill()


@contextmanager
def shards(server: ApiServer, directory: Path, namespace: str) -> Iterator[Shards]:
    """Nobody runs yet; all that is started ends."""
    made = Shards(server=server, directory=directory, namespace=namespace, since=server.audit_mark())
    try:
        yield made
    finally:
        made.end()
