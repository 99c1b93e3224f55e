"""Does the network let proxies reach the control plane, and see what they must see?"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from ipaddress import ip_address, ip_network
from typing import Any

from rollout.migration.preflight.check import Check, labels, named
from rollout.migration.preflight.gathered import Gathered, Obj
from rollout.migration.preflight.installed import JOINING, joining, namespace
from rollout.migration.preflight.sidecars import environment, istiods
from rollout.migration.preflight.templates import Template, matches, matches_expressions, workloads
from rollout.model.mesh import Labels
from rollout.model.migration import Finding, MeshKind, Severity

_XDS = 15012  # istiod: configuration and certificates for proxies
_INJECT = 15017  # istiod: the webhook that the API server calls
_DNS = 53
# As the charts of Istio and CoreDNS name these ports; OpenShift's DNS listens on 5353.
_ALSO: Mapping[int, tuple[int | str, ...]] = {_XDS: ("tls-xds",), _INJECT: ("https-webhooks",), _DNS: ("dns", 5353)}
_CRITICAL = "system-node-critical"
_GKE = "cloud.google.com/gke-nodepool"

_policy = partial(Finding, check="NP-01", severity=Severity.BLOCK)
_cni = partial(Finding, check="CNI-01", severity=Severity.BLOCK)


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """The other side of a connection. addresses: of its pods; without any, nothing is concluded from blocks of them."""

    namespace: str
    namespace_labels: Labels
    labels: Labels
    addresses: tuple[str, ...] = ()


def cut_off(gathered: Gathered) -> Iterator[Finding]:
    """NP-01: NetworkPolicies that keep proxies from istiod or DNS."""
    istiod = _istiod(gathered)
    said: set[tuple[str, int]] = set()
    for template in joining(gathered):
        policies = _selecting(gathered, gathered.namespace, template, "Egress")
        rules = [rule for policy in policies for rule in ((policy.get("spec") or {}).get("egress") or ())]
        for port, what, is_met in (
            (_XDS, "istiod (TCP 15012)", istiod is None or _admits(rules, "to", istiod, _XDS, gathered.namespace)),
            (_DNS, "DNS (UDP 53)", any(_has_port(rule, _DNS, "UDP") for rule in rules)),
        ):
            if policies and not is_met and (named("NetworkPolicy", policies[0]), port) not in said:
                said.add((named("NetworkPolicy", policies[0]), port))
                yield _policy(
                    object=named("NetworkPolicy", policies[0]),
                    field="spec.egress",
                    why=f"the pods of {template.owner} may not call {what}: their proxies get no certificate and no "
                    "configuration, and never become ready",
                    fix=f"allow egress to {what}",
                )
    yield from _closed_control_plane(gathered)


def unfit_cni(gathered: Gathered) -> Iterator[Finding]:
    """CNI-01: settings of Cilium and of clouds' networks that a mesh cannot live with."""
    cilium = next(
        (one for one in gathered.of("ConfigMap", "kube-system") if one["metadata"]["name"] == "cilium-config"), None
    )
    for field, why, fix in _of_cilium(gathered, (cilium or {}).get("data") or {}) if cilium else ():
        yield _cni(object="ConfigMap kube-system/cilium-config", field=f"data[{field}]", why=why, fix=fix)
    if gathered.spec.mesh is MeshKind.ISTIO_AMBIENT:
        yield from _of_eks(gathered)
    yield from _of_gke(gathered)


