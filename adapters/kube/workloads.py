"""What runs behind a revision, as the cache shows it?

The implementation of `rollout.ports.workloads.Workloads`: workloads, Services, EndpointSlices and pods.
"""

from collections import Counter
from collections.abc import Iterable

from adapters.kube.api import Obj
from adapters.kube.cache import Cache
from rollout.model.names import BackendName
from rollout.model.observation import BackendSeen, WorkloadSeen
from rollout.model.rollout import WorkloadRef
from rollout.model.template import template_hash
from rollout.traffic.subsets import KIND as RULE
from rollout.traffic.subsets import is_own, subset_labels

Labels = tuple[tuple[str, str], ...]


class ClusterWorkloads:
    """Workloads, Services, endpoints and pods of one cluster; no request is ever made."""

    def __init__(self, cache: Cache) -> None:
        self._cache = cache

    def workload(self, namespace: str, ref: WorkloadRef, revision: str) -> WorkloadSeen:
        """The workload `ref` (its name already filled) of `revision`; `exists` is False when there is none."""
        obj = self._cache.get(ref.kind, namespace, ref.name)
        if obj is None:
            return WorkloadSeen(revision=revision, exists=False)
        wanted, updated, ready, total = _counts(ref.kind, obj)
        is_seen = (obj.get("status") or {}).get("observedGeneration", 0) >= obj["metadata"].get("generation", 0)
        is_leaving = bool(obj["metadata"].get("deletionTimestamp"))
        return WorkloadSeen(
            revision=revision,
            exists=True,
            template=template_hash(obj["spec"].get("template") or {}),
            wanted=wanted,
            ready=ready,
            settled=is_seen and not is_leaving and updated >= wanted and ready >= wanted and total <= updated,
        )

    def backend(self, namespace: str, name: BackendName, labels: Labels) -> BackendSeen:
        """What stands behind a backend; `labels` are the pod labels of a subset, () for a Service.

        A host outside the namespace has no `pods`: their names would be another namespace's. Where nothing is known
        of it (no such Service in sight), it counts as one ready endpoint, as does an ExternalName: nobody may take
        what we cannot see for dead.
        """
        host_name, host_namespace = _placed(name.service, namespace)
        service = self._cache.get("Service", host_namespace, host_name)
        if host_namespace != namespace or not host_name:
            return self._elsewhere(name, service, host_namespace)
        if service is None:
            return BackendSeen(backend=name, exists=False, subset_defined=self._is_defined(namespace, name, labels))
        if (service.get("spec") or {}).get("type") == "ExternalName":
            return BackendSeen(backend=name, exists=True, ready=1, subset_defined=not name.subset)
        endpoints = self._endpoints(namespace, host_name)
        if name.subset:
            return self._subset(namespace, name, labels, endpoints)
        pods = frozenset(pod for pod, _, _ in endpoints if pod)
        return BackendSeen(backend=name, exists=True, ready=_ready(endpoints), pods=pods)

    def _elsewhere(self, name: BackendName, service: Obj | None, namespace: str) -> BackendSeen:
        if service is None or (service.get("spec") or {}).get("type") == "ExternalName":
            return BackendSeen(backend=name, exists=True, ready=1)
        ready = _ready(self._endpoints(namespace, service["metadata"]["name"]))
        return BackendSeen(backend=name, exists=True, ready=ready)

    def _subset(
        self, namespace: str, name: BackendName, labels: Labels, endpoints: list[tuple[str, str, bool]]
    ) -> BackendSeen:
        carried = dict(labels) or self._rule_labels(namespace, name) or {}
        chosen = [one for one in endpoints if one[0] and self._carries(namespace, one[0], carried)] if carried else []
        return BackendSeen(
            backend=name,
            exists=True,
            ready=_ready(chosen),
            pods=frozenset(pod for pod, _, _ in chosen),
            subset_defined=self._is_defined(namespace, name, labels),
            subset_own=subset_labels(filter(is_own, self._cache.list(RULE, namespace)), name.service, name.subset)
            is not None,
        )

    def _carries(self, namespace: str, pod: str, labels: dict[str, str]) -> bool:
        obj = self._cache.get("Pod", namespace, pod)
        return obj is not None and labels.items() <= (obj["metadata"].get("labels") or {}).items()

    def _is_defined(self, namespace: str, name: BackendName, labels: Labels) -> bool:
        if not name.subset:
            return True
        defined = self._rule_labels(namespace, name)
        return defined is not None and (not labels or defined == dict(labels))

    def _rule_labels(self, namespace: str, name: BackendName) -> dict[str, str] | None:
        rules = self._cache.list(RULE, namespace)
        return subset_labels(rules, name.service, name.subset)

    def _endpoints(self, namespace: str, service: str) -> list[tuple[str, str, bool]]:
        return [
            (_pod(endpoint), f"{obj.get('addressType', '')} {_address(endpoint)}", _is_ready(endpoint))
            for obj in self._cache.indexed("EndpointSlice", "service", f"{namespace}/{service}")
            for endpoint in obj.get("endpoints") or ()
        ]


def _counts(kind: str, obj: Obj) -> tuple[int, int, int, int]:
    """Wanted, updated, ready and all pods; counters that are 0 are left out of a status."""
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    if kind == "DaemonSet":
        wanted = status.get("desiredNumberScheduled", 0)
        updated = status.get("updatedNumberScheduled", 0)
        return wanted, updated, status.get("numberReady", 0), updated
    wanted = spec.get("replicas", 1)
    updated, total = status.get("updatedReplicas", 0), status.get("replicas", 0)
    if kind == "StatefulSet" and status.get("updateRevision") and _is_one_revision(status):
        updated = total
    return wanted, updated, status.get("readyReplicas", 0), total


def _is_one_revision(status: Obj) -> bool:
    return bool(status.get("currentRevision") == status.get("updateRevision"))


def _placed(service: str, namespace: str) -> tuple[str, str]:
    """Name and namespace of the Service a backend name means; ("", "") for what is no Service."""
    name, *rest = service.split(".")
    if ":" in service:
        return "", ""
    if not rest:
        return service, namespace
    is_service = len(rest) == 1 or rest[1] == "svc"
    return (name, rest[0]) if is_service else ("", "")


def _pod(endpoint: Obj) -> str:
    target = endpoint.get("targetRef") or {}
    return str(target.get("name", "")) if target.get("kind") == "Pod" else ""


def _address(endpoint: Obj) -> str:
    return str(next(iter(endpoint.get("addresses") or ()), ""))


def _is_ready(endpoint: Obj) -> bool:
    """`ready` unknown means ready; `serving` False is a pod that is published although it is not ready."""
    conditions = endpoint.get("conditions") or {}
    return conditions.get("ready") is not False and conditions.get("serving") is not False


def _ready(endpoints: Iterable[tuple[str, str, bool]]) -> int:
    """How many pods are ready, each once over slices and address families; of bare addresses those of one family."""
    ready = {(pod, "" if pod else address) for pod, address, is_ready in endpoints if is_ready}
    families = Counter(address.partition(" ")[0] for pod, address in ready if not pod)
    return sum(1 for pod, _ in ready if pod) + max(families.values(), default=0)
