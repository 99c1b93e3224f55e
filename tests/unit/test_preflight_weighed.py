"""How do the rows of the catalogue's second half weigh what they see?"""

from collections.abc import Callable
from dataclasses import replace as changed
from datetime import UTC, date, datetime

import pytest

from rollout.migration.preflight.catalogue import KINDS, verdict
from rollout.migration.preflight.check import Check
from rollout.migration.preflight.networks import NETWORKS
from rollout.migration.preflight.sidecars import is_native
from rollout.migration.preflight.templates import workloads
from rollout.migration.preflight.versions import expiries
from rollout.model.migration import Exemption, Finding, MeshKind, Severity, Wave
from tests.support.ailments import World, add, both, put, replace, well
from tests.support.ailments_callers import seen_calling
from tests.support.ailments_installation import (
    CILIUM,
    DNS,
    EGRESS,
    ISTIOD_POD,
    MONITOR,
    POD,
    ROOT,
    meshed,
)
from tests.support.ailments_outside import ADMISSION
from tests.support.ailments_starting import MIGRATE, held_cache, not_native

NOTES = "spec.template.metadata.annotations"
SECURITY_GROUPS = """
kind: DaemonSet
metadata: {name: aws-node, namespace: kube-system}
spec: {template: {spec: {containers: [{name: aws-node, env: [{name: ENABLE_POD_ENI, value: "true"},
  {name: POD_SECURITY_GROUP_ENFORCING_MODE, value: %s}]}]}}}
"""
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


def api(path: str, value: object) -> Callable[[World], None]:
    return put("Deployment", "api", path, value)


def found(make: Callable[[World], None], row: str) -> list[Finding]:
    world = well()
    make(world)
    return [one for one in verdict(world.gathered()).findings if one.check == row]


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


def test_a_caller_that_moves_too_is_nothing_to_answer_for() -> None:
    world = well()
    seen_calling("batch")(world)
    gathered = world.gathered()
    waves = (*gathered.spec.waves, Wave(name="second", namespaces=("batch",)))

    (finding,) = verdict(changed(gathered, spec=changed(gathered.spec, waves=waves))).findings

    assert (finding.check, finding.severity) == ("CALLER-01", Severity.INFO)


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


def test_roots_that_the_mesh_takes_in_addition_may_expire_as_well() -> None:
    pem = ROOT.replace("\n", "\\n")
    extra = replace("ConfigMap", "istio", "defaultConfig:", f'caCertificates: [{{pem: "{pem}"}}]\ndefaultConfig:')

    (finding,) = found(extra, "CERT-01")

    assert (finding.object, finding.field) == ("ConfigMap istio-system/istio", "data.mesh: caCertificates[0].pem")


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


def test_a_job_that_stops_its_proxy_must_wait_for_it_too() -> None:
    stopping = put(
        "Job", "migrate", "spec.template.spec.containers[0].command", ["sh", "-c", "curl :15020/quitquitquit"]
    )

    findings = found(both(not_native, held_cache, add(MIGRATE), stopping), "HOLD-01")

    assert [one.object for one in findings] == ["Deployment shop/api", "Job shop/migrate"]


@pytest.mark.parametrize("kind", sorted(KINDS - {"Pod"}))
def test_no_row_stumbles_over_an_object_that_says_nothing(kind: str) -> None:
    world = well()
    world.add(kind, {"metadata": {"name": "bare", "namespace": "shop", "creationTimestamp": "2026-01-01T00:00:00Z"}})
    gathered = world.gathered()

    findings = verdict(gathered).findings

    assert all(one.fix for one in findings)


@pytest.mark.parametrize(("mesh", "count"), [(MeshKind.ISTIO_SIDECAR, 0), (MeshKind.ISTIO_AMBIENT, 1)])
def test_masquerading_by_bpf_matters_to_ambient_alone(mesh: MeshKind, count: int) -> None:
    world = well()
    add(CILIUM % 'enable-bpf-masquerade: "true"')(world)

    findings = of(NETWORKS, "CNI-01", world, mesh)

    assert len(findings) == count


@pytest.mark.parametrize(("mode", "count"), [("strict", 1), ("standard", 0)])
def test_security_groups_of_pods_matter_to_ambient_when_they_are_strict(mode: str, count: int) -> None:
    world = well()
    add(SECURITY_GROUPS % mode)(world)

    findings = of(NETWORKS, "CNI-01", world, MeshKind.ISTIO_AMBIENT)

    assert len(findings) == count


def test_an_address_block_without_istiod_does_not_lead_to_it() -> None:
    elsewhere = "{to: [{ipBlock: {cidr: 192.168.0.0/16}}], ports: [{port: 15012}]}"

    (finding,) = found(both(add(ISTIOD_POD), add(EGRESS % f"{DNS}, {elsewhere}")), "NP-01")

    assert "istiod" in finding.why


def test_https_without_a_certificate_of_the_mesh_does_not_save_a_scrape() -> None:
    scrape = MONITOR % (
        "ServiceMonitor",
        "endpoints: [{port: http, scheme: https, tlsConfig: {insecureSkipVerify: true}}]",
    )

    assert [one.object for one in found(add(scrape), "PROM-01")] == ["ServiceMonitor monitoring/apps"]


def test_a_certificate_in_a_projected_volume_is_seen() -> None:
    volumes = [
        {"name": "all", "projected": {"sources": [{"configMap": {"name": "a"}}, {"secret": {"name": "api-cert"}}]}}
    ]

    (finding,) = found(api("spec.template.spec.volumes", volumes), "APPTLS-01")

    assert "api-cert" in finding.why


def of(rows: tuple[Check, ...], row: str, world: World, mesh: MeshKind) -> tuple[Finding, ...]:
    """What a row finds when the fleet moves into that mesh."""
    gathered = world.gathered()
    check = next(one for one in rows if one.id == row)
    return check.findings(changed(gathered, spec=changed(gathered.spec, mesh=mesh)))