def _closed_control_plane(gathered: Gathered) -> Iterator[Finding]:
    """NetworkPolicies of the root namespace that keep our proxies, or the API server, away from istiod."""
    ours = namespace(gathered)
    templates = joining(gathered)
    if ours is None:
        return
    for template in workloads(gathered, gathered.spec.root):
        if template.labels.get("app") != "istiod":
            continue
        policies = _selecting(gathered, gathered.spec.root, template, "Ingress")
        rules = [rule for policy in policies for rule in ((policy.get("spec") or {}).get("ingress") or ())]
        shut = [
            one.owner
            for one in templates
            if not _admits(rules, "from", _us(gathered, ours, one), _XDS, gathered.spec.root)
        ]
        if policies and shut:
            yield _policy(
                object=named("NetworkPolicy", policies[0]),
                field="spec.ingress",
                why=f"istiod may not be called on {_XDS} by {shut[0]}: its proxies get no certificate and never become ready",
                fix=f"allow ingress to istiod on TCP {_XDS} from namespace {gathered.namespace}",
            )
        if policies and not any(_has_port(rule, _INJECT, "TCP") for rule in rules):
            yield _policy(
                object=named("NetworkPolicy", policies[0]),
                field="spec.ingress",
                why=f"the API server may not call istiod on {_INJECT}: no proxy is injected, and no pod is created",
                fix=f"allow ingress to istiod on TCP {_INJECT} from the API server",
            )


def _istiod(gathered: Gathered) -> Peer | None:
    """The control plane; None when it is not in this cluster, where nothing can be said."""
    found = istiods(gathered)
    place = next(iter(gathered.cluster("Namespace", (gathered.spec.root,))), None)
    if not found or place is None:
        return None
    wanted = found[0]["spec"]["template"]["metadata"].get("labels") or {}
    addresses = _addresses(gathered, gathered.spec.root, wanted)
    return Peer(namespace=gathered.spec.root, namespace_labels=labels(place), labels=wanted, addresses=addresses)


def _us(gathered: Gathered, ours: Obj, template: Template) -> Peer:
    place = str(ours["metadata"]["name"])
    addresses = _addresses(gathered, place, template.labels)
    return Peer(namespace=place, namespace_labels=labels(ours), labels=template.labels, addresses=addresses)


def _addresses(gathered: Gathered, place: str, wanted: Labels) -> tuple[str, ...]:
    pods = [pod for pod in gathered.of("Pod", place) if matches(wanted, labels(pod))]
    return tuple(str(pod["status"]["podIP"]) for pod in pods if (pod.get("status") or {}).get("podIP"))


def _selecting(gathered: Gathered, place: str, template: Template, direction: str) -> list[Obj]:
    """Policies of a direction that select these pods, by name: what none of their rules allows is cut off."""
    return sorted(
        (
            policy
            for policy in gathered.of("NetworkPolicy", place)
            if matches_expressions((policy.get("spec") or {}).get("podSelector") or {}, template.labels)
            and direction in _types(policy.get("spec") or {})
        ),
        key=lambda one: str(one["metadata"]["name"]),
    )


def _types(spec: Mapping[str, Any]) -> Sequence[str]:
    return spec.get("policyTypes") or ("Ingress", *(("Egress",) if spec.get("egress") else ()))


def _admits(rules: Sequence[Mapping[str, Any]], side: str, peer: Peer, port: int, place: str) -> bool:
    """Whether a rule lets connections to the port pass. place: the policy's own namespace."""
    return any(
        _has_port(rule, port, "TCP")
        and (not rule.get(side) or any(_is_peer(one, peer, place) for one in rule.get(side) or ()))
        for rule in rules
    )


def _has_port(rule: Mapping[str, Any], wanted: int, protocol: str) -> bool:
    return not rule.get("ports") or any(
        one.get("protocol", "TCP") == protocol
        and (one.get("port") is None or _in_range(one["port"], one.get("endPort"), wanted))
        for one in rule["ports"]
    )


def _in_range(first: int | str, last: int | None, wanted: int) -> bool:
    return first in _ALSO.get(wanted, ()) or (isinstance(first, int) and first <= wanted <= (last or first))


def _is_peer(one: Mapping[str, Any], peer: Peer, place: str) -> bool:
    if "ipBlock" in one:
        block = one["ipBlock"]
        return not peer.addresses or any(
            ip_address(address) in ip_network(block["cidr"], strict=False)
            and not any(ip_address(address) in ip_network(hole, strict=False) for hole in block.get("except") or ())
            for address in peer.addresses
        )
    in_namespace = (
        matches_expressions(one["namespaceSelector"] or {}, peer.namespace_labels)
        if "namespaceSelector" in one
        else peer.namespace == place
    )
    return in_namespace and matches_expressions(one.get("podSelector") or {}, peer.labels)


