"""Who encrypts calls to the namespace in another way than the mesh would?"""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from rollout.migration.preflight.check import Check, named
from rollout.migration.preflight.gathered import Gathered, Obj
from rollout.migration.preflight.templates import WORKLOADS, Template, workloads
from rollout.model.migration import Finding, Severity

_OVERRIDES = frozenset({"DISABLE", "SIMPLE", "MUTUAL"})  # modes that switch auto mTLS off for the host
_TLS_PROTOCOLS = frozenset({"https", "tls"})
_TLS_PORTS = frozenset({443, 8443})
_CERTIFICATE_DRIVER = "csi.cert-manager.io"

_app = partial(Finding, check="APPTLS-01", severity=Severity.WARN)
_rule = partial(Finding, check="DR-01", severity=Severity.BLOCK)
_shadow = partial(Finding, check="DR-02", severity=Severity.WARN)


def tls_of_applications(gathered: Gathered) -> Iterator[Finding]:
    """APPTLS-01: ports that speak TLS themselves, and certificates that applications bring."""
    fix = (
        "let the application speak plaintext to its proxy; or keep the port as tls, and make an exception for it where "
        "callers outside the mesh use it"
    )
    for service in _services(gathered):
        for index, port in enumerate((service.get("spec") or {}).get("ports") or ()):
            protocol = str(port.get("appProtocol") or port.get("name", "").partition("-")[0]).lower()
            if protocol in _TLS_PROTOCOLS:
                yield _app(
                    object=named("Service", service),
                    field=f"spec.ports[{index}]",
                    why=f"port {port['port']} speaks TLS itself: it is encrypted twice, its requests are not counted, and "
                    "callers outside the mesh are cut off under STRICT though they use TLS",
                    fix=fix,
                )
    for template in workloads(gathered):
        for path, what in (*_tls_ports(template), *_certificates(template)):
            yield _app(
                object=template.owner,
                field=path,
                why=f"{what}: the application seems to speak TLS itself, inside that of the mesh",
                fix=fix,
            )


def overriding_rules(gathered: Gathered) -> Iterator[Finding]:
    """DR-01: DestinationRules of any namespace that switch auto mTLS off for a Service of the namespace."""
    hosts = _hosts(gathered)
    for rule in gathered.all("DestinationRule"):
        spec = rule.get("spec") or {}
        met = sorted(host for host in hosts if _covers(_host(rule), host))
        for path, mode in _tls_modes(spec) if met else ():
            yield _rule(
                object=named("DestinationRule", rule),
                field=path,
                why=f"clients in {_who(gathered, rule)} use {mode} instead of mTLS for {met[0]}: refused under STRICT",
                fix="remove the tls block (then the mesh chooses mTLS by itself), or set ISTIO_MUTUAL once all callers "
                "and all pods are in the mesh",
            )


def shadowing_rules(gathered: Gathered) -> Iterator[Finding]:
    """DR-02: wildcard DestinationRules of clients that hide the Service's own one."""
    hosts = _hosts(gathered)
    rules = gathered.all("DestinationRule")
    owners = (gathered.namespace, gathered.spec.root)
    for rule in rules:
        client = rule["metadata"]["namespace"]
        if client in owners or not _host(rule).startswith("*"):
            continue
        named_there = {_host(one) for one in rules if one["metadata"]["namespace"] == client}
        hidden = sorted(
            (host, named("DestinationRule", own))
            for own in rules
            if own["metadata"]["namespace"] in owners
            for host in hosts - named_there
            if _covers(_host(rule), host) and _covers(_host(own), host)
        )
        if hidden:
            yield _shadow(
                object=named("DestinationRule", rule),
                field="spec.host",
                why=f"clients in {client} follow this rule alone and never see {hidden[0][1]} for {hidden[0][0]}",
                fix="narrow spec.host to the hosts that it is meant for, or repeat the Service's policy in it",
            )


