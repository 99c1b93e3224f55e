"""Do PeerAuthentications that are there already undo what the migration says?"""

from collections.abc import Callable, Iterator

from rollout.migration.mtls_conflicts import OVERLAP, PLAIN, PORTS, conflicts
from rollout.migration.preflight.check import Check, annotations, labels
from rollout.migration.preflight.gathered import Gathered
from rollout.migration.read import mesh_pod, peer_auth
from rollout.model.mesh import MeshNamespace
from rollout.model.migration import Finding, Severity

_READS = ("PeerAuthentication", "Namespace", "Pod", "ReplicaSet", "Service")


def _of(check: str) -> Callable[[Gathered], Iterator[Finding]]:
    """The findings of one row among all about PeerAuthentications."""

    def find(gathered: Gathered) -> Iterator[Finding]:
        root = [peer_auth(one) for one in gathered.of("PeerAuthentication", gathered.spec.root)]
        exceptions = gathered.spec.exceptions_of(gathered.namespace)
        found = conflicts(_namespace(gathered), root, gathered.here("Service"), exceptions)
        yield from (one for one in found if one.check == check)

    return find


def _namespace(gathered: Gathered) -> MeshNamespace:
    """The namespace as far as its modes go: its PeerAuthentications and pods, by name."""
    found = next(iter(gathered.cluster("Namespace", (gathered.namespace,))), None)
    deployments = {
        one["metadata"]["name"]: owner["name"]
        for one in gathered.here("ReplicaSet")
        for owner in one["metadata"].get("ownerReferences") or ()
        if owner.get("controller") and owner["kind"] == "Deployment"
    }
    peers = [peer_auth(one) for one in gathered.here("PeerAuthentication")]
    pods = [mesh_pod(one, deployments) for one in gathered.here("Pod")]
    return MeshNamespace(
        name=gathered.namespace,
        exists=found is not None,
        labels=labels(found) if found else {},
        annotations=annotations(found) if found else {},
        peers=tuple(sorted(peers, key=lambda one: one.name)),
        pods=tuple(sorted(pods, key=lambda one: one.name)),
    )


MODES = (
    Check(
        id=OVERLAP,
        title="no other PeerAuthentication overrules ours",
        severity=Severity.BLOCK,
        reads=_READS,
        find=_of(OVERLAP),
    ),
    Check(
        id=PORTS,
        title="exceptions name container ports",
        severity=Severity.BLOCK,
        reads=_READS,
        find=_of(PORTS),
    ),
    Check(
        id=PLAIN,
        title="nothing that looks healthy is unencrypted",
        severity=Severity.WARN,
        reads=_READS,
        find=_of(PLAIN),
    ),
)
