"""Is there room for a proxy in each pod, and what counts it in?"""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from functools import partial

from rollout.migration.preflight.check import Check, named
from rollout.migration.preflight.demand import GROUPS, RESOURCES, Amount, demand, people, pod_amount, proxy_amount
from rollout.migration.preflight.gathered import Gathered, Obj
from rollout.migration.preflight.installed import JOINING, joining
from rollout.migration.preflight.quantities import quantity
from rollout.migration.preflight.templates import Template
from rollout.model.migration import Finding, Severity

# Quotas with another scope are for pods that ours are not: ours run on, and ask for something.
_SCOPES = frozenset({"NotTerminating", "NotBestEffort"})
_EVICT = "cluster-autoscaler.kubernetes.io/safe-to-evict"
_LOCAL = "--skip-nodes-with-local-storage=false"

_quota = partial(Finding, check="RES-01", severity=Severity.BLOCK)
_range = partial(Finding, check="RES-02", severity=Severity.BLOCK)
_scaled = partial(Finding, check="RES-03", severity=Severity.WARN)
_nodes = partial(Finding, check="RES-04", severity=Severity.WARN)


def exhausted_quotas(gathered: Gathered) -> Iterator[Finding]:
    """RES-01: quotas that leave no room for the proxies and for the pods of a restart."""
    wanted = demand(gathered)
    for quota in gathered.here("ResourceQuota"):
        spec = quota.get("spec") or {}
        if spec.get("scopeSelector") or not set(spec.get("scopes") or ()) <= _SCOPES:
            continue
        status = quota.get("status") or {}
        hard = {**(spec.get("hard") or {}), **(status.get("hard") or {})}
        used = status.get("used") or {}
        for name, what, needed in _needs(wanted.amount, wanted.pods):
            left = quantity(hard[name]) - quantity(used.get(name, 0)) if name in hard else needed
            if needed > left:
                yield _quota(
                    object=named("ResourceQuota", quota),
                    field=f"spec.hard[{name}]",
                    why=f"proxies and a restart need {people(what, needed)} more, {people(what, max(left, Decimal(0)))} "
                    "are left: pods are rejected in mid-restart",
                    fix=f"raise {name} by {people(what, needed - max(left, Decimal(0)))}, or let proxies ask for less "
                    "(sidecar.istio.io/proxyCPU, proxyMemory and their limits)",
                )


def narrow_ranges(gathered: Gathered) -> Iterator[Finding]:
    """RES-02: LimitRanges that reject pods because of their proxy."""
    for limits in gathered.here("LimitRange"):
        for index, limit in enumerate((limits.get("spec") or {}).get("limits") or ()):
            found = sorted(
                (f"spec.limits[{index}].{field}", template.owner, why)
                for template in joining(gathered)
                for field, why in _rejects(limit, template, proxy_amount(gathered, template.annotations))
            )
            for field in sorted({one for one, _, _ in found}):
                owner, why = next((who, why) for one, who, why in found if one == field)
                yield _range(
                    object=named("LimitRange", limits),
                    field=field,
                    why=f"{why}: pods of {owner} are rejected with their proxy",
                    fix="widen it, or size the proxies with the annotations sidecar.istio.io/proxyCPU, proxyMemory, "
                    "proxyCPULimit and proxyMemoryLimit",
                )


def shifted_scalers(gathered: Gathered) -> Iterator[Finding]:
    """RES-03: autoscalers that measure whole pods, proxy and all."""
    for scaler in gathered.here("HorizontalPodAutoscaler"):
        spec = scaler.get("spec") or {}
        places = [
            f"spec.metrics[{index}].resource"
            for index, one in enumerate(spec.get("metrics") or ())
            if one.get("type") == "Resource" and (one.get("resource") or {}).get("name") in RESOURCES
        ]
        if "targetCPUUtilizationPercentage" in spec:
            places.append("spec.targetCPUUtilizationPercentage")
        for path in places or ([] if spec.get("metrics") else ["spec.metrics"]):
            yield _scaled(
                object=named("HorizontalPodAutoscaler", scaler),
                field=path,
                why="it measures pods with their proxies: the same load gives another number of pods",
                fix="use a metric of type ContainerResource that names the application's container",
            )