def _tls_ports(template: Template) -> Iterator[tuple[str, str]]:
    for path, port in template.ports():
        if port["containerPort"] in _TLS_PORTS:
            yield path, f"container port {port['containerPort']} is one for TLS"


def _certificates(template: Template) -> Iterator[tuple[str, str]]:
    """Volumes with certificates. A Secret's type is not seen, only its name."""
    for index, volume in enumerate(template.spec.get("volumes") or ()):
        sources = (volume, *((volume.get("projected") or {}).get("sources") or ()))
        secrets = [_secret(one) for one in sources]
        given = [one for one in secrets if {"tls", "cert", "certs", "certificate"} & set(one.lower().split("-"))]
        if (volume.get("csi") or {}).get("driver") == _CERTIFICATE_DRIVER:
            given.append(f"of {_CERTIFICATE_DRIVER}")
        if given:
            yield template.at("spec", f"volumes[{index}]"), f"a certificate is mounted ({given[0]})"


def _secret(source: Mapping[str, Any]) -> str:
    """The name of a Secret in a volume or in a source of a projected one."""
    secret = source.get("secret") or {}
    return str(secret.get("secretName") or (secret.get("name") or ""))


def _hosts(gathered: Gathered) -> frozenset[str]:
    place = gathered.namespace
    return frozenset(f"{one['metadata']['name']}.{place}.svc.cluster.local" for one in _services(gathered))


def _services(gathered: Gathered) -> tuple[Obj, ...]:
    """Those with pods of the namespace behind them: an ExternalName leads elsewhere."""
    return tuple(one for one in gathered.here("Service") if (one.get("spec") or {}).get("type") != "ExternalName")


def _host(rule: Obj) -> str:
    """Its host in full. A name with a dot is taken as it is (istio, pkg/config/host and model.ResolveShortnameToFQDN)."""
    host = str((rule.get("spec") or {}).get("host", ""))
    if "." in host or host.startswith("*") or not host:
        return host
    return f"{host}.{rule['metadata']['namespace']}.svc.cluster.local"


def _covers(pattern: str, host: str) -> bool:
    return host.endswith(pattern[1:]) if pattern.startswith("*") else host == pattern


def _tls_modes(spec: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """(path, mode) of each place where the rule overrides auto mTLS."""
    policies = [("spec.trafficPolicy", spec.get("trafficPolicy") or {})]
    for index, subset in enumerate(spec.get("subsets") or ()):
        policies.append((f"spec.subsets[{index}].trafficPolicy", subset.get("trafficPolicy") or {}))
    for path, policy in policies:
        ports = enumerate(policy.get("portLevelSettings") or ())
        places = [(path, policy), *((f"{path}.portLevelSettings[{index}]", port) for index, port in ports)]
        for place, settings in places:
            mode = str((settings.get("tls") or {}).get("mode", ""))
            if mode in _OVERRIDES or (not mode and settings.get("tls") is not None):
                yield f"{place}.tls.mode", mode or "DISABLE"


def _who(gathered: Gathered, rule: Obj) -> str:
    """Whose calls the rule is for: a namespace's own, or all where no nearer rule is."""
    place = str(rule["metadata"]["namespace"])
    exported = (rule.get("spec") or {}).get("exportTo") or ["*"]
    everywhere = place in (gathered.namespace, gathered.spec.root) and "*" in exported
    return "all namespaces" if everywhere else f"namespace {place}"


CLIENT_TLS = (
    Check(
        id="APPTLS-01",
        title="applications leave encryption to the mesh",
        severity=Severity.WARN,
        reads=("Service", *WORKLOADS),
        find=tls_of_applications,
    ),
    Check(
        id="DR-01",
        title="no DestinationRule switches mTLS off",
        severity=Severity.BLOCK,
        reads=("DestinationRule", "Service"),
        find=overriding_rules,
    ),
    Check(
        id="DR-02",
        title="no client's wildcard hides a Service's DestinationRule",
        severity=Severity.WARN,
        reads=("DestinationRule", "Service"),
        find=shadowing_rules,
    ),
)
