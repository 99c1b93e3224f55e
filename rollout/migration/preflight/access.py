"""Whom do policies already shut out, what do clients not know of, and what passes by the proxy?"""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from rollout.migration.preflight.callers import callers
from rollout.migration.preflight.check import Check, annotations, labels, named
from rollout.migration.preflight.gathered import Gathered, Obj
from rollout.migration.preflight.installed import (
    INJECTOR,
    JOINING,
    MESH,
    joining,
    mesh_config,
    namespace,
    setting,
    settings_name,
)
from rollout.migration.preflight.sidecars import proxy_config, proxy_value
from rollout.migration.preflight.templates import matches_expressions
from rollout.model.migration import Finding, Severity
from rollout.model.telemetry import Asked

# What only a caller with a certificate of the mesh has (istio/api security/v1 Source, and keys of conditions).
_IDENTITY = ("principals", "namespaces", "serviceAccounts", "trustDomains")
_KEYS = ("source.principal", "source.namespace", "source.serviceAccount", "source.trustDomain")
# Annotations that let traffic pass by the proxy; "*" and "" of the includes mean all and are no hole.
_BYPASSES = (
    "traffic.sidecar.istio.io/excludeInboundPorts",
    "traffic.sidecar.istio.io/excludeOutboundPorts",
    "traffic.sidecar.istio.io/excludeOutboundIPRanges",
    "traffic.sidecar.istio.io/excludeInterfaces",
    "traffic.sidecar.istio.io/includeInboundPorts",
    "traffic.sidecar.istio.io/includeOutboundIPRanges",
)
_MODE = "sidecar.istio.io/interceptionMode"
_INSTALLED = (
    "excludeInboundPorts",
    "excludeOutboundPorts",
    "excludeIPRanges",
    "includeInboundPorts",
    "includeIPRanges",
)

_authz = partial(Finding, check="AUTHZ-01", severity=Severity.WARN)
_sidecar = partial(Finding, check="SIDECAR-01", severity=Severity.WARN)
_hole = partial(Finding, check="EXCL-01", severity=Severity.WARN)


def identity_policies(gathered: Gathered) -> Iterator[Finding]:
    """AUTHZ-01: AuthorizationPolicies in force that ask for an identity which callers without mTLS do not have."""
    for policy in (*gathered.of("AuthorizationPolicy", gathered.spec.root), *gathered.here("AuthorizationPolicy")):
        spec = policy.get("spec") or {}
        if annotations(policy).get("istio.io/dry-run") == "true" or not _is_for_sidecars(gathered, spec):
            continue
        action = spec.get("action", "ALLOW")
        fix = "take it off, or annotate it istio.io/dry-run, until the namespace is STRICT"
        if action == "ALLOW" and not spec.get("rules"):
            yield _authz(
                object=named("AuthorizationPolicy", policy),
                field="spec.rules",
                why="it allows nobody: every call is denied as soon as the pods have proxies",
                fix=fix,
            )
        for path, is_negated in _identities(spec):
            yield _authz(
                object=named("AuthorizationPolicy", policy), field=path, why=_for_plaintext(action, is_negated), fix=fix
            )


def unknown_callees(gathered: Gathered) -> Iterator[Finding]:
    """SIDECAR-01: clients whose configuration leaves the namespace's Services out."""
    known = callers(gathered)
    for sidecar in gathered.all("Sidecar"):
        client = sidecar["metadata"]["namespace"]
        if client not in (*known, gathered.namespace, gathered.spec.root):
            continue
        for path, hosts in _egress(sidecar, ours=client == gathered.namespace):
            missing = [name for name in _services(gathered) if not any(_admits(gathered, one, name) for one in hosts)]
            if missing and hosts:
                yield _sidecar(
                    object=named("Sidecar", sidecar),
                    field=path,
                    why=f"its clients do not know {missing[0]}: they pass calls to it on in plaintext, refused under STRICT",
                    fix=f'add "{gathered.namespace}/*" to the hosts',
                )
        if ((sidecar.get("spec") or {}).get("outboundTrafficPolicy") or {}).get("mode") == "REGISTRY_ONLY":
            yield _sidecar(
                object=named("Sidecar", sidecar),
                field="spec.outboundTrafficPolicy.mode",
                why="calls to hosts that the mesh does not know fail as soon as the callers have proxies",
                fix="add ServiceEntries for the hosts that are called, or ALLOW_ANY",
            )
    yield from _of_the_mesh(gathered)


def bypasses(gathered: Gathered) -> Iterator[Finding]:
    """EXCL-01: ports and addresses that pass by the proxy: neither counted nor protected."""
    fix = "take it off, or say why it must stay and acknowledge this"
    for template in joining(gathered):
        for name in (*_BYPASSES, _MODE):
            value = template.annotations.get(name)
            if value is not None and _opens(name, value):
                yield _hole(
                    object=template.owner,
                    field=template.at("metadata", f"annotations.{name}"),
                    why=f"{_passing(name, value)} by the proxy: never seen, never encrypted, never refused",
                    fix=fix,
                )
        own = proxy_config(gathered, template.annotations).get("interceptionMode")
        if own == "NONE" and "interceptionMode" in template.annotations.get("proxy.istio.io/config", ""):
            yield _hole(
                object=template.owner,
                field=template.at("metadata", "annotations.proxy.istio.io/config"),
                why="with interceptionMode NONE nothing is led through the proxy by itself",
                fix=fix,
            )
    if proxy_config(gathered, {}).get("interceptionMode") == "NONE":
        yield _hole(
            object=settings_name(gathered, MESH),
            field="data.mesh: defaultConfig.interceptionMode",
            why="with NONE no pod's traffic is led through its proxy by itself",
            fix=fix,
        )
    for name in _INSTALLED:
        value = proxy_value(gathered, name)
        if value and _opens(name, value):
            yield _hole(
                object=settings_name(gathered, INJECTOR),
                field=f"data.values: global.proxy.{name}",
                why=f"{_passing(name, value)} by every proxy: never seen, never encrypted, never refused",
                fix=fix,
            )


