"""Do the rows of the catalogue's second half stay silent where something else settles it, and weigh what they see?"""

from collections.abc import Callable
from dataclasses import replace as changed
from datetime import UTC, date, datetime

import pytest

from rollout.migration.preflight.catalogue import verdict
from rollout.migration.preflight.check import Check
from rollout.migration.preflight.networks import NETWORKS
from rollout.migration.preflight.sidecars import is_native
from rollout.migration.preflight.templates import workloads
from rollout.migration.preflight.versions import expiries
from rollout.model.migration import Exemption, Finding, MeshKind, Severity
from tests.support.ailments import World, add, both, put, replace, well
from tests.support.ailments_callers import POLICY, RULE, SIDECAR, TLS_HOST, seen_calling
from tests.support.ailments_installation import CILIUM, DNS, EGRESS, MONITOR, POD, ROOT, TO_ISTIOD, TO_PROXIES, meshed
from tests.support.ailments_outside import ADMISSION, INGRESS, MESHED_NGINX
from tests.support.ailments_starting import MIGRATE, QUOTA, held_without_native

NOTES = "spec.template.metadata.annotations"
LASTING = """-----BEGIN CERTIFICATE-----
MIIBhjCCAS2gAwIBAgIUcJSItUQLjI6Is7fvIp07q5Nt90cwCgYIKoZIzj0EAwIw
GDEWMBQGA1UECgwNY2x1c3Rlci5sb2NhbDAgFw0yNjExMzAwOTQ2MjJaGA8yMDU0
MDQxNzA5NDYyMlowGDEWMBQGA1UECgwNY2x1c3Rlci5sb2NhbDBZMBMGByqGSM49
AgEGCCqGSM49AwEHA0IABGeCBGnKtfRnpjzAcoYr1G6xtwcJoDyymycV69xhwnxn
XxAk7128fNIRglP/tIZrXLF9toJvfu2dIktg5diShb6jUzBRMB0GA1UdDgQWBBQX
sFciSTSY1E3zbvNKdH9roKY0DDAfBgNVHSMEGDAWgBQXsFciSTSY1E3zbvNKdH9r
oKY0DDAPBgNVHRMBAf8EBTADAQH/MAoGCCqGSM49BAMCA0cAMEQCIGQ7QzKx9fCJ
N2Pn6trbpn1QsN0DDgPg8RkKD76FZ2ASAiAThGOAHu2KM3ZpEB19ybEhAU19Hi1j
t3Mpf/pgI3a/NQ==
-----END CERTIFICATE-----
"""
ISTIOD_POD = """
kind: Pod
metadata: {name: istiod-1, namespace: istio-system, labels: {app: istiod, istio: pilot, istio.io/rev: default,
  sidecar.istio.io/inject: "false"}}
spec: {containers: [{name: discovery, image: "istio/pilot:1.30.3"}]}
status: {phase: Running, podIP: 10.0.9.9}
"""
TO_ADDRESS = "{to: [{ipBlock: {cidr: 10.0.0.0/16}}], ports: [{port: 15000, endPort: 15100}]}"
WITH_CERTIFICATE = "endpoints: [{port: http, scheme: https, tlsConfig: {certFile: /etc/prom-certs/cert-chain.pem}}]"
QUIT = ["sh", "-c", "migrate; curl -XPOST localhost:15020/quitquitquit"]


def api(path: str, value: object) -> Callable[[World], None]:
    return put("Deployment", "api", path, value)


def found(make: Callable[[World], None], row: str) -> list[Finding]:
    world = well()
    make(world)
    return [one for one in verdict(world.gathered()).findings if one.check == row]


