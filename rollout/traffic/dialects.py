"""Which traffic APIs are known, and where do they keep pools, names and weights?

One row per API; `weights`, `patch` and the router read rows and know no kind by name. Weight rules:
VirtualService: int32, default 0, one destination alone always gets everything. HTTPRoute and GRPCRoute: 0 to
1,000,000, default 1, proportional. TrafficSplit v1alpha2 to v1alpha4: whole numbers, proportional.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from rollout.model.rollout import Backend, RouteRef, SubsetBackend

INT32 = 2**31 - 1


class Feature(StrEnum):
    """What a spec may need that not every API can do."""

    SUBSET = "subsets"
    MIRROR = "mirroring"
    HEADER_MATCH = "header matches"


class Acceptance(StrEnum):
    """How an API says that it took a generation of the object."""

    NONE = "none"  # it says nothing
    RECONCILED = "reconciled"  # status.observedGeneration and a Reconciled condition, only where it writes them
    PARENTS = "parents"  # Accepted and ResolvedRefs per parent in status.parents[].conditions


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """One traffic API.

    versions: in order of preference. pools: paths of the weighted lists, `[]` stands for every item of a list.
    service, subset: where an entry names its backend; subset "" where the API has none.
    is_host: `service` is a DNS name in one of several styles. home: fields of an entry that must be absent or say this
    for the entry to mean a Service of the object's namespace (`{namespace}` stands for that).
    identity: the top-level fields of an entry that say where it leads.
    absent: what a missing weight means. alone: what the only entry of a pool gets whatever it says; None: what it says.
    route_name: the field with a route's own name, "" where routes have none. largest: the highest weight allowed.
    """

    kind: str
    group: str
    versions: tuple[str, ...]
    plural: str
    pools: tuple[str, ...]
    service: str
    identity: tuple[str, ...]
    absent: int
    subset: str = ""
    is_host: bool = False
    home: Mapping[str, str] = field(default_factory=dict)
    alone: int | None = None
    route_name: str = ""
    largest: int = INT32
    features: frozenset[Feature] = frozenset()
    acceptance: Acceptance = Acceptance.NONE


def _gateway_route(kind: str, plural: str) -> Dialect:
    return Dialect(
        kind=kind,
        group="gateway.networking.k8s.io",
        versions=("v1",),
        plural=plural,
        pools=("spec.rules[].backendRefs",),
        service="name",
        identity=("name", "namespace", "kind", "group"),
        home={"namespace": "{namespace}", "kind": "Service", "group": ""},
        absent=1,
        route_name="name",
        largest=1_000_000,
        features=frozenset({Feature.MIRROR, Feature.HEADER_MATCH}),
        acceptance=Acceptance.PARENTS,
    )


_VIRTUAL_SERVICE = Dialect(
    kind="VirtualService",
    group="networking.istio.io",
    versions=("v1", "v1beta1"),
    plural="virtualservices",
    pools=("spec.http[].route", "spec.tcp[].route", "spec.tls[].route"),
    service="destination.host",
    subset="destination.subset",
    is_host=True,
    identity=("destination",),
    absent=0,
    alone=100,
    route_name="name",
    features=frozenset(Feature),
    acceptance=Acceptance.RECONCILED,
)

_TRAFFIC_SPLIT = Dialect(
    kind="TrafficSplit",
    group="split.smi-spec.io",
    versions=("v1alpha4", "v1alpha3", "v1alpha2"),  # v1alpha1 weighs in quantities such as 500m
    plural="trafficsplits",
    pools=("spec.backends",),
    service="service",
    identity=("service",),
    absent=0,
)

DIALECTS: Mapping[str, Dialect] = MappingProxyType(
    {
        dialect.kind: dialect
        for dialect in (
            _VIRTUAL_SERVICE,
            _TRAFFIC_SPLIT,
            _gateway_route("HTTPRoute", "httproutes"),
            _gateway_route("GRPCRoute", "grpcroutes"),
        )
    }
)


def unknown_kind(ref: RouteRef) -> str:
    """What to say of a route whose kind is no row of the table."""
    return f"{ref}: kind {ref.kind} is not known; use one of {', '.join(sorted(DIALECTS))}"


def unsupported(ref: RouteRef, backend: Backend, needs: frozenset[Feature] = frozenset()) -> str:
    """Why a spec with this `backend` and these further `needs` cannot use `ref`; "" when it can.

    Known from the spec alone, so it is refused before anything is written.
    """
    dialect = DIALECTS.get(ref.kind)
    if dialect is None:
        return unknown_kind(ref)
    if isinstance(backend, SubsetBackend):
        needs = needs | {Feature.SUBSET}
    lacking = sorted(needs - dialect.features)
    if lacking:
        able = sorted(kind for kind, other in DIALECTS.items() if needs <= other.features)
        return f"{ref}: {ref.kind} has no {' and no '.join(lacking)}; {' or '.join(able)} has"
    if ref.only and not dialect.route_name:
        return f"{ref}: routes of a {ref.kind} have no names; leave `only` out"
    return ""
