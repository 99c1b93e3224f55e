"""Which kinds of objects do we read, and where does the API server keep them?"""

from collections.abc import Mapping
from dataclasses import dataclass

from rollout.traffic.dialects import DIALECTS

OURS = "rollout.dev"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind. group: "" for the core group; versions: those we can read, best first.

    only: the name of the one object of it that is followed, "" for all of them. Where it may not be read, it is as if it
    were not there.
    """

    name: str
    group: str
    plural: str
    versions: tuple[str, ...] = ("v1",)
    namespaced: bool = True
    only: str = ""

    def api_version(self, version: str) -> str:
        """`group/version`, or the version alone in the core group."""
        return f"{self.group}/{version}" if self.group else version

    def path(self, version: str, namespace: str = "", name: str = "", subresource: str = "") -> str:
        """The URL path of an object, or of the collection when `name` is ""; namespace "" means all of them."""
        root = "/apis" if self.group else "/api"
        scope = ("namespaces", namespace) if namespace and self.namespaced else ()
        parts = (root, self.api_version(version), *scope, self.plural, name, subresource)
        return "/".join(part for part in parts if part)


# A route kind is a row of the traffic table, and of no other one.
_ROUTES = tuple(
    Kind(name=dialect.kind, group=dialect.group, plural=dialect.plural, versions=dialect.versions)
    for dialect in DIALECTS.values()
)
_ISTIO = DIALECTS["VirtualService"]
_ADMISSION = "admissionregistration.k8s.io"
ACTORS = "rollout-command-actor"  # what binds a command's actor to its sender (deploy/base/actor-policy.yaml)

_ALL = (
    Kind(name="Rollout", group=OURS, plural="rollouts", versions=("v1alpha1",)),
    Kind(name="RolloutCommand", group=OURS, plural="rolloutcommands", versions=("v1alpha1",)),
    Kind(name="GitSource", group=OURS, plural="gitsources", versions=("v1alpha1",)),
    Kind(name="SloPolicy", group=OURS, plural="slopolicies", versions=("v1alpha1",)),
    Kind(name="ApprovalPolicy", group=OURS, plural="approvalpolicies", versions=("v1alpha1",)),
    Kind(name="FreezeWindow", group=OURS, plural="freezewindows", versions=("v1alpha1",)),
    Kind(name="Receiver", group=OURS, plural="receivers", versions=("v1alpha1",)),
    Kind(name="Notifier", group=OURS, plural="notifiers", versions=("v1alpha1",)),
    Kind(name="MeshMigration", group=OURS, plural="meshmigrations", versions=("v1alpha1",), namespaced=False),
    Kind(name="Deployment", group="apps", plural="deployments"),
    Kind(name="StatefulSet", group="apps", plural="statefulsets"),
    Kind(name="DaemonSet", group="apps", plural="daemonsets"),
    Kind(name="Service", group="", plural="services"),
    Kind(name="EndpointSlice", group="discovery.k8s.io", plural="endpointslices"),
    Kind(name="Pod", group="", plural="pods"),
    *_ROUTES,
    Kind(name="DestinationRule", group=_ISTIO.group, plural="destinationrules", versions=_ISTIO.versions),
    Kind(
        name="PeerAuthentication", group="security.istio.io", plural="peerauthentications", versions=("v1", "v1beta1")
    ),
    Kind(name="Telemetry", group="telemetry.istio.io", plural="telemetries", versions=("v1", "v1alpha1")),
    Kind(
        name="ValidatingAdmissionPolicy",
        group=_ADMISSION,
        plural="validatingadmissionpolicies",
        namespaced=False,
        only=ACTORS,
    ),
    Kind(
        name="ValidatingAdmissionPolicyBinding",
        group=_ADMISSION,
        plural="validatingadmissionpolicybindings",
        namespaced=False,
        only=ACTORS,
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
# Whose routes are worked on, by the setting `traffic`; no other kinds of routes are even looked at.
TRAFFIC: Mapping[str, tuple[str, ...]] = {
    "all": ("VirtualService", "DestinationRule", "HTTPRoute", "GRPCRoute", "TrafficSplit"),
    "istio": ("VirtualService", "DestinationRule"),
    "gateway-api": ("HTTPRoute", "GRPCRoute"),
    "linkerd": ("HTTPRoute", "GRPCRoute", "TrafficSplit"),
}
ROUTE_KINDS = tuple(kind.name for kind in _ROUTES)
WORKLOAD_KINDS = ("Deployment", "StatefulSet", "DaemonSet")
_ASKED_FOR = {"Lease", "Event", "Secret", "CustomResourceDefinition"}  # read by name when needed
# What a move into a mesh is about, and with which settings `traffic` fleets are moved.
MESH_KINDS = ("MeshMigration", "PeerAuthentication", "Telemetry", "Namespace")
_MOVES = ("all", "istio")
WATCHED: tuple[Kind, ...] = tuple(kind for kind in _ALL if kind.name not in _ASKED_FOR)


def left_out(traffic: str, namespace: str = "") -> frozenset[str]:
    """Names of watched kinds that a controller with these settings never asks for.

    traffic: a row of TRAFFIC. namespace: the only one that it looks after, "" for all of them. Moves into a mesh are of
    the whole cluster, so a controller for one namespace leaves them alone.
    """
    routes = frozenset(TRAFFIC["all"]).difference(TRAFFIC[traffic])
    return routes if traffic in _MOVES and not namespace else routes.union(MESH_KINDS)
