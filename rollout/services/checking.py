"""What does a cluster lack for rollout, and what should one do about it?

Each function answers one category; a finding that is not GOOD says what to do next.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from rollout.model.shard import MOST_SHARDS, SHARDS, labelled
from rollout.ports.errors import Forbidden, KindAbsent, NotFound, PortError
from rollout.ports.objects import Obj, Objects
from rollout.ports.server import Probe, Server
from rollout.services.actors import BINDING, POLICY, unbound

OLDEST = (1, 32)
STALE_LEASE = timedelta(seconds=60)  # six times what a lease lasts
INSTALL = "run `rollout install`"
TRAFFIC = (
    ("VirtualService", "networking.istio.io", "virtualservices"),
    ("DestinationRule", "networking.istio.io", "destinationrules"),
    ("HTTPRoute", "gateway.networking.k8s.io", "httproutes"),
    ("GRPCRoute", "gateway.networking.k8s.io", "grpcroutes"),
    ("TrafficSplit", "split.smi-spec.io", "trafficsplits"),
)
MESHES = (("Istio", "app=istiod"), ("Linkerd", "linkerd.io/control-plane-component=destination"))
SERIES = {
    "Istio": ("istio_requests_total", "istio_request_duration_milliseconds_bucket"),
    "Linkerd": ("response_total", "response_latency_ms_bucket"),
    "Envoy": ("envoy_cluster_upstream_rq_xx", "envoy_cluster_upstream_rq_time_bucket"),
}


class Mark(StrEnum):
    """How a finding stands. BAD makes the check fail; WARNING is worth a look."""

    GOOD = "good"
    WARNING = "warning"
    BAD = "bad"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One line of the report. next: what to do about it, "" for nothing; may have several lines."""

    category: str
    mark: Mark
    text: str
    next: str = ""


def found(category: str, text: str) -> Finding:
    """All is well."""
    return Finding(category=category, mark=Mark.GOOD, text=text)


def lacking(category: str, text: str, todo: str, mark: Mark = Mark.BAD) -> Finding:
    """Something is missing."""
    return Finding(category=category, mark=mark, text=text, next=todo)


async def api_server(server: Server) -> list[Finding]:
    """Whether its version is supported; Unreachable when it does not answer."""
    version = await server.version()
    numbers = tuple(int(part) for part in version.removeprefix("v").split(".")[:2] if part.isdigit())
    if numbers >= OLDEST:
        return [found("Kubernetes", f"the API server answers and is {version}")]
    wanted = ".".join(str(part) for part in OLDEST)
    return [lacking("Kubernetes", f"the API server is {version}, {wanted} is the oldest supported", "upgrade it")]


async def definitions(objects: Objects, wanted: Mapping[str, Obj]) -> list[Finding]:
    """Whether our CRDs are there, established and those of this version."""
    category, findings = "CustomResourceDefinitions", []
    for crd in wanted.values():
        name = crd["metadata"]["name"]
        try:
            live = await objects.get("CustomResourceDefinition", "", name)
        except Forbidden:
            findings.append(lacking(category, f"{name}: you may not look", "ask an administrator", Mark.WARNING))
        except NotFound:
            findings.append(lacking(category, f"{name} is not installed", INSTALL))
        else:
            findings.append(_definition(category, name, covers(crd["spec"], live["spec"])))
    return findings


def _definition(category: str, name: str, current: bool) -> Finding:
    if current:
        return found(category, f"{name} is current")
    return lacking(category, f"{name} is of another version than this program", f"{INSTALL}, or use its `rollout`")


def covers(wanted: object, live: object) -> bool:
    """Whether `live` says all that `wanted` says; what the server filled in besides does not matter."""
    match wanted:
        case Mapping():
            return isinstance(live, Mapping) and all(key in live and covers(wanted[key], live[key]) for key in wanted)
        case list() | tuple():
            if not isinstance(live, list) or len(wanted) != len(live):
                return False
            return all(covers(one, other) for one, other in zip(wanted, live, strict=True))
        case _:
            return bool(wanted == live)


async def controller(objects: Objects, namespace: str, name: str, now: datetime) -> list[Finding]:
    """Whether a Deployment of the controller is available, and whether a replica renews its lease."""
    category = "Controller"
    place = f"{namespace}/{name}"
    try:
        pods = await _or_none(objects, "Deployment", namespace, name)
        pods = pods or await _or_none(objects, "StatefulSet", namespace, name)
        leases = {name: await _or_none(objects, "Lease", namespace, name)}
        for shard in _shards(name, leases[name]):
            leases[shard] = await _or_none(objects, "Lease", namespace, shard)
    except Forbidden as error:
        return [lacking(category, f"you may not look into {namespace}: {error}", "ask an administrator", Mark.WARNING)]
    if len(leases) > 1:
        del leases[name]  # it says only that there are shards
    found_leases = [_lease(category, lease, f"{namespace}/{one}", now) for one, lease in leases.items()]
    return [_deployment(category, pods, place), *found_leases]


def _shards(name: str, lease: Obj | None) -> list[str]:
    """Names of the Leases of shards, when the fleet is divided."""
    said = (((lease or {}).get("metadata") or {}).get("annotations") or {}).get(SHARDS, "")
    return [f"{name}-{number}" for number in range(1, int(said) + 1)] if labelled(said, MOST_SHARDS) else []


async def _or_none(objects: Objects, kind: str, namespace: str, name: str) -> Obj | None:
    try:
        return await objects.get(kind, namespace, name)
    except NotFound:
        return None


