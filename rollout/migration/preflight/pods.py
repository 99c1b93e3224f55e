"""Will the pods be made anew, be reached with mTLS, and bind where the proxy looks for them?"""

from collections.abc import Iterator

from rollout.migration.preflight.check import Check, named
from rollout.migration.preflight.gathered import Gathered
from rollout.migration.preflight.installed import JOINING, joining, setting
from rollout.migration.preflight.protocols import is_external
from rollout.migration.preflight.templates import WORKLOADS, Template, workloads
from rollout.model.migration import Finding, Severity
from rollout.model.telemetry import Asked, Series


def headless(gathered: Gathered) -> Iterator[Finding]:
    """Services without an address of their own."""
    for service in gathered.here("Service"):
        if (service.get("spec") or {}).get("clusterIP") == "None" and not is_external(service):
            yield Finding(
                check="SVC-HEADLESS",
                severity=Severity.WARN,
                object=named("Service", service),
                field="spec.clusterIP",
                why="headless: until every pod behind it has a proxy, clients in the mesh send plaintext to all of them",
                fix="restart all of its pods in one go, without a partition, before anything is observed",
            )


def not_restarted(gathered: Gathered) -> Iterator[Finding]:
    """Workloads that a new template does not restart, or that are down while it does."""
    for one in joining(gathered):
        if found := _restart(one):
            field, why, fix = found
            yield Finding(check="STS-01", severity=Severity.WARN, object=one.owner, field=field, why=why, fix=fix)


def _restart(one: Template) -> tuple[str, str, str] | None:
    """Field, why and fix; None for what restarts without harm."""
    if one.kind == "Pod":
        owner = next((str(each["kind"]) for each in one.obj["metadata"].get("ownerReferences") or ()), "nobody")
        return (
            "metadata.ownerReferences",
            f"a pod of {owner}: nothing here makes it anew with a proxy",
            "make it anew by hand",
        )
    if one.kind == "ReplicaSet":
        return (
            "metadata.ownerReferences",
            "a ReplicaSet of its own restarts nothing",
            "delete its pods by hand, one by one",
        )
    spec = one.obj["spec"]
    if setting(spec, "updateStrategy", "type") == "OnDelete":
        return (
            "spec.updateStrategy.type",
            "with OnDelete its pods stay without a proxy",
            "delete its pods by hand, one by one",
        )
    if setting(spec, "updateStrategy", "rollingUpdate", "partition"):
        path = "spec.updateStrategy.rollingUpdate.partition"
        return path, "pods below the partition stay without a proxy", "set the partition to 0 for the restart"
    if spec.get("paused") is True:
        return "spec.paused", "paused: its pods stay without a proxy", "resume it"
    if setting(spec, "strategy", "type") == "Recreate":
        return (
            "spec.strategy.type",
            "with Recreate all its pods are down at once during the restart",
            "use RollingUpdate",
        )
    return None


def by_address(gathered: Gathered) -> Iterator[Finding]:
    """Workloads in the mesh that call addresses which are no Service."""
    for series in gathered.told[Asked.PASSTHROUGH].series or ():
        space, name = series.label("source_workload_namespace"), series.label("source_workload")
        yield Finding(
            check="PODIP-01",
            severity=Severity.WARN,
            object=f"Workload {space}/{name}",
            why=f"it calls addresses that are no Service: if pods of {gathered.namespace} are among them, in plaintext, "
            "and STRICT refuses it",
            fix="let it call the Service; acknowledge this when all these addresses are outside of the cluster",
            caller=space,
        )


def only_local(gathered: Gathered) -> Iterator[Finding]:
    """Workloads whose proxies did not reach them: mostly those that listen on localhost only."""
    known = {str(one.obj["metadata"]["name"]): one for one in workloads(gathered)}
    for series in gathered.told[Asked.PLAINTEXT_IN_WINDOW].series or ():
        name = series.label("destination_workload")
        if _is_unreached(series):
            one = known.get(name)
            yield Finding(
                check="LOCALHOST-01",
                severity=Severity.INFO,
                object=one.owner if one else f"Workload {gathered.namespace}/{name}",
                field=one.at("spec", "containers") if one else "",
                why="its own proxy could not connect to it (UF): it was not up, or listens on localhost only",
                fix="let it listen on 0.0.0.0 (or on the pod's address)",
            )


def _is_unreached(series: Series) -> bool:
    return "UF" in series.label("response_flags").replace("|", ",").split(",")


PODS = (
    Check(
        id="SVC-HEADLESS",
        title="no Service is headless",
        severity=Severity.WARN,
        reads=("Service",),
        find=headless,
    ),
    Check(
        id="STS-01",
        title="all workloads restart by themselves and stay up",
        severity=Severity.WARN,
        reads=JOINING,
        find=not_restarted,
    ),
    Check(
        id="PODIP-01",
        title="callers use Services, not addresses of pods",
        severity=Severity.WARN,
        reads=(),
        asks=(Asked.PASSTHROUGH,),
        find=by_address,
    ),
    Check(
        id="LOCALHOST-01",
        title="applications listen where their proxy calls them",
        severity=Severity.INFO,
        reads=WORKLOADS,
        asks=(Asked.PLAINTEXT_IN_WINDOW,),
        find=only_local,
    ),
)
