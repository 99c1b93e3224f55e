"""What will the proxy beside a pod be like: native or not, of which version, configured how?"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from rollout.migration.preflight.check import labels
from rollout.migration.preflight.gathered import Gathered, Obj
from rollout.migration.preflight.installed import injector_values, mesh_config, setting, wanted_revision
from rollout.migration.preflight.templates import Template, matches, of_pod, workloads
from rollout.model.mesh import Labels

PROXY = "istio-proxy"
Minor = tuple[int, int]  # (1, 31)

# ENABLE_NATIVE_SIDECARS is "auto" from this Istio on, and auto needs this kubelet on all nodes (istio, pilot/pkg/features).
_AUTO_SINCE: Minor = (1, 27)
_AUTO_KUBELET: Minor = (1, 33)
_FIRST_KUBELET: Minor = (1, 29)  # SidecarContainers is on by default
_VERSION = re.compile(r"v?(\d+)\.(\d+)")


def istiods(gathered: Gathered) -> tuple[Obj, ...]:
    """Deployments of the control plane of the wanted revision; of any revision where none says its own."""
    found = tuple(one for one in gathered.of("Deployment", gathered.spec.root) if labels(one).get("app") == "istiod")
    wanted = wanted_revision(gathered)
    return tuple(one for one in found if labels(one).get("istio.io/rev", "default") == wanted) or found


def proxy_of(pod: Obj) -> Obj | None:
    """The proxy's container in a pod, native or not; None when it has none."""
    spec = pod.get("spec") or {}
    every = (*(spec.get("containers") or ()), *(spec.get("initContainers") or ()))
    return next((one for one in every if one["name"] == PROXY), None)


def workload_of(gathered: Gathered, pod: Obj) -> Template:
    """The workload that makes a pod of the namespace, by the most labels that it gives; the pod itself if none does."""
    given = labels(pod)
    makers = [one for one in workloads(gathered) if one.labels and matches(one.labels, given)]
    return max(makers, key=lambda one: len(one.labels), default=of_pod(pod))


def minor_of(text: str) -> Minor | None:
    """Major and minor of a version ("v1.33.1") or of an image's tag; None when it says none, as a digest does."""
    tag = text.rpartition("/")[2].partition("@")[0].rpartition(":")[2]
    match = _VERSION.match(tag)
    return (int(match[1]), int(match[2])) if match else None


def control_version(gathered: Gathered) -> Minor | None:
    """The lowest version of istiod that runs, else the one that was installed; None when neither is said."""
    versions = [minor_of(one.get("image", "")) for istiod in istiods(gathered) for one in _containers(istiod)]
    installed = minor_of(f"proxy:{setting(injector_values(gathered), 'global', 'tag') or ''}")
    return min((one for one in versions if one is not None), default=installed)


def is_native(gathered: Gathered, template: Template) -> bool:
    """Whether the proxy would be an init container that stays: it starts first and ends last.

    False too where Istio's or a kubelet's version is not to be seen: then nobody can rely on it.
    """
    asked = template.annotations.get("sidecar.istio.io/nativeSidecar") or _native_setting(gathered)
    kubelets = [_kubelet(node) for node in gathered.all("Node")]
    if asked == "true":
        return bool(kubelets) and all(one >= _FIRST_KUBELET for one in kubelets)
    version = control_version(gathered)
    by_itself = asked == "auto" or (not asked and version is not None and version >= _AUTO_SINCE)
    return by_itself and bool(kubelets) and all(one >= _AUTO_KUBELET for one in kubelets)


def proxy_config(gathered: Gathered, pod_annotations: Labels) -> dict[str, Any]:
    """The proxy's settings: of the mesh, under those of the annotation proxy.istio.io/config."""
    settings = setting(mesh_config(gathered), "defaultConfig")
    own = _yaml(pod_annotations.get("proxy.istio.io/config", ""))
    return {**(settings if isinstance(settings, Mapping) else {}), **own}


def proxy_value(gathered: Gathered, name: str) -> str:
    """A value of global.proxy that the injector was installed with, "" where there is none."""
    found = setting(injector_values(gathered), "global", "proxy", name)
    return "" if found is None else str(found)


def environment(containers: Iterator[Obj], name: str) -> str:
    """The value of an environment variable in the first container that sets it, "" where none does."""
    for container in containers:
        for variable in container.get("env") or ():
            if variable["name"] == name:
                return str(variable.get("value", ""))
    return ""


def _native_setting(gathered: Gathered) -> str:
    for istiod in istiods(gathered):
        found = environment(_containers(istiod), "ENABLE_NATIVE_SIDECARS")
        if found:
            return found.lower()
    return ""


def _containers(workload: Obj) -> Iterator[Obj]:
    yield from (((workload.get("spec") or {}).get("template") or {}).get("spec") or {}).get("containers") or ()


def _kubelet(node: Obj) -> Minor:
    """(0, 0) when the node does not say it."""
    info = (node.get("status") or {}).get("nodeInfo") or {}
    return minor_of(str(info.get("kubeletVersion", ""))) or (0, 0)


def _yaml(text: str) -> Mapping[str, Any]:
    try:
        found = yaml.safe_load(text)
    except yaml.YAMLError:
        return {}
    return found if isinstance(found, Mapping) else {}