FINE = {
    "an application that is held needs no native sidecar": held_without_native,
    "a Job with a native sidecar": add(MIGRATE),
    "a Job that stops its proxy": both(
        held_without_native, add(MIGRATE), put("Job", "migrate", "spec.template.spec.containers[0].command", QUIT)
    ),
    "an init container before a native sidecar": api("spec.template.spec.initContainers", [{"name": "wait"}]),
    "a rule without a tls block": add(RULE % ("pool", "front", TLS_HOST, "trafficPolicy: {connectionPool: {}}")),
    "a rule with ISTIO_MUTUAL": add(RULE % ("mtls", "front", TLS_HOST, "trafficPolicy: {tls: {mode: ISTIO_MUTUAL}}")),
    "a rule for the same name elsewhere": add(
        RULE % ("plain", "front", "api", "trafficPolicy: {tls: {mode: DISABLE}}")
    ),
    "a rule for a Service of another namespace": add(
        RULE % ("plain", "shop", "web.front.svc.cluster.local", "trafficPolicy: {tls: {mode: DISABLE}}")
    ),
    "a client's wildcard beside its own rule for the Service": both(
        add(RULE % ("all", "front", "'*.local'", "subsets: []")),
        add(RULE % ("one", "front", TLS_HOST, "subsets: []")),
        add(RULE % ("own", "shop", "api", "subsets: []")),
    ),
    "a policy about paths": add(POLICY % "rules: [{to: [{operation: {paths: [/health]}}]}]"),
    "a policy in dry run": both(
        add(POLICY % "rules: [{from: [{source: {namespaces: [front]}}]}]"),
        put("AuthorizationPolicy", "api", "metadata.annotations", {"istio.io/dry-run": "true"}),
    ),
    "a Sidecar of a namespace that does not call": add(SIDECAR % ("front", "egress: [{hosts: [./*]}]")),
    "a Sidecar that names the namespace": both(
        add(SIDECAR % ("front", "egress: [{hosts: [./*]}, {hosts: [shop/*.svc.cluster.local]}]")), seen_calling("front")
    ),
    "a Sidecar of our own with ./*": add(SIDECAR % ("shop", "egress: [{hosts: [./*, istio-system/*]}]")),
    "an include of all addresses": api(NOTES, {"traffic.sidecar.istio.io/includeOutboundIPRanges": "*"}),
    "ports that are led through in addition": api(NOTES, {"traffic.sidecar.istio.io/includeOutboundPorts": "443"}),
    "a policy for a gateway": add(POLICY % "targetRefs: [{kind: Gateway, name: public}]"),
    "a policy for pods that the namespace does not make": add(POLICY % "selector: {matchLabels: {app: web}}"),
    "a policy with the ports' names": add(EGRESS % "{ports: [{port: dns, protocol: UDP}]}, {ports: [{port: tls-xds}]}"),
    "a gateway of the mesh that calls": both(
        add("{kind: Pod, metadata: {name: gw, namespace: istio-system}, spec: {containers: [{name: istio-proxy}]}}"),
        seen_calling("istio-system"),
    ),
    "a proxy of another revision": add(
        "{kind: Pod, metadata: {name: web-1, namespace: front, annotations: {istio.io/rev: old}},"
        " spec: {containers: [{name: istio-proxy, image: 'istio/proxyv2:1.20.1'}]}}"
    ),
    "a PodDisruptionBudget without pods": both(
        put("StatefulSet", "cache", "spec.replicas", 0),
        put(
            "PodDisruptionBudget",
            "api",
            "spec",
            {"maxUnavailable": None, "minAvailable": 1, "selector": {"matchLabels": {"app": "cache"}}},
        ),
    ),
    "a webhook in another namespace": add(ADMISSION.replace("namespace: shop", "namespace: front")),
    "an ingress of Istio's class": both(add(INGRESS), put("Ingress", "web", "spec.ingressClassName", "istio")),
    "a meshed nginx that calls Services": both(
        add(INGRESS),
        add(MESHED_NGINX),
        put("Ingress", "web", "metadata.annotations", {"nginx.ingress.kubernetes.io/service-upstream": "true"}),
    ),
    "a scrape of proxies": add(MONITOR % ("PodMonitor", TO_PROXIES % "")),
    "a scrape that the proxy merges": api(NOTES, {"prometheus.io/scrape": "true", "prometheus.io/port": "8080"}),
    "a relabeling that is no regular expression of Python": add(
        MONITOR % ("PodMonitor", TO_PROXIES % "{action: labelkeep, regex: '(?P<'}")
    ),
    "a meshed pod whose metrics come": meshed,
    "an egress policy that lets proxies out": add(EGRESS % f"{DNS}, {TO_ISTIOD}"),
    "an egress policy by addresses": both(add(ISTIOD_POD), add(EGRESS % f"{DNS}, {TO_ADDRESS}")),
    "two egress policies that complete each other": both(
        add(EGRESS % DNS), add((EGRESS % TO_ISTIOD).replace("name: tight", "name: wide"))
    ),
    "Cilium that leaves pods' sockets alone": add(CILIUM % 'bpf-lb-sock: "true", bpf-lb-sock-hostns-only: "true"'),
    "a quota with room": add(QUOTA % ("requests.cpu: '2'", "requests.cpu: 1300m")),
    "a quota for finished pods": both(
        add(QUOTA % ("requests.cpu: '1'", "requests.cpu: '1'")),
        put("ResourceQuota", "team", "spec.scopes", ["Terminating"]),
    ),
    "an object that Flux leaves alone": put(
        "Namespace",
        "shop",
        "metadata",
        {
            "labels": {"kubernetes.io/metadata.name": "shop", "kustomize.toolkit.fluxcd.io/name": "apps"},
            "annotations": {"kustomize.toolkit.fluxcd.io/reconcile": "disabled"},
        },
    ),
    "a release that is over": add("{kind: Canary, metadata: {name: api, namespace: shop}, status: {phase: Succeeded}}"),
    "a trust domain with an alias": both(
        add(
            "{kind: AuthorizationPolicy, metadata: {name: a, namespace: shop, annotations: {istio.io/dry-run: 'true'}},"
            " spec: {rules: [{from: [{source: {principals: [corp/ns/front/sa/web, '*/ns/front/sa/web']}}]}]}}"
        ),
        replace(
            "ConfigMap", "istio", "trustDomain: cluster.local", "trustDomain: cluster.local\ntrustDomainAliases: [corp]"
        ),
    ),
    "a root that outlives the plan": put(
        "MutatingWebhookConfiguration", "istio-sidecar-injector", "webhooks[0].clientConfig.caBundle", "bm90aGluZw=="
    ),
    "an enrolled caller": seen_calling("front"),
}

