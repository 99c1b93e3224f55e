"""Will the kubelet's probes still answer once there is a proxy?"""

from collections.abc import Iterator

from rollout.migration.preflight.check import Check
from rollout.migration.preflight.gathered import Gathered, Obj
from rollout.migration.preflight.installed import (
    INJECTOR,
    JOINING,
    injector_values,
    joining,
    setting,
    settings_name,
)
from rollout.migration.preflight.templates import Template, probes
from rollout.model.migration import Finding, Severity

REWRITE = "sidecar.istio.io/rewriteAppHTTPProbers"
STATUS_PORT = "status.sidecar.istio.io/port"  # of the agent, which answers rewritten probes; 0 for none
TRUE, FALSE = ("1", "t", "T", "true", "TRUE", "True"), ("0", "f", "F", "false", "FALSE", "False")  # Go's ParseBool
HANDLERS = ("httpGet", "tcpSocket", "grpc")  # exec runs in the container, so the proxy is not in its way
PATIENCE = 10  # seconds until the kubelet kills a container; a proxy may take some of them to start (our own figure)


def not_rewritten(gathered: Gathered) -> Iterator[Finding]:
    """Probes and hooks over the network that Istio will not take over."""
    values = injector_values(gathered)
    if values is None:
        yield Finding(
            check="PROBE-01",
            severity=Severity.BLOCK,
            object=settings_name(gathered, INJECTOR),
            field="data.values: sidecarInjectorWebhook.rewriteAppHTTPProbe",
            why="the injector's settings are missing: nobody knows whether it rewrites probes",
            fix="repair the installation of Istio, or correct spec.revision and spec.root of the migration",
        )
        return
    default = setting(values, "sidecarInjectorWebhook", "rewriteAppHTTPProbe") is not False
    for one in joining(gathered):
        handlers = list(_handlers(one))
        if handlers and (off := _switched_off(one, default)) is not None:
            yield Finding(
                check="PROBE-01",
                severity=Severity.BLOCK,
                object=one.owner,
                field=off or handlers[0],
                why=f"the kubelet has no certificate, and {handlers[0]} is not rewritten: under STRICT it fails "
                "and the pods are killed or never ready",
                fix=f'set the annotation {REWRITE}: "true", or sidecarInjectorWebhook.rewriteAppHTTPProbe',
            )


def _handlers(one: Template) -> Iterator[str]:
    """The paths of probes and lifecycle hooks that go over the network."""
    hooks = (
        (f"{path}.lifecycle.{name}", hook)
        for path, container in one.applications()
        for name, hook in (container.get("lifecycle") or {}).items()
    )
    for path, probe in (*probes(one), *hooks):
        yield from (f"{path}.{handler}" for handler in HANDLERS if probe.get(handler))


def _switched_off(one: Template, default: bool) -> str | None:
    """The annotation that switches rewriting off, "" where the installation does; None where it is on."""
    marks = one.annotations
    if marks.get(STATUS_PORT) == "0":
        return one.at("metadata", f"annotations.{STATUS_PORT}")
    said = marks.get(REWRITE)
    if said in FALSE:
        return one.at("metadata", f"annotations.{REWRITE}")
    return None if default or said in TRUE else ""


def out_of_reach(gathered: Gathered) -> Iterator[Finding]:
    """Probes that go elsewhere, and those that leave a proxy no time to start."""
    for one in joining(gathered):
        for path, probe in probes(one):
            for field, why in (*_elsewhere(one, path, probe), *_impatient(one, path, probe)):
                yield Finding(
                    check="PROBE-02",
                    severity=Severity.WARN,
                    object=one.owner,
                    field=field,
                    why=why,
                    fix="probe the container's own port without a host; give it time with a startupProbe",
                )


def _elsewhere(one: Template, path: str, probe: Obj) -> Iterator[tuple[str, str]]:
    declared = {port["containerPort"] for _, port in one.ports()}
    hosts = {port.get("hostPort") for _, port in one.ports()} - {None}
    for handler in HANDLERS:
        action = probe.get(handler) or {}
        if action.get("host"):
            yield f"{path}.{handler}.host", f"it probes {action['host']}, not its own pod: rewriting cannot help there"
        if action.get("port") in hosts - declared:
            yield f"{path}.{handler}.port", f"it probes the node's port {action['port']}: rewriting cannot help there"


def _impatient(one: Template, path: str, probe: Obj) -> Iterator[tuple[str, str]]:
    """What the kubelet kills for; a startupProbe keeps livenessProbes back."""
    container, _, name = path.rpartition(".")
    starts = any(found == f"{container}.startupProbe" for found, _ in probes(one))
    if name == "readinessProbe" or (name == "livenessProbe" and starts):
        return
    tries = int(probe.get("failureThreshold") or 3) - 1
    seconds = (
        int(probe.get("initialDelaySeconds") or 0)
        + tries * int(probe.get("periodSeconds") or 10)
        + int(probe.get("timeoutSeconds") or 1)
    )
    if seconds < PATIENCE:
        yield path, f"the kubelet kills it after {seconds} s: a proxy that starts slowly makes a loop of restarts"


PROBING = (
    Check(
        id="PROBE-01",
        title="probes over the network are rewritten",
        severity=Severity.BLOCK,
        reads=JOINING,
        find=not_rewritten,
    ),
    Check(
        id="PROBE-02",
        title="probes go to the pod itself and leave it time to start",
        severity=Severity.WARN,
        reads=JOINING,
        find=out_of_reach,
    ),
)
