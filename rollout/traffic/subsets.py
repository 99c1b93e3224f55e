"""How do subsets of a host come into the mesh, and who has defined them?

Istio merges the DestinationRules that one namespace has for one host: subsets are joined by name, of two with one name
the older rule's stays, and so does the older rule's traffic policy. That holds only between rules with the same
`exportTo` and the same workload selector (or none); others stand beside each other and a proxy takes one of them. So our
rule copies `exportTo`, has no selector and no traffic policy, and a subset that a user's rule already defines is left
to it. Rules of other namespaces are never merged: one for this host in the namespace of the caller hides ours.

A rule for just this host also hides every rule for a wildcard that matches it, with its traffic policy (mTLS, limits).
Where such a rule is in the same namespace ours is refused; one in the mesh's root namespace is not looked for.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from rollout.model.actions import Subset
from rollout.model.rollout import RouteRef
from rollout.traffic.dialects import DIALECTS
from rollout.traffic.entries import Obj, short_host
from rollout.traffic.weights import read

GROUP = "networking.istio.io"
KIND = "DestinationRule"
_ROUTE = "VirtualService"
MANAGED_BY = ("app.kubernetes.io/managed-by", "rollout-controller")


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnRule:
    """What our DestinationRule is to be. rule: None when it is to go. clash: why it cannot be, "" when it can."""

    rule: dict[str, Any] | None
    clash: str = ""


def rule_name(host: str) -> str:
    """The name of our DestinationRule for `host`, a Service of the same namespace."""
    return f"rollout-{host}"


def is_own(rule: Obj) -> bool:
    """Whether a DestinationRule is ours, by label and name."""
    metadata = rule.get("metadata", {})
    name, value = MANAGED_BY
    return (metadata.get("labels") or {}).get(name) == value and metadata.get("name", "").startswith(rule_name(""))


def host_of(rule: Obj) -> str:
    """The short name of the rule's host when it is a Service of the rule's namespace, else the full host."""
    return short_host(str(rule.get("spec", {}).get("host", "")), str(rule.get("metadata", {}).get("namespace", "")))


def own_rule(
    host: str, subsets: Iterable[Subset], others: Iterable[Obj], routes: Iterable[Obj], namespace: str
) -> OwnRule:
    """Our DestinationRule for `host` in `namespace`, holding those of `subsets` that no user's rule defines.

    What it holds already stays as long as a route sends traffic there, whoever remembers it: without it that is a 503.
    others: all DestinationRules of the namespace; routes: VirtualServices that name the host, also for their `exportTo`.
    """
    rules, routes = _by_age(others), tuple(routes)
    foreign = [rule for rule in rules if not is_own(rule)]
    users = [rule for rule in foreign if _merges(rule, host)]
    wanted: list[Subset] = []
    for subset in _with_those_in_use(host, subsets, rules, routes):
        defined = _labels(users, subset.name)
        if defined is None:
            wanted.append(subset)
        elif defined != dict(subset.labels):
            return OwnRule(rule=None, clash=_clash(users, host, subset, defined))
    if not wanted:
        return OwnRule(rule=None)
    hidden = [rule for rule in foreign if _is_hidden(rule, host, namespace)]
    if hidden and not users:
        return OwnRule(rule=None, clash=_hiding(hidden[0], host))
    spec: dict[str, Any] = {
        "host": host,
        "subsets": [{"name": subset.name, "labels": dict(subset.labels)} for subset in wanted],
    }
    export_to = _export_to(users, routes)
    if export_to:
        spec["exportTo"] = export_to
    name, value = MANAGED_BY
    metadata = {"name": rule_name(host), "namespace": namespace, "labels": {name: value}}
    return OwnRule(rule={"kind": KIND, "metadata": metadata, "spec": spec})


def _with_those_in_use(
    host: str, subsets: Iterable[Subset], rules: Iterable[Obj], routes: Iterable[Obj]
) -> Iterator[Subset]:
    """The subsets, then those of our rule that are not among them and that a route gives weight."""
    named = tuple(subsets)
    yield from named
    known = {subset.name for subset in named}
    own = [rule for rule in rules if is_own(rule) and _merges(rule, host)]
    for name in sorted(_in_use(host, routes) - known):
        labels = _labels(own, name)
        if labels is not None:
            yield Subset(name=name, labels=tuple(sorted(labels.items())))


def _in_use(host: str, routes: Iterable[Obj]) -> set[str]:
    readings = (read(route, RouteRef(kind=_ROUTE, name=""), DIALECTS[_ROUTE]) for route in routes)
    entries = (entry for reading in readings for pool in reading.pools for entry in pool.entries if entry.weight)
    return {entry.backend.subset for entry in entries if entry.backend.service == host and entry.backend.subset}


def is_defined(rules: Iterable[Obj], host: str, name: str, labels: Mapping[str, str]) -> bool:
    """Whether the namespace's DestinationRules, ours among them, define this subset of `host` with just these labels."""
    return subset_labels(rules, host, name) == dict(labels)