def _is_for_sidecars(gathered: Gathered, spec: Mapping[str, Any]) -> bool:
    """Whether a policy is for pods of the namespace: not for gateways or waypoints, nor for pods that it does not make."""
    if spec.get("targetRef") or spec.get("targetRefs"):
        return False
    selector = spec.get("selector") or {}
    return not selector or any(matches_expressions(selector, one.labels) for one in joining(gathered))


def _identities(spec: Mapping[str, Any]) -> Iterator[tuple[str, bool]]:
    """(path, whether it is a "not") of each place where a policy asks who calls."""
    for number, rule in enumerate(spec.get("rules") or ()):
        for index, one in enumerate(rule.get("from") or ()):
            source = one.get("source") or {}
            for name in _IDENTITY:
                negated = f"not{name[0].upper()}{name[1:]}"
                for field, is_negated in ((name, False), (negated, True)):
                    if source.get(field):
                        yield f"spec.rules[{number}].from[{index}].source.{field}", is_negated
        for index, condition in enumerate(rule.get("when") or ()):
            if condition.get("key") in _KEYS:
                yield f"spec.rules[{number}].when[{index}]", bool(condition.get("notValues"))


def _for_plaintext(action: str, is_negated: bool) -> str:
    """What the rule does to a caller without mTLS, who has no identity."""
    if action == "DENY" and is_negated:
        return "callers without mTLS have no identity: it denies all of them, scrapes and probes of ports too"
    if action == "ALLOW" and not is_negated:
        return "callers without mTLS have no identity: they are denied before the namespace is STRICT"
    return "callers without mTLS have no identity: the rule says nothing about them, they pass it by"


def _egress(sidecar: Obj, *, ours: bool) -> Iterator[tuple[str, list[str]]]:
    """The hosts that a Sidecar's clients know, as one list; for our own namespace "./*" and its name are the same."""
    place = sidecar["metadata"]["namespace"]
    entries = (sidecar.get("spec") or {}).get("egress") or ()
    hosts = [str(host) for entry in entries for host in entry.get("hosts") or ()]
    if entries:
        yield "spec.egress", [f"{place}{host[1:]}" if ours and host.startswith("./") else host for host in hosts]


def _services(gathered: Gathered) -> list[str]:
    return sorted(
        f"{one['metadata']['name']}.{gathered.namespace}.svc.cluster.local" for one in gathered.here("Service")
    )


def _admits(gathered: Gathered, host: str, service: str) -> bool:
    place, _, name = host.rpartition("/")
    if place not in (gathered.namespace, "*", ""):
        return False
    return service.endswith(name[1:]) if name.startswith("*") else service == name


def _of_the_mesh(gathered: Gathered) -> Iterator[Finding]:
    config = mesh_config(gathered)
    if setting(config, "outboundTrafficPolicy", "mode") == "REGISTRY_ONLY":
        yield _sidecar(
            object=settings_name(gathered, MESH),
            field="data.mesh: outboundTrafficPolicy.mode",
            why="calls to hosts that the mesh does not know fail as soon as the namespace's pods have proxies",
            fix="add ServiceEntries for the hosts that the namespace calls, or ALLOW_ANY",
        )
    selectors = setting(config, "discoverySelectors")
    found = namespace(gathered)
    if not isinstance(selectors, list) or not selectors or found is None:
        return
    if not any(matches_expressions(one, labels(found)) for one in selectors):
        yield _sidecar(
            object=named("Namespace", found),
            field="metadata.labels",
            why="no discoverySelector of the mesh takes it in: clients do not know its Services and call in plaintext",
            fix="give it a label that a discoverySelector asks for",
        )


def _opens(name: str, value: str) -> bool:
    """Whether such a setting lets anything pass by: an include does unless it is all, even an empty one."""
    if name == _MODE:
        return value == "NONE"
    return value != "*" if _is_include(name) else bool(value)


def _passing(name: str, value: str) -> str:
    if name == _MODE:
        return "all traffic passes"
    return f"all but {value or 'nothing'} passes" if _is_include(name) else f"{value} passes"


def _is_include(name: str) -> bool:
    return name.rpartition("/")[2].startswith("include")


ACCESS = (
    Check(
        id="AUTHZ-01",
        title="policies do not shut out callers without mTLS yet",
        severity=Severity.WARN,
        reads=("AuthorizationPolicy", *JOINING),
        find=identity_policies,
    ),
    Check(
        id="SIDECAR-01",
        title="clients know the namespace's Services",
        severity=Severity.WARN,
        reads=("Sidecar", "Service", "Namespace", *JOINING),
        asks=(Asked.EDGES,),
        find=unknown_callees,
    ),
    Check(
        id="EXCL-01",
        title="nothing passes by the proxies",
        severity=Severity.WARN,
        reads=JOINING,
        find=bypasses,
    ),
)