# Where another row has something to say.
FINE_FOR = {
    "a Job without a proxy": (
        "JOB-01",
        both(
            held_without_native,
            add(MIGRATE),
            put("Job", "migrate", "spec.template.metadata", {"labels": {"sidecar.istio.io/inject": "false"}}),
        ),
    ),
    "an init container as the proxy's user": (
        "INIT-01",
        both(
            held_without_native,
            api("spec.template.spec.initContainers", [{"name": "wait", "securityContext": {"runAsUser": 1337}}]),
        ),
    ),
    "a scrape with the mesh's certificates": ("PROM-01", add(MONITOR % ("ServiceMonitor", WITH_CERTIFICATE))),
}


@pytest.mark.parametrize("make", FINE.values(), ids=FINE.keys())
def test_nothing_is_found_where_something_else_settles_it(make: Callable[[World], None]) -> None:
    world = well()

    make(world)

    assert verdict(world.gathered()).findings == ()


@pytest.mark.parametrize(("row", "make"), FINE_FOR.values(), ids=FINE_FOR.keys())
def test_a_row_says_nothing_where_another_one_does(row: str, make: Callable[[World], None]) -> None:
    world = well()

    make(world)

    assert row not in {one.check for one in verdict(world.gathered()).findings} != set()


@pytest.mark.parametrize(
    ("istiod", "asked", "kubelet", "annotation", "native"),
    [
        ("1.27.0", "auto", "v1.33.0", "", True),
        ("1.27.0", "", "v1.33.0", "", True),
        ("1.26.4", "", "v1.34.0", "", False),
        ("1.30.3", "auto", "v1.32.9", "", False),
        ("1.24.0", "true", "v1.29.1", "", True),
        ("1.24.0", "true", "v1.28.9", "", False),
        ("1.30.3", "false", "v1.34.0", "", False),
        ("1.30.3", "false", "v1.34.0", "true", True),
        ("1.30.3", "auto", "v1.34.0", "false", False),
        ("1.30.3-distroless", "auto", "v1.33.5-gke.1", "", True),
    ],
)
def test_a_sidecar_is_native_by_version_setting_and_annotation(
    istiod: str, asked: str, kubelet: str, annotation: str, native: bool
) -> None:
    world = well()
    put("Deployment", "istiod", "spec.template.spec.containers[0].image", f"docker.io/istio/pilot:{istiod}")(world)
    put("Deployment", "istiod", "spec.template.spec.containers[0].env[0].value", asked)(world)
    put("Node", "node-b", "status.nodeInfo.kubeletVersion", kubelet)(world)
    if annotation:
        api(NOTES, {"sidecar.istio.io/nativeSidecar": annotation})(world)
    gathered = world.gathered()

    said = is_native(gathered, workloads(gathered)[0])

    assert said is native