def subset_labels(rules: Iterable[Obj], host: str, name: str) -> dict[str, str] | None:
    """The pod labels of this subset of `host` in the namespace's DestinationRules; None when none defines it."""
    return _labels([rule for rule in _by_age(rules) if _merges(rule, host)], name)


def _merges(rule: Obj, host: str) -> bool:
    spec = rule.get("spec", {})
    return host_of(rule) == host and not spec.get("workloadSelector")


def _is_hidden(rule: Obj, host: str, namespace: str) -> bool:
    spec = rule.get("spec", {})
    pattern = str(spec.get("host", ""))
    full = f"{host}.{namespace}.svc.cluster.local"
    return pattern.startswith("*") and full.endswith(pattern[1:]) and bool(spec.get("trafficPolicy"))


def _hiding(rule: Obj, host: str) -> str:
    name, pattern = rule["metadata"]["name"], rule["spec"]["host"]
    return (
        f"DestinationRule {name} for {pattern} has a traffic policy that a rule for {host} would hide; "
        f"write a DestinationRule for {host} with that policy"
    )


def _by_age(rules: Iterable[Obj]) -> list[Obj]:
    """Oldest first, as Istio orders them: of two subsets with one name the oldest counts."""
    return sorted(rules, key=lambda rule: (rule["metadata"].get("creationTimestamp", ""), rule["metadata"]["name"]))


def _labels(rules: Iterable[Obj], name: str) -> dict[str, str] | None:
    for rule in rules:
        for subset in rule.get("spec", {}).get("subsets") or ():
            if subset.get("name") == name:
                return dict(subset.get("labels") or {})
    return None


def _export_to(users: list[Obj], routes: Iterable[Obj]) -> list[str]:
    """The oldest user's rule must be matched to merge with it; without one, what the routes are visible to.

    Routes that differ, or one without `exportTo`, make the rule visible everywhere, which is Istio's default.
    """
    if users:
        return list(users[0].get("spec", {}).get("exportTo") or ())
    seen = [tuple(sorted(route.get("spec", {}).get("exportTo") or ())) for route in routes]
    return list(seen[0]) if seen and len(set(seen)) == 1 else []


def _clash(users: list[Obj], host: str, subset: Subset, defined: Mapping[str, str]) -> str:
    by = next(
        rule["metadata"]["name"]
        for rule in users
        if any(one.get("name") == subset.name for one in rule.get("spec", {}).get("subsets") or ())
    )
    return (
        f"DestinationRule {by} defines subset {subset.name} of {host} with {_shown(defined)}, "
        f"the Rollout says {_shown(dict(subset.labels))}; make them agree"
    )


def _shown(labels: Mapping[str, str]) -> str:
    return ",".join(f"{name}={value}" for name, value in sorted(labels.items())) or "no labels"
