"""How much more do a namespace's pods ask for, once each has a proxy?"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal
from typing import Any

from rollout.migration.preflight.check import labels
from rollout.migration.preflight.gathered import Gathered, Obj
from rollout.migration.preflight.installed import injector_values, joining, setting
from rollout.migration.preflight.quantities import quantity
from rollout.migration.preflight.sidecars import proxy_of
from rollout.migration.preflight.templates import Template, matches
from rollout.model.mesh import Labels

GROUPS = ("requests", "limits")
RESOURCES = ("cpu", "memory")
Amount = Mapping[tuple[str, str], Decimal]  # by ("requests", "cpu")
_ONE_HUNDRED = 100
# Istio's chart: global.proxy.resources.
_CHART = {"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"cpu": "2000m", "memory": "1Gi"}}
# The injection template: with one of these annotations the chart's values count no more at all.
_SIZES = {
    ("requests", "cpu"): "sidecar.istio.io/proxyCPU",
    ("requests", "memory"): "sidecar.istio.io/proxyMemory",
    ("limits", "cpu"): "sidecar.istio.io/proxyCPULimit",
    ("limits", "memory"): "sidecar.istio.io/proxyMemoryLimit",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """What is asked for in addition, at the worst moment of the restarts. pods: those of a surge."""

    amount: Amount
    pods: int


def demand(gathered: Gathered) -> Demand:
    """A proxy for each pod that has none, and the largest surge, as one workload restarts at a time."""
    templates = joining(gathered)
    proxies = _total(_times(proxy_amount(gathered, one.annotations), _unmeshed(gathered, one)) for one in templates)
    surges = [
        (surge(one), _total((pod_amount(one.spec), proxy_amount(gathered, one.annotations)))) for one in templates
    ]
    worst = {
        (group, what): max(
            (count * amount.get((group, what), Decimal(0)) for count, amount in surges), default=Decimal(0)
        )
        for group in GROUPS
        for what in RESOURCES
    }
    return Demand(amount=_total((proxies, worst)), pods=max((count for count, _ in surges), default=0))


def pod_amount(spec: Mapping[str, object]) -> Amount:
    """What the containers of a pod ask for together; an init container that needs more than all of them counts instead."""
    init, usual = _containers(spec, "initContainers"), _containers(spec, "containers")
    staying = [one for one in init if one.get("restartPolicy") == "Always"]
    running = _total(amount_of(one) for one in (*usual, *staying))
    starting = [amount_of(one) for one in init if one not in staying]
    keys = {key for amount in (running, *starting) for key in amount}
    return {key: max(amount.get(key, Decimal(0)) for amount in (running, *starting)) for key in keys}


def amount_of(container: Obj) -> Amount:
    """What a container asks for; a request that is not said is its limit."""
    return _amounts(container.get("resources") or {})


def proxy_amount(gathered: Gathered, pod_annotations: Labels) -> Amount:
    """What the proxy of such a pod asks for: by its annotations, else by the installation, else by Istio's chart.

    What people wrote there and is no quantity makes the chart's count: the dry run of a pod shows it.
    """
    said: dict[str, dict[str, str]] = {group: {} for group in GROUPS}
    for (group, what), name in _SIZES.items():
        if name in pod_annotations:
            said[group][what] = pod_annotations[name]
    installed = setting(injector_values(gathered), "global", "proxy", "resources")
    usual = installed if isinstance(installed, Mapping) else _CHART
    try:
        return _amounts(said if any(said.values()) else usual)
    except ValueError:
        return _amounts(_CHART)


def _amounts(resources: Mapping[str, Any]) -> Amount:
    found = {
        (group, what): quantity((resources.get(group) or {})[what])
        for group in GROUPS
        for what in RESOURCES
        if what in (resources.get(group) or {})
    }
    limits = {("requests", what): amount for (group, what), amount in found.items() if group == "limits"}
    return {**limits, **found}


def replicas(template: Template) -> int:
    """How many pods the owner makes. A CronJob makes as many as one Job of it."""
    spec = template.obj.get("spec") or {}
    if template.kind == "DaemonSet":
        return int((template.obj.get("status") or {}).get("desiredNumberScheduled", 1))
    if template.kind == "Pod":
        return 1
    if template.kind == "CronJob":
        spec = (spec.get("jobTemplate") or {}).get("spec") or {}
    number = spec.get("parallelism" if template.kind in ("Job", "CronJob") else "replicas")
    return 1 if number is None else int(number)


def surge(template: Template) -> int:
    """How many pods more than wanted there are while the owner restarts them."""
    spec = template.obj.get("spec") or {}
    if template.kind not in ("Deployment", "DaemonSet"):
        return 0
    strategy = spec.get("strategy" if template.kind == "Deployment" else "updateStrategy") or {}
    if strategy.get("type", "RollingUpdate") != "RollingUpdate":
        return 0
    default = "25%" if template.kind == "Deployment" else 0
    return part((strategy.get("rollingUpdate") or {}).get("maxSurge", default), replicas(template))


def part(value: int | str, whole: int) -> int:
    """A number of pods, or a percentage of them, rounded up: "25%" of 2 is 1."""
    if isinstance(value, str) and value.endswith("%"):
        share = Decimal(whole) * Decimal(value[:-1]) / _ONE_HUNDRED
        return int(share.to_integral_value(rounding=ROUND_CEILING))
    return int(value)


def people(what: str, amount: Decimal) -> str:
    """An amount for people: "1.25 cores", "640 Mi"."""
    if what == "cpu":
        return f"{float(amount):g} cores"
    if what != "memory":
        return f"{int(amount)} {what}"
    return f"{int((amount / 2**20).to_integral_value(rounding=ROUND_CEILING))} Mi"


def _unmeshed(gathered: Gathered, template: Template) -> int:
    """How many of its pods have no proxy yet; those that have one are in use already."""
    meshed = [
        pod
        for pod in gathered.here("Pod")
        if template.labels and matches(template.labels, labels(pod)) and proxy_of(pod) is not None
    ]
    return max(0, replicas(template) - len(meshed))


def _containers(spec: Mapping[str, object], group: str) -> list[Obj]:
    found = spec.get(group)
    return list(found) if isinstance(found, list | tuple) else []


def _times(amount: Amount, count: int) -> Amount:
    return {key: one * count for key, one in amount.items()}


def _total(amounts: Iterable[Amount]) -> dict[tuple[str, str], Decimal]:
    found: dict[tuple[str, str], Decimal] = {}
    for amount in amounts:
        for key, one in amount.items():
            found[key] = found.get(key, Decimal(0)) + one
    return found
