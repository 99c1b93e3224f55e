"""Do proxies and control plane fit together, and do their certificates outlive the plan?"""

import base64
import binascii
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial

from rollout.migration.preflight.check import Check, annotations, labels, named
from rollout.migration.preflight.gathered import Gathered, Obj
from rollout.migration.preflight.installed import (
    INJECTOR,
    MESH,
    REVISION,
    injector_values,
    injectors,
    mesh_config,
    setting,
    settings_name,
    wanted_revision,
)
from rollout.migration.preflight.sidecars import Minor, control_version, istiods, minor_of, proxy_of, workload_of
from rollout.migration.preflight.templates import WORKLOADS, workloads
from rollout.model.migration import Finding, MeshKind, Severity

_OLDEST = timedelta(days=90)  # a proxy's image may be so old
_APART = 1  # the control plane may lead by so many minor versions
_TRUST = "cluster.local"  # Istio's trust domain where none is set
_SPIRE = ("csi.spiffe.io", "workload-spiffe-uds")
_PEM = re.compile(r"-----BEGIN CERTIFICATE-----(.+?)-----END CERTIFICATE-----", re.DOTALL)
# X.509 Validity (RFC 5280, 4.1.2.5): a SEQUENCE of two times, each UTCTime (13 bytes) or GeneralizedTime (15 bytes).
_VALIDITY = re.compile(rb"\x30[\x1e\x20\x22](?:\x17\x0d\d{12}Z|\x18\x0f\d{14}Z)(?:\x17\x0d(\d{12})Z|\x18\x0f(\d{14})Z)")
_CENTURY = 50  # two-digit years below it are of this century

_skew = partial(Finding, check="VERSKEW-01", severity=Severity.BLOCK)
_expiry = partial(Finding, check="CERT-01", severity=Severity.BLOCK)
_trust = partial(Finding, check="CERT-02", severity=Severity.WARN)


def skewed(gathered: Gathered) -> Iterator[Finding]:
    """VERSKEW-01: proxies that run, or would be injected, of another version than istiod, or older than 90 days."""
    control = control_version(gathered)
    tag = str(setting(injector_values(gathered), "global", "tag") or "")
    injected = minor_of(f"proxy:{tag}")
    severity, what = _apart(injected, control)
    if severity:
        yield _skew(
            severity=severity,
            object=settings_name(gathered, INJECTOR),
            field="data.values: global.tag",
            why=f"it injects proxies of {tag}, {what}",
            fix="install one version of Istio everywhere",
        )
    yield from _pinned(gathered, control)
    tags = sorted(
        {_tag(one) for istiod in istiods(gathered) for one in istiod["spec"]["template"]["spec"]["containers"]}
    )
    if len(tags) > 1:
        yield _skew(
            severity=Severity.WARN,
            object=f"Deployment {gathered.spec.root}/istiod",
            field="spec.template.spec.containers[0].image",
            why=f"istiods of {', '.join(tags)} run side by side: nobody knows which one a proxy obeys",
            fix="finish the upgrade first",
        )
    yield from _running(gathered, control)


def expiring(gathered: Gathered) -> Iterator[Finding]:
    """CERT-01: roots that expire before the plan can end. Of a bundle the one that lives longest counts."""
    end = gathered.now + _plan(gathered)
    for name, path, pem in _bundles(gathered):
        last = max(expiries(pem), default=None)
        if last is not None and last < end:
            yield _expiry(
                object=name,
                field=path,
                why=f"the mesh's root certificate ends {last:%Y-%m-%d}, the plan not before {end:%Y-%m-%d}: then no call with "
                "mTLS works",
                fix="rotate the root first",
            )


def foreign_trust(gathered: Gathered) -> Iterator[Finding]:
    """CERT-02: principals of other trust domains than the mesh's, and identities that SPIRE gives out."""
    config = mesh_config(gathered)
    aliases = setting(config, "trustDomainAliases")
    ours = {str(setting(config, "trustDomain") or _TRUST), _TRUST, *(aliases if isinstance(aliases, list) else ())}
    for policy in (*gathered.here("AuthorizationPolicy"), *gathered.of("AuthorizationPolicy", gathered.spec.root)):
        for path, principal in _principals(policy):
            domain = principal.partition("/")[0]
            if "/" in principal and "*" not in domain and domain not in ours:
                yield _trust(
                    object=named("AuthorizationPolicy", policy),
                    field=path,
                    why=f"the mesh gives out no identities of {domain}: {principal} never calls",
                    fix=f"correct the principal, or add {domain} to meshConfig.trustDomainAliases",
                )
    for template in workloads(gathered):
        text = str(template.spec.get("volumes") or "")
        if any(word in text for word in _SPIRE):
            is_ambient = gathered.spec.mesh is MeshKind.ISTIO_AMBIENT
            yield _trust(
                severity=Severity.BLOCK if is_ambient else Severity.WARN,
                object=template.owner,
                field=template.at("spec", "volumes"),
                why="SPIRE gives its pods their identity"
                + (": ambient cannot use it" if is_ambient else ", perhaps of another trust domain than the mesh's"),
                fix="see that both have one trust domain and one root" if not is_ambient else "stay with sidecars",
            )


def expiries(pem: str) -> Iterator[datetime]:
    """The end of each certificate in a PEM bundle; what cannot be read is left out."""
    for body in _PEM.findall(pem):
        try:
            match = _VALIDITY.search(base64.b64decode("".join(body.split()), validate=True))
        except binascii.Error:
            continue
        if match:
            text = (match[1] or match[2]).decode()
            century = "" if match[2] else ("20" if int(text[:2]) < _CENTURY else "19")
            yield datetime.strptime(century + text, "%Y%m%d%H%M%S").replace(tzinfo=UTC)