def _of_cilium(gathered: Gathered, data: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    balances = data.get("kube-proxy-replacement", "") in ("true", "strict") or data.get("bpf-lb-sock") == "true"
    if balances and data.get("bpf-lb-sock-hostns-only") != "true":
        yield (
            "bpf-lb-sock-hostns-only",
            "Cilium rewrites Service addresses inside pods, before the proxy sees them: calls go out in plaintext",
            "set socketLB.hostNamespaceOnly: true and restart Cilium's agents",
        )
    has_istio_cni = any("istio-cni" in one["metadata"]["name"] for one in gathered.all("DaemonSet"))
    if data.get("cni-exclusive") == "true" and has_istio_cni:
        yield (
            "cni-exclusive",
            "Cilium takes other CNI plugins off the nodes, Istio's too: new pods are not led through their proxies",
            "set cni.exclusive: false",
        )
    if data.get("enable-bpf-masquerade") == "true" and gathered.spec.mesh is MeshKind.ISTIO_AMBIENT:
        yield (
            "enable-bpf-masquerade",
            "probes of ambient pods come from 169.254.7.127, which Cilium then drops: pods never become ready",
            "set bpf.masquerade: false",
        )


def _of_eks(gathered: Gathered) -> Iterator[Finding]:
    for agent in gathered.of("DaemonSet", "kube-system"):
        containers = agent["spec"]["template"]["spec"].get("containers") or ()
        if (
            agent["metadata"]["name"] == "aws-node"
            and environment(iter(containers), "ENABLE_POD_ENI") == "true"
            and environment(iter(containers), "POD_SECURITY_GROUP_ENFORCING_MODE") != "standard"
        ):
            yield _cni(
                object=named("DaemonSet", agent),
                field="spec.template.spec.containers[0].env[POD_SECURITY_GROUP_ENFORCING_MODE]",
                why="security groups of pods in strict mode drop the probes of ambient pods: they never become ready",
                fix="set POD_SECURITY_GROUP_ENFORCING_MODE: standard",
            )


def _of_gke(gathered: Gathered) -> Iterator[Finding]:
    """GKE admits pods of the class system-node-critical outside kube-system only where a quota names the class."""
    if not any(_GKE in labels(node) for node in gathered.all("Node")):
        return
    for agent in gathered.all("DaemonSet"):
        place = agent["metadata"]["namespace"]
        is_critical = agent["spec"]["template"]["spec"].get("priorityClassName") == _CRITICAL
        if "istio-cni" not in agent["metadata"]["name"] or not is_critical or place == "kube-system":
            continue
        if not any(_CRITICAL in _classes(quota) for quota in gathered.of("ResourceQuota", place)):
            yield _cni(
                object=named("DaemonSet", agent),
                field="spec.template.spec.priorityClassName",
                why=f"GKE makes no {_CRITICAL} pods in {place} without a quota for them: new nodes lead no pod through proxies",
                fix=f"make a ResourceQuota for the priority class {_CRITICAL} in {place}",
            )


def _classes(quota: Obj) -> list[str]:
    scopes = ((quota.get("spec") or {}).get("scopeSelector") or {}).get("matchExpressions") or ()
    return [value for one in scopes if one.get("scopeName") == "PriorityClass" for value in one.get("values") or ()]


NETWORKS = (
    Check(
        id="NP-01",
        title="proxies reach istiod and DNS",
        severity=Severity.BLOCK,
        reads=("NetworkPolicy", "Namespace", *JOINING),
        find=cut_off,
    ),
    Check(
        id="CNI-01",
        title="the network leads pods through their proxies",
        severity=Severity.BLOCK,
        reads=("ConfigMap", "DaemonSet", "Node", "ResourceQuota"),
        find=unfit_cni,
    ),
)
