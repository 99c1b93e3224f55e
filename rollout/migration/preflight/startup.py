"""Can a pod start and end with a proxy beside it?"""

from collections.abc import Iterator
from functools import partial

from rollout.migration.preflight.check import Check
from rollout.migration.preflight.gathered import Gathered, Obj
from rollout.migration.preflight.installed import INJECT, JOINING, joining
from rollout.migration.preflight.sidecars import is_native, proxy_config, proxy_value
from rollout.migration.preflight.templates import Template
from rollout.model.migration import Finding, Severity

_READS = (*JOINING, "Node")
_JOBS = ("Job", "CronJob")
_PROXY_UID = 1337  # what Istio's redirection lets pass
# With one of these annotations a person has thought of the init containers' calls.
_LETS_OUT = ("traffic.sidecar.istio.io/excludeOutboundPorts", "traffic.sidecar.istio.io/excludeOutboundIPRanges")

_hold = partial(Finding, check="HOLD-01", severity=Severity.WARN)
_init = partial(Finding, check="INIT-01", severity=Severity.WARN)
_job = partial(Finding, check="JOB-01", severity=Severity.BLOCK)


def unheld(gathered: Gathered) -> Iterator[Finding]:
    """HOLD-01: workloads whose containers start before their proxy is ready."""
    for template in joining(gathered):
        if is_native(gathered, template) or _is_held(gathered, template) or _is_endless(template):
            continue
        yield _hold(
            object=template.owner,
            field=template.at("metadata", "annotations"),
            why="its containers start beside a proxy that is not ready yet: calls that they make at start fail",
            fix="set holdApplicationUntilProxyStarts: true in its annotation proxy.istio.io/config or in the mesh's "
            "defaultConfig, or use native sidecars (ENABLE_NATIVE_SIDECARS)",
        )


def init_containers(gathered: Gathered) -> Iterator[Finding]:
    """INIT-01: init containers that would call into a redirection behind which no proxy runs yet."""
    for template in joining(gathered):
        if is_native(gathered, template) or any(name in template.annotations for name in _LETS_OUT):
            continue
        for path, container in template.containers():
            if ".initContainers[" not in f".{path}" or _passes(template, container):
                continue
            yield _init(
                object=template.owner,
                field=path,
                why=f"init container {container['name']} runs before the proxy: all its calls are lost, the pod hangs there",
                fix="use native sidecars, or exclude what it calls (traffic.sidecar.istio.io/excludeOutboundPorts)",
            )


def endless_jobs(gathered: Gathered) -> Iterator[Finding]:
    """JOB-01: Jobs that would never complete, as their proxy never ends."""
    for template in joining(gathered):
        if is_native(gathered, template) or not _is_endless(template):
            continue
        yield _job(
            object=template.owner,
            field=template.at("metadata", "labels"),
            why="its proxy goes on when its work is done: the Job never completes",
            fix="use native sidecars, end with a POST to localhost:15020/quitquitquit, or set the pod label "
            f'{INJECT}: "false" and make an exception for the ports that it calls',
        )


def _is_held(gathered: Gathered, template: Template) -> bool:
    """The annotation counts before the mesh's settings, those before the injector's values."""
    said = proxy_config(gathered, template.annotations).get("holdApplicationUntilProxyStarts")
    if said is None:
        said = proxy_value(gathered, "holdApplicationUntilProxyStarts")
    return str(said).lower() == "true"


def _passes(template: Template, container: Obj) -> bool:
    user = (container.get("securityContext") or {}).get("runAsUser")
    if user is None:
        user = (template.spec.get("securityContext") or {}).get("runAsUser")
    return user == _PROXY_UID or container["name"].startswith("istio-")


def _is_endless(template: Template) -> bool:
    """Whether it is a Job that does not stop its proxy."""
    return template.kind in _JOBS and not any(
        "quitquitquit" in " ".join(map(str, (*(one.get("command") or ()), *(one.get("args") or ()))))
        for _, one in template.containers()
    )


STARTUP = (
    Check(
        id="HOLD-01",
        title="applications start after their proxy",
        severity=Severity.WARN,
        reads=_READS,
        find=unheld,
    ),
    Check(
        id="INIT-01",
        title="init containers need no proxy",
        severity=Severity.WARN,
        reads=_READS,
        find=init_containers,
    ),
    Check(id="JOB-01", title="Jobs end with their work", severity=Severity.BLOCK, reads=_READS, find=endless_jobs),
)