def _apart(proxy: Minor | None, control: Minor | None) -> tuple[Severity | None, str]:
    """How bad the distance is, and in which words; (None, "") when there is none, or a version is unknown."""
    if proxy is None or control is None or proxy == control:
        return None, ""
    said = f"istiod is {control[0]}.{control[1]}"
    if proxy > control:
        return Severity.BLOCK, f"ahead of istiod: {said}, and a proxy must never lead"
    if proxy[0] != control[0] or control[1] - proxy[1] > _APART:
        return Severity.BLOCK, f"more than one minor version behind: {said}"
    return Severity.WARN, f"one minor version behind: {said}"


def _tag(container: Obj) -> str:
    return str(container.get("image", "")).rpartition("/")[2].partition("@")[0].rpartition(":")[2]


def _pinned(gathered: Gathered, control: Minor | None) -> Iterator[Finding]:
    name = "sidecar.istio.io/proxyImage"
    for template in workloads(gathered):
        severity, what = _apart(minor_of(template.annotations.get(name, "")), control)
        if severity:
            yield _skew(
                severity=severity,
                object=template.owner,
                field=template.at("metadata", f"annotations.{name}"),
                why=f"its proxy is pinned to {template.annotations[name]}, {what}",
                fix="take the annotation off",
            )


def _running(gathered: Gathered, control: Minor | None) -> Iterator[Finding]:
    """By workload in the namespace; by namespace elsewhere, where it is but a warning.

    Those of other revisions obey another istiod.
    """
    seen, wanted = set(), wanted_revision(gathered)
    for pod in gathered.all("Pod"):
        proxy = proxy_of(pod)
        is_over = (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed")
        if proxy is None or is_over or annotations(pod).get(REVISION, wanted) != wanted:
            continue
        severity, what = _apart(minor_of(str(proxy.get("image", ""))), control)
        why = f"proxies of {_tag(proxy)} run there, {what}" if severity else _too_old(gathered, pod)
        if not why:
            continue
        is_ours = pod["metadata"]["namespace"] == gathered.namespace
        name = workload_of(gathered, pod).owner if is_ours else f"Namespace {pod['metadata']['namespace']}"
        if (name, severity) not in seen:
            seen.add((name, severity))
            yield _skew(
                severity=(severity or Severity.BLOCK) if is_ours else Severity.WARN,
                object=name,
                field="status.containerStatuses[istio-proxy].image",
                why=why,
                fix="upgrade the control plane first, then restart it",
            )


def _too_old(gathered: Gathered, pod: Obj) -> str:
    """An image's own age is not seen: it is at least as old as its pod."""
    created = pod["metadata"].get("creationTimestamp")
    if not created:
        return ""
    age = gathered.now - datetime.fromisoformat(str(created))
    return f"its proxy is at least {age.days} days old: known holes are open" if age > _OLDEST else ""


def _plan(gathered: Gathered) -> timedelta:
    """The least time that the whole plan takes."""
    spec = gathered.spec
    each = spec.baseline + spec.soak + spec.verify + spec.strict_soak
    return sum((each * -(-len(one.namespaces) // one.concurrency) for one in spec.waves), timedelta())


def _bundles(gathered: Gathered) -> Iterator[tuple[str, str, str]]:
    """(object, path, PEM) of each place where the mesh's roots are published."""
    said = set()
    wanted = wanted_revision(gathered)
    for webhook, entry, path in injectors(gathered):
        if labels(webhook).get(REVISION, wanted) != wanted:
            continue
        bundle = str((entry.get("clientConfig") or {}).get("caBundle", ""))
        if bundle and bundle not in said:
            said.add(bundle)
            yield named("MutatingWebhookConfiguration", webhook), f"{path}.clientConfig.caBundle", _decoded(bundle)
    found = setting(mesh_config(gathered), "caCertificates")
    for index, one in enumerate(found if isinstance(found, list) else ()):
        yield (
            settings_name(gathered, MESH),
            f"data.mesh: caCertificates[{index}].pem",
            str(one.get("pem", "")),
        )


def _decoded(bundle: str) -> str:
    try:
        return base64.b64decode(bundle).decode(errors="replace")
    except binascii.Error:
        return ""


def _principals(policy: Obj) -> Iterator[tuple[str, str]]:
    for number, rule in enumerate((policy.get("spec") or {}).get("rules") or ()):
        for index, one in enumerate(rule.get("from") or ()):
            for field in ("principals", "notPrincipals"):
                for principal in (one.get("source") or {}).get(field) or ():
                    yield f"spec.rules[{number}].from[{index}].source.{field}", str(principal)


VERSIONS = (
    Check(
        id="VERSKEW-01",
        title="proxies are of istiod's version",
        severity=Severity.BLOCK,
        reads=("ConfigMap", "MutatingWebhookConfiguration", *WORKLOADS),
        find=skewed,
    ),
    Check(
        id="CERT-01",
        title="the mesh's roots outlive the plan",
        severity=Severity.BLOCK,
        reads=("ConfigMap", "MutatingWebhookConfiguration"),
        find=expiring,
    ),
    Check(
        id="CERT-02",
        title="all identities are of the mesh's trust domain",
        severity=Severity.WARN,
        reads=("ConfigMap", "MutatingWebhookConfiguration", "AuthorizationPolicy", *WORKLOADS),
        find=foreign_trust,
    ),
)