@pytest.mark.parametrize(("expires", "rows"), [(date(2026, 9, 2), set()), (date(2026, 9, 1), {"WEBHOOK-01"})])
def test_an_exception_keeps_a_port_open_until_its_day(expires: date, rows: set[str]) -> None:
    world = well()
    add(ADMISSION)(world)
    put("Pod", POD, "spec.containers[0].ports", [{"containerPort": 8080}])(world)
    one = Exemption(namespace="shop", workload={"app": "api"}, port=8080, owner="ana", expires=expires)
    gathered = world.gathered()

    findings = verdict(changed(gathered, spec=changed(gathered.spec, exceptions=(one,)))).findings

    assert {finding.check for finding in findings} == rows


def test_an_empty_include_lets_all_pass_by() -> None:
    (finding,) = found(api(NOTES, {"traffic.sidecar.istio.io/includeInboundPorts": ""}), "EXCL-01")

    assert "all but nothing passes by the proxy" in finding.why


def test_an_exception_names_the_container_port_and_not_that_of_the_service() -> None:
    (finding,) = found(add(ADMISSION), "WEBHOOK-01")

    assert "container port 8080" in finding.fix


def test_a_caller_is_named_so_that_the_planner_can_order_waves() -> None:
    (finding,) = found(seen_calling("batch"), "CALLER-01")

    assert finding.caller == "batch"


def test_an_anonymous_caller_has_no_name() -> None:
    (finding,) = found(seen_calling("unknown"), "CALLER-01")

    assert finding.caller == ""


def test_old_proxies_elsewhere_are_a_warning_for_their_namespace() -> None:
    far = add(
        "{kind: Pod, metadata: {name: web-1, namespace: front},"
        " spec: {containers: [{name: istio-proxy, image: 'istio/proxyv2:1.27.1'}]}}"
    )

    (finding,) = found(far, "VERSKEW-01")

    assert (finding.object, finding.severity) == ("Namespace front", Severity.WARN)


def test_the_end_of_each_certificate_of_a_bundle_is_read() -> None:
    ends = list(expiries(f"{ROOT}\nnoise\n{LASTING}"))

    assert ends == [datetime(2026, 9, 3, 12, tzinfo=UTC), datetime(2054, 4, 17, 9, 46, 22, tzinfo=UTC)]


def test_without_counters_of_refusals_a_proxy_is_not_armed_by_those_about_tls() -> None:
    world = well()
    meshed(world)
    (answer,) = [one for asked, one in world.told.items() if asked == "refusals-exist"]
    (series,) = answer.series or ()
    about_tls = changed(series, labels={"pod": POD, "counter": "envoy_listener_ssl_connection_error"})
    world.answer(answer.question.asked, about_tls)

    findings = verdict(world.gathered()).findings

    assert [one.check for one in findings] == ["STATS-01"]
    assert "inclusionPrefixes" in findings[0].fix
    assert "restart" in findings[0].fix


@pytest.mark.parametrize(("mesh", "count"), [(MeshKind.ISTIO_SIDECAR, 0), (MeshKind.ISTIO_AMBIENT, 1)])
def test_masquerading_by_bpf_matters_to_ambient_alone(mesh: MeshKind, count: int) -> None:
    world = well()
    add(CILIUM % 'enable-bpf-masquerade: "true"')(world)

    findings = of(NETWORKS, "CNI-01", world, mesh)

    assert len(findings) == count


def of(rows: tuple[Check, ...], row: str, world: World, mesh: MeshKind) -> tuple[Finding, ...]:
    """What a row finds when the fleet moves into that mesh."""
    gathered = world.gathered()
    check = next(one for one in rows if one.id == row)
    return check.findings(changed(gathered, spec=changed(gathered.spec, mesh=mesh)))