def _deployment(category: str, live: Obj | None, place: str) -> Finding:
    if live is None:
        todo = f"{INSTALL}, or name its namespace with --controller-namespace; a controller outside needs neither"
        return lacking(category, f"there is no Deployment {place}", todo, Mark.WARNING)
    ready, wanted = (live.get("status") or {}).get("availableReplicas", 0), live["spec"].get("replicas", 1)
    if ready:
        return found(category, f"{live['kind']} {place} has {ready} of {wanted} replicas available")
    namespace, name = place.split("/")
    todo = f"`kubectl -n {namespace} describe {live['kind'].lower()} {name}` and the logs of its pods say why"
    return lacking(category, f"{live['kind']} {place} has none of {wanted} replicas available", todo)


def _lease(category: str, live: Obj | None, place: str, now: datetime) -> Finding:
    spec = (live or {}).get("spec") or {}
    todo = "nobody moves traffic now: start a controller, or read its log"
    if not spec.get("renewTime") or not spec.get("holderIdentity"):
        return lacking(category, f"no replica holds the Lease {place}", todo)
    ago = now - datetime.fromisoformat(spec["renewTime"])
    words = f"the Lease {place} was renewed {max(0, round(ago.total_seconds()))} s ago by {spec['holderIdentity']}"
    return found(category, words) if ago <= STALE_LEASE else lacking(category, words, todo)


async def actors(objects: Objects, shipped: Sequence[Obj]) -> list[Finding]:
    """Whether the admission policy that approvals rest on is in force. shipped: the policy and binding of this version."""
    category = "Approvals"
    try:
        live = [await _or_none(objects, obj["kind"], "", obj["metadata"]["name"]) for obj in shipped]
    except Forbidden:
        todo = "ask an administrator to run `rollout check`"
        return [lacking(category, "you may not look at the admission policy", todo, Mark.WARNING)]
    found_by_kind = {obj["kind"]: one for obj, one in zip(shipped, live, strict=True)}
    why = unbound(shipped, found_by_kind[POLICY], found_by_kind[BINDING])
    if not why:
        return [found(category, "a command's actor is bound to whoever sends it")]
    return [lacking(category, f"approvals are refused: {why}", INSTALL)]


async def own_rights(objects: Objects, namespace: str) -> list[Finding]:
    """Whether we may look at Rollouts and steer them."""
    category, findings = "Your rights", []
    user, _ = await objects.whoami()
    for verb, kind, purpose in (("list", "Rollout", "look at Rollouts"), ("create", "RolloutCommand", "steer them")):
        if await objects.allowed(verb, kind, namespace):
            findings.append(found(category, f"{user or 'you'} may {verb} {kind}s in {namespace}"))
        else:
            todo = f"to {purpose}, ask for Kubernetes' role view or edit in {namespace} (ours are part of them)"
            findings.append(lacking(category, f"{user or 'you'} may not {verb} {kind}s in {namespace}", todo))
    return findings


async def account_rights(server: Server, user: str, rights: Iterable[tuple[str, str, str]]) -> list[Finding]:
    """Whether the controller's service account may do what it needs (verb, group, resource)."""
    category = "The controller's rights"
    wanted = tuple(rights)
    try:
        missing = [right for right in wanted if not await server.may(user, *right)]
    except Forbidden:
        return [lacking(category, f"you may not ask what {user} may do", "ask an administrator", Mark.WARNING)]
    if not missing:
        return [found(category, f"{user} has all {len(wanted)} rights it needs")]
    words = ", ".join(f"{verb} {resource}{'.' + group if group else ''}" for verb, group, resource in missing)
    return [lacking(category, f"{user} may not: {words}", INSTALL)]


async def traffic_kinds(server: Server) -> list[Finding]:
    """Which kinds of routes the cluster serves; one is enough."""
    category, findings = "Traffic", []
    for kind, group, plural in TRAFFIC:
        versions = await server.served(group, plural)
        text = f"{kind}: served as {', '.join(versions)}" if versions else f"{kind}: not served"
        findings.append(found(category, text))
    if any("served as" in item.text for item in findings):
        return findings
    return [*findings, lacking(category, "no kind of route is served", "install Istio, a Gateway API or an SMI mesh")]


async def meshes(objects: Objects) -> list[Finding]:
    """Which meshes run here, by the Deployments of their control planes."""
    category, findings = "Meshes", []
    for mesh, selector in MESHES:
        try:
            planes = await objects.list("Deployment", "", selector)
        except (Forbidden, KindAbsent):
            return [lacking(category, "you may not list Deployments everywhere", "ask an administrator", Mark.WARNING)]
        findings += [found(category, f"{mesh} in {plane['metadata']['namespace']}") for plane in planes]
    if findings:
        return findings
    return [
        lacking(category, "no control plane of Istio or Linkerd was found", "fine with a Gateway alone", Mark.WARNING)
    ]


async def prometheus(probe: Probe) -> list[Finding]:
    """Whether a metrics server answers, and for which meshes it has what the built-in queries read."""
    category = "Prometheus"
    try:
        findings = [found(category, f"{await probe.server()} answers")]
        series = {mesh: await probe.present(names) for mesh, names in SERIES.items()}
    except PortError as error:
        return [lacking(category, str(error), "is the URL right, and may this machine reach it?")]
    for mesh, there in series.items():
        missing = [name for name in SERIES[mesh] if name not in there]
        if there and missing:
            todo = "error-ratio needs the first, slow-ratio the second series of a mesh; see docs/metrics.md"
            findings.append(lacking(category, f"{mesh}: {', '.join(missing)} is missing", todo, Mark.WARNING))
        elif there:
            findings.append(found(category, f"{mesh}: {', '.join(there)}"))
    if not any(series.values()):
        todo = "let it scrape the proxies; until then only `query` objectives have data (docs/metrics.md)"
        findings.append(lacking(category, "it has no series of Istio, Linkerd or Envoy", todo, Mark.WARNING))
    return findings
