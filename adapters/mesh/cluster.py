"""What does the cluster's cache say of a fleet that moves into a mesh?"""

from collections.abc import Iterator
from dataclasses import replace

from adapters.kube.api import Obj
from adapters.kube.cache import Cache
from adapters.kube.kinds import WORKLOAD_KINDS
from adapters.mesh.marks import LOG_NAME
from rollout.migration.read import MANAGER, mesh_pod, mesh_workload, peer_auth
from rollout.migration.sinks import sinks
from rollout.model.mesh import MeshNamespace, MeshPod, PeerAuth, Sink
from rollout.traffic.owners import owner_of

_MIDRUN = ("Progressing", "Paused", "Promoting", "RollingBack")


class CachedMesh:
    """`ports.migrations.MeshCluster` on the watch cache; what did not change is not read again."""

    def __init__(self, cache: Cache) -> None:
        self._cache = cache
        self._pods: dict[tuple[str, str], tuple[str, MeshPod]] = {}
        self._sinks: dict[str, tuple[object, tuple[Sink, ...]]] = {}

    def namespace(self, name: str) -> MeshNamespace:
        """The namespace with its pods, workloads and policies; `exists` is False when there is none."""
        obj = self._cache.get("Namespace", "", name)
        peers = self.root(name)
        workloads = [mesh_workload(one) for kind in WORKLOAD_KINDS for one in self._cache.list(kind, name)]
        metadata = obj["metadata"] if obj is not None else {}
        services = self._cache.list("Service", name)
        return MeshNamespace(
            name=name,
            exists=obj is not None and "deletionTimestamp" not in metadata,
            version=str(metadata.get("resourceVersion", "")),
            uid=str(metadata.get("uid", "")),
            labels=dict(metadata.get("labels") or {}),
            annotations=dict(metadata.get("annotations") or {}),
            peers=peers,
            pods=tuple(self._pods_of(name)),
            workloads=tuple(sorted(workloads, key=lambda one: (one.kind, one.name))),
            services=tuple(one["metadata"]["name"] for one in services),
            sinks=self._sinks_of(name, services),
            rollouts=tuple(self._running(name)),
            tool=_tool(obj),
            logs=self._cache.get("Telemetry", name, LOG_NAME) is not None,
            writer=_writer(obj) if obj is not None else "",
        )

    def raw(self, name: str) -> tuple[Obj, ...]:
        """Its PeerAuthentications and workloads as they were read."""
        return tuple(one for kind in ("PeerAuthentication", *WORKLOAD_KINDS) for one in self._cache.list(kind, name))

    def root(self, namespace: str) -> tuple[PeerAuth, ...]:
        """The PeerAuthentications of a namespace, sorted by name."""
        listed = self._cache.list("PeerAuthentication", namespace)
        found = (replace(peer_auth(one), writer=_writer(one)) for one in listed)
        return tuple(sorted(found, key=lambda one: one.name))

    def meshed(self) -> frozenset[str]:
        """Namespaces of the whole cluster that have pods, each with a proxy."""
        every: dict[str, bool] = {}
        for pod in self.pods():
            if not pod.is_finished:
                every[pod.namespace] = every.get(pod.namespace, True) and pod.meshed
        return frozenset(name for name, all_meshed in every.items() if all_meshed)

    def pods(self) -> tuple[MeshPod, ...]:
        """Every pod of the whole cluster, finished ones too."""
        return tuple(self._pod(obj) for obj in self._cache.list("Pod"))

    def is_caught_up(self, namespace: str) -> bool:
        """Whether the watch has shown our last writes to the namespace and its policies."""
        places = [("Namespace", "", namespace)]
        places += [
            ("PeerAuthentication", namespace, one["metadata"]["name"])
            for one in self._cache.list("PeerAuthentication", namespace)
        ]
        return all(self._is_shown(*place) for place in places)

    def _is_shown(self, kind: str, namespace: str, name: str) -> bool:
        known, shown = self._cache.get(kind, namespace, name), self._cache.watched(kind, namespace, name)
        if known is None or shown is None:
            return known is shown
        return bool(known["metadata"].get("resourceVersion") == shown["metadata"].get("resourceVersion"))

    def _pods_of(self, namespace: str) -> Iterator[MeshPod]:
        for obj in self._cache.list("Pod", namespace):
            yield self._pod(obj)

    def _pod(self, obj: Obj) -> MeshPod:
        metadata = obj["metadata"]
        at, version = (metadata["namespace"], metadata["name"]), str(metadata.get("resourceVersion", ""))
        known = self._pods.get(at)
        if known is None or known[0] != version:
            pod = mesh_pod(obj, {})
            if pod.is_ending:  # it goes; it may still be asked, so it counts until it is gone
                pod = replace(pod, ready=False)
            known = self._pods[at] = (version, pod)
        return known[1]

    def _sinks_of(self, namespace: str, services: list[Obj]) -> tuple[Sink, ...]:
        pods = self._cache.list("Pod", namespace)
        seen = tuple((one["metadata"]["name"], one["metadata"].get("resourceVersion")) for one in (*services, *pods))
        known = self._sinks.get(namespace)
        if known is None or known[0] != seen:
            known = self._sinks[namespace] = (seen, sinks(services, pods))
        return known[1]

    def _running(self, namespace: str) -> Iterator[str]:
        for obj in self._cache.list("Rollout", namespace):
            if (obj.get("status") or {}).get("phase") in _MIDRUN:
                yield obj["metadata"]["name"]


def _writer(obj: Obj) -> str:
    """The field manager that wrote the object last; "" when that was us, or nobody is known."""
    entries = [one for one in obj["metadata"].get("managedFields") or () if not one.get("subresource")]
    writers = [(one.get("time") or "", one.get("manager") != MANAGER, str(one.get("manager", ""))) for one in entries]
    manager = max(writers, default=("", False, ""))[2]
    return "" if manager == MANAGER else manager


def _tool(obj: Obj | None) -> str:
    """The GitOps tool that applies an object."""
    owner = owner_of(obj) if obj is not None else None
    return str(owner) if owner is not None else ""
