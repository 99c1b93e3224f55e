"""What runs behind a revision?"""

from typing import Protocol

from rollout.model.names import BackendName
from rollout.model.observation import BackendSeen, WorkloadSeen
from rollout.model.rollout import WorkloadRef


class Workloads(Protocol):
    """Workloads, Services, endpoints and pods; reads come from the cache and make no request."""

    def workload(self, namespace: str, ref: WorkloadRef, revision: str) -> WorkloadSeen:
        """The workload `ref` (its name already filled) of `revision`; `exists` is False when there is none."""

    def backend(self, namespace: str, name: BackendName, labels: tuple[tuple[str, str], ...]) -> BackendSeen:
        """What stands behind a backend; `labels` are the pod labels of a subset, () for a Service."""
