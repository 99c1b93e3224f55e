"""Is there more of the mesh than this cluster, or another mesh that ends?"""

from collections.abc import Iterator
from functools import partial

from rollout.migration.preflight.check import Check, labels, named
from rollout.migration.preflight.gathered import Gathered, Obj
from rollout.migration.preflight.installed import INJECTOR, MESH, injector_values, mesh_config, setting, settings_name
from rollout.migration.preflight.sidecars import environment, istiods
from rollout.model.migration import Finding, MeshKind, Severity

_NETWORK = "topology.istio.io/network"
_GATEWAY = "eastwestgateway"
_CLUSTER = "Kubernetes"  # the cluster's name in Istio where none is given
_APP_MESH = ".appmesh.k8s.aws"
_APP_MESH_LABEL = "appmesh.k8s.aws/sidecarInjectorWebhook"
_APP_MESH_ENDS = "2026-09-30"

_many = partial(Finding, check="MC-01", severity=Severity.WARN)
_ends = partial(Finding, check="APPMESH-01", severity=Severity.INFO)


def callers_elsewhere(gathered: Gathered) -> Iterator[Finding]:
    """MC-01: signs that callers may be in other clusters or on virtual machines, where nothing is read."""
    why = "the mesh reaches into other clusters: their callers are neither seen nor counted here"
    fix = "let the metrics server see all clusters, and count their namespaces among the callers"
    for path in _marks(gathered):
        yield _many(object=settings_name(gathered, INJECTOR), field=f"data.values: global.{path}", why=why, fix=fix)
    remote = setting(injector_values(gathered), "global", "remotePilotAddress")
    if remote:
        is_ambient = gathered.spec.mesh is MeshKind.ISTIO_AMBIENT
        yield _many(
            severity=Severity.BLOCK if is_ambient else Severity.WARN,
            object=settings_name(gathered, INJECTOR),
            field="data.values: global.remotePilotAddress",
            why=f"the control plane is in another cluster ({remote})"
            + (": ambient cannot do that" if is_ambient else ""),
            fix=fix if not is_ambient else "install a control plane in this cluster",
        )
    for istiod in istiods(gathered):
        name = environment(iter(istiod["spec"]["template"]["spec"].get("containers") or ()), "CLUSTER_ID")
        if name not in ("", _CLUSTER):
            field = "spec.template.spec.containers[0].env[CLUSTER_ID]"
            yield _many(
                object=named("Deployment", istiod),
                field=field,
                why=f"it is one cluster of many ({name}): {why}",
                fix=fix,
            )
    if setting(mesh_config(gathered), "defaultConfig", "meshId"):
        yield _many(object=settings_name(gathered, MESH), field="data.mesh: defaultConfig.meshId", why=why, fix=fix)
    for kind, obj in _gateways(gathered):
        yield _many(object=named(kind, obj), field="metadata.labels", why=why, fix=fix)
    yield from _machines(gathered)


def ending_meshes(gathered: Gathered) -> Iterator[Finding]:
    """APPMESH-01: AWS App Mesh is installed, or takes the namespace in."""
    found = [
        (named("CustomResourceDefinition", one), "metadata.name")
        for one in gathered.all("CustomResourceDefinition")
        if one["metadata"]["name"].endswith(_APP_MESH)
    ][:1]
    found += [
        (named("Namespace", one), f"metadata.labels.{_APP_MESH_LABEL}")
        for one in gathered.cluster("Namespace", (gathered.namespace,))
        if labels(one).get(_APP_MESH_LABEL) == "enabled"
    ]
    for name, path in found:
        yield _ends(
            object=name,
            field=path,
            why=f"AWS ends App Mesh on {_APP_MESH_ENDS}",
            fix="plan its end: take the namespace out of it before it joins this mesh",
        )


def _marks(gathered: Gathered) -> Iterator[str]:
    """Values below global that only an installation in several clusters has."""
    values = injector_values(gathered)
    if setting(values, "global", "meshNetworks"):
        yield "meshNetworks"
    if setting(values, "global", "multiCluster", "enabled") is True:
        yield "multiCluster.enabled"
    if setting(values, "global", "multiCluster", "clusterName") not in (None, "", _CLUSTER):
        yield "multiCluster.clusterName"


def _gateways(gathered: Gathered) -> Iterator[tuple[str, Obj]]:
    """Gateways between networks, and namespaces that say which network they are of."""
    for service in gathered.all("Service"):
        if _GATEWAY in (labels(service).get("istio"), service["metadata"]["name"].removeprefix("istio-")):
            yield "Service", service
    for one in gathered.cluster("Namespace", (gathered.spec.root,)):
        if _NETWORK in labels(one):
            yield "Namespace", one


def _machines(gathered: Gathered) -> Iterator[Finding]:
    """ServiceEntries of the namespace that take machines in: WorkloadEntries themselves are not read."""
    for entry in gathered.here("ServiceEntry"):
        spec = entry.get("spec") or {}
        for field in ("workloadSelector", "endpoints"):
            if spec.get(field) and spec.get("location") == "MESH_INTERNAL":
                yield _many(
                    object=named("ServiceEntry", entry),
                    field=f"spec.{field}",
                    why="machines outside the cluster are part of a service here: they are neither restarted nor counted",
                    fix="see that they have proxies, or make exceptions for what they call",
                )


ESTATE = (
    Check(
        id="MC-01",
        title="all callers are in this cluster",
        severity=Severity.WARN,
        reads=("ConfigMap", "MutatingWebhookConfiguration", "Deployment", "Service", "Namespace", "ServiceEntry"),
        find=callers_elsewhere,
    ),
    Check(
        id="APPMESH-01",
        title="App Mesh is not in use",
        severity=Severity.INFO,
        reads=("CustomResourceDefinition", "Namespace"),
        find=ending_meshes,
    ),
)