def full_nodes(gathered: Gathered) -> Iterator[Finding]:
    """RES-04: nodes without room for the proxies, and an autoscaler that no longer takes nodes away."""
    free = _free(gathered)
    for (group, what), needed in sorted(demand(gathered).amount.items()):
        if group == "requests" and gathered.all("Node") and needed > free[what]:
            yield _nodes(
                object="Nodes",
                field=f"status.allocatable.{what}",
                why=f"proxies and a restart need {people(what, needed)} more, {people(what, max(free[what], Decimal(0)))} are "
                "free on all nodes together: pods stay pending",
                fix="add nodes, or let proxies ask for less",
            )
    autoscaler = next(
        (one for one in gathered.all("Deployment") if "cluster-autoscaler" in one["metadata"]["name"]), None
    )
    if autoscaler is None:
        return
    for template in joining(gathered):
        if template.annotations.get(_EVICT) == "false":
            yield _nodes(
                object=template.owner,
                field=template.at("metadata", f"annotations.{_EVICT}"),
                why="its pods may not be moved: the larger pods stay where they are, and their nodes are never taken away",
                fix="take the annotation off for the time of the restart, or leave room for the larger pods",
            )
        elif _EVICT not in template.annotations and not _minds_local_storage(autoscaler):
            yield _nodes(
                object=template.owner,
                field=template.at("metadata", f"annotations.{_EVICT}"),
                why="the proxy brings an emptyDir: the autoscaler takes no node away on which such a pod runs",
                fix=f'annotate its pods {_EVICT}: "true", or give the autoscaler {_LOCAL}',
            )


def _needs(amount: Amount, pods: int) -> Iterator[tuple[str, str, Decimal]]:
    """(key of a quota, resource, what is needed); "cpu" and "memory" are other words for the requests."""
    for group in GROUPS:
        for what in RESOURCES:
            needed = amount.get((group, what), Decimal(0))
            yield f"{group}.{what}", what, needed
            if group == "requests":
                yield what, what, needed
    yield "pods", "pods", Decimal(pods)


def _rejects(limit: Obj, template: Template, proxy: Amount) -> Iterator[tuple[str, str]]:
    """(field, why) of each bound that the proxy's container breaks, or the pod with it."""
    if limit.get("type") not in ("Container", "Pod"):
        return
    own: Mapping[tuple[str, str], Decimal] = pod_amount(template.spec) if limit["type"] == "Pod" else {}
    who = "its proxy" if limit["type"] == "Container" else "the pod"
    for what in RESOURCES:
        least = _sum(own, proxy, ("requests", what))
        most = _sum(own, proxy, ("limits", what))
        bounds = {name: (limit.get(name) or {}).get(what) for name in ("max", "min", "maxLimitRequestRatio")}
        if bounds["max"] is not None and max(least, most) > quantity(bounds["max"]):
            yield f"max.{what}", f"{who} would have {people(what, max(least, most))}, above the max {bounds['max']}"
        if bounds["min"] is not None and 0 < least < quantity(bounds["min"]):
            yield f"min.{what}", f"{who} would ask for {people(what, least)}, below the min {bounds['min']}"
        if (
            bounds["maxLimitRequestRatio"] is not None
            and least
            and most / least > quantity(bounds["maxLimitRequestRatio"])
        ):
            ratio = bounds["maxLimitRequestRatio"]
            yield (
                f"maxLimitRequestRatio.{what}",
                f"{who}'s limit is {float(most / least):g} times its request, above {ratio}",
            )


def _sum(own: Mapping[tuple[str, str], Decimal], proxy: Amount, key: tuple[str, str]) -> Decimal:
    return own.get(key, Decimal(0)) + proxy.get(key, Decimal(0))


def _free(gathered: Gathered) -> dict[str, Decimal]:
    """What is left on nodes that take pods, as if pods could be cut to fit."""
    nodes = [one for one in gathered.all("Node") if not (one.get("spec") or {}).get("unschedulable")]
    names = {one["metadata"]["name"] for one in nodes}
    free = {
        what: sum(
            (quantity(((one.get("status") or {}).get("allocatable") or {}).get(what, 0)) for one in nodes), Decimal(0)
        )
        for what in RESOURCES
    }
    for pod in gathered.all("Pod"):
        is_over = (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed")
        if pod["spec"].get("nodeName") in names and not is_over:
            taken = pod_amount(pod["spec"])
            free = {what: amount - taken.get(("requests", what), Decimal(0)) for what, amount in free.items()}
    return free


def _minds_local_storage(autoscaler: Obj) -> bool:
    containers = autoscaler["spec"]["template"]["spec"].get("containers") or ()
    return any(_LOCAL in map(str, (*(one.get("command") or ()), *(one.get("args") or ()))) for one in containers)


ROOM = (
    Check(
        id="RES-01",
        title="quotas have room for proxies",
        severity=Severity.BLOCK,
        reads=("ResourceQuota", *JOINING),
        find=exhausted_quotas,
    ),
    Check(
        id="RES-02",
        title="limit ranges admit proxies",
        severity=Severity.BLOCK,
        reads=("LimitRange", *JOINING),
        find=narrow_ranges,
    ),
    Check(
        id="RES-03",
        title="autoscalers measure applications",
        severity=Severity.WARN,
        reads=("HorizontalPodAutoscaler",),
        find=shifted_scalers,
    ),
    Check(
        id="RES-04",
        title="nodes have room for proxies",
        severity=Severity.WARN,
        reads=("Node", *JOINING),
        find=full_nodes,
    ),
)
