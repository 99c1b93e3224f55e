"""Which kinds of objects do we read, and where does the API server keep them?"""

from collections.abc import Mapping
from dataclasses import dataclass

OURS = "rollout.dev"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind. group: "" for the core group; versions: those we can read, best first."""

    name: str
    group: str
    plural: str
    versions: tuple[str, ...] = ("v1",)
    namespaced: bool = True

    def api_version(self, version: str) -> str:
        """`group/version`, or the version alone in the core group."""
        return f"{self.group}/{version}" if self.group else version

    def path(self, version: str, namespace: str = "", name: str = "", subresource: str = "") -> str:
        """The URL path of an object, or of the collection when `name` is ""; namespace "" means all of them."""
        root = "/apis" if self.group else "/api"
        scope = ("namespaces", namespace) if namespace and self.namespaced else ()
        parts = (root, self.api_version(version), *scope, self.plural, name, subresource)
        return "/".join(part for part in parts if part)


_ISTIO = "networking.istio.io"
_GATEWAY = "gateway.networking.k8s.io"

_ALL = (
    Kind(name="Rollout", group=OURS, plural="rollouts", versions=("v1alpha1",)),
    Kind(name="RolloutCommand", group=OURS, plural="rolloutcommands", versions=("v1alpha1",)),
    Kind(name="GitSource", group=OURS, plural="gitsources", versions=("v1alpha1",)),
    Kind(name="SloPolicy", group=OURS, plural="slopolicies", versions=("v1alpha1",)),
    Kind(name="Deployment", group="apps", plural="deployments"),
    Kind(name="StatefulSet", group="apps", plural="statefulsets"),
    Kind(name="DaemonSet", group="apps", plural="daemonsets"),
    Kind(name="Service", group="", plural="services"),
    Kind(name="EndpointSlice", group="discovery.k8s.io", plural="endpointslices"),
    Kind(name="Pod", group="", plural="pods"),
    # Istio's v1 has been served since 1.22; v1beta1 has the same fields and is what older ones serve.
    Kind(name="VirtualService", group=_ISTIO, plural="virtualservices", versions=("v1", "v1beta1")),
    Kind(name="DestinationRule", group=_ISTIO, plural="destinationrules", versions=("v1", "v1beta1")),
    Kind(name="HTTPRoute", group=_GATEWAY, plural="httproutes"),
    Kind(name="GRPCRoute", group=_GATEWAY, plural="grpcroutes"),
    Kind(
        name="TrafficSplit",
        group="split.smi-spec.io",
        plural="trafficsplits",
        versions=("v1alpha4", "v1alpha3", "v1alpha2"),
    ),
    Kind(name="Lease", group="coordination.k8s.io", plural="leases"),
    Kind(name="Event", group="events.k8s.io", plural="events"),
    Kind(name="Secret", group="", plural="secrets"),
    Kind(name="Namespace", group="", plural="namespaces", namespaced=False),
    Kind(
        name="CustomResourceDefinition",
        group="apiextensions.k8s.io",
        plural="customresourcedefinitions",
        namespaced=False,
    ),
)

KINDS: Mapping[str, Kind] = {kind.name: kind for kind in _ALL}
ROUTE_KINDS = ("VirtualService", "HTTPRoute", "GRPCRoute", "TrafficSplit")
WORKLOAD_KINDS = ("Deployment", "StatefulSet", "DaemonSet")
_ASKED_FOR = {"Lease", "Event", "Secret", "Namespace", "CustomResourceDefinition"}  # read by name when needed
WATCHED: tuple[Kind, ...] = tuple(kind for kind in _ALL if kind.name not in _ASKED_FOR)
