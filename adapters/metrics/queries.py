"""Which series of which mesh tell how many requests of a revision there were, and which of them were bad or slow?

Errors are told from the labels of the series that were asked for, not by a query of their own: then requests and errors
come from the same scrapes.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from adapters.metrics.promql import any_of, checked_matchers, filled, quoted
from adapters.metrics.selectors import Named, Part, Selector, is_named, of_cluster, of_host, one_of
from rollout.model.measurement import Question
from rollout.model.rollout import Query

Match = tuple[tuple[str, str], ...]  # label and expression for its whole value; one label that fits is enough

EVERY: Match = (("__name__", ".*"),)
FLAG = "(.*,)?({})(,.*)?"  # response_flags is a list: "UF,URX"
# UF connect failed, UH no healthy upstream, UO circuit breaker: the request never reached a proxy of the revision
NEVER_REACHED = FLAG.format("UF|UH|UO")
# UC cut off, UT timed out: it did, and the revision's own proxy counted it as something else than an error
LOST_ON_THE_WAY = FLAG.format("UC|UT")
# Unknown, DeadlineExceeded, Internal, Unavailable, DataLoss: what gRPC servers answer when it is their fault
GRPC_FAILURES = "2|4|13|14|15"


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Counters of requests. counted: which belong to the total; bad: which are errors."""

    series: Selector
    counted: Match = EVERY
    bad: Match


@dataclass(frozen=True, slots=True, kw_only=True)
class Mesh:
    """One row of the table: how a mesh names a revision's requests.

    server, caller: matchers of a question, on the revision's and on the callers' side; () where no label tells.
    latency: histogram in milliseconds.
    """

    requests: str
    bad: Match
    latency: str
    server: Callable[[Question], tuple[Part, ...]]
    callers: Callable[[Question], Source | None]


def is_match(labels: Mapping[str, str], match: Match) -> bool:
    """Whether one of the labels has a value that fits."""
    return any(re.fullmatch(expression, labels.get(name, "")) for name, expression in match)


def request_sources(mesh: Mesh, question: Question) -> tuple[Source, ...]:
    """Where the revision's requests are counted; () when this mesh has no label that names it.

    A `selector` of the objective stands in for all matchers, and the callers' side is left out then.
    """
    matchers = _override(question) or mesh.server(question)
    server = Source(series=Selector(mesh.requests, matchers), bad=mesh.bad)
    callers = None if _override(question) else mesh.callers(question)
    return tuple(source for source in (server if matchers else None, callers) if source is not None)


def latency_selector(mesh: Mesh, question: Question, le: tuple[str, ...] = ()) -> Selector | None:
    """The revision's latency histogram; None when no label names it.

    Its classic buckets, all or those of these bounds, and the native one, which has the name without `_bucket`.
    """
    matchers = _override(question) or mesh.server(question)
    if not matchers:
        return None
    name = f"__name__=~{quoted(any_of(mesh.latency, mesh.latency.removesuffix('_bucket')))}"
    return Selector("", (name, *matchers, *([one_of("le", le)] if le else [])))


def placeholders(question: Question) -> dict[str, str]:
    """The values of the placeholders that a query or selector may hold."""
    return {"revision": question.revision, "namespace": question.namespace, "name": question.rollout}


def _override(question: Question) -> tuple[Part, ...]:
    objective = question.objective
    if isinstance(objective, Query) or not objective.selector:
        return ()
    return (checked_matchers(filled(objective.selector, placeholders(question))),)


def _istio_server(question: Question) -> tuple[Part, ...]:
    """By workload, because an inbound proxy behind several Services reports only one of them as destination_service."""
    own = 'reporter="destination"', is_named("destination_workload_namespace", question.namespace)
    if question.workload:
        return *own, is_named("destination_workload", question.workload)
    if question.backend.subset:
        return *own, _istio_service(question), is_named("destination_version", question.revision)
    return *own, _istio_service(question)


def _istio_callers(question: Question) -> Source | None:
    """What only callers see. A subset has no label of its own, and an unreachable one has no workload either."""
    if question.backend.subset:
        return None
    flags = f"response_flags=~{quoted(f'{NEVER_REACHED}|{LOST_ON_THE_WAY}')}"
    return Source(
        series=Selector("istio_requests_total", ('reporter="source"', _istio_service(question), flags)),
        counted=(("response_flags", NEVER_REACHED),),
        bad=EVERY,
    )


def _istio_service(question: Question) -> Named:
    return of_host("destination_service", f"{question.backend.service}.{question.namespace}.svc.")


def _linkerd_server(question: Question) -> tuple[Part, ...]:
    own = 'direction="inbound"', is_named("namespace", question.namespace)
    if question.workload:
        return *own, is_named("deployment", question.workload)
    return (*own, one_of("pod", sorted(question.pods))) if question.pods else ()


def _linkerd_callers(question: Question) -> Source | None:
    """Responses that the caller's proxy had to make up: no endpoint, connection failed, queue full."""
    if question.backend.subset:
        return None
    service = is_named("backend_namespace", question.namespace), is_named("backend_name", question.backend.service)
    metric = "outbound_http_route_backend_response_statuses_total"
    return Source(series=Selector(metric, (*service, 'error!=""')), bad=EVERY)


def _envoy_cluster(question: Question) -> tuple[Part, ...]:
    """SERVICE.NAMESPACE[.SUBSET], and Istio's outbound|PORT|SUBSET|SERVICE.NAMESPACE.svc..."""
    service, subset = f"{question.backend.service}.{question.namespace}", question.backend.subset
    return (of_cluster("envoy_cluster_name", f"{service}.{subset}" if subset else service, subset, service),)


def _nobody(_: Question) -> None:
    """No callers' side: an Envoy client counts the errors it makes up itself among the cluster's 5xx."""


MESHES = {
    "istio": Mesh(
        requests="istio_requests_total",
        bad=(("response_code", "5.."), ("grpc_response_status", GRPC_FAILURES)),
        latency="istio_request_duration_milliseconds_bucket",
        server=_istio_server,
        callers=_istio_callers,
    ),
    "linkerd": Mesh(
        requests="response_total",
        bad=(("classification", "failure"),),
        latency="response_latency_ms_bucket",
        server=_linkerd_server,
        callers=_linkerd_callers,
    ),
    "envoy": Mesh(
        requests="envoy_cluster_upstream_rq_xx",
        bad=(("envoy_response_code_class", "5"),),
        latency="envoy_cluster_upstream_rq_time_bucket",
        server=_envoy_cluster,
        callers=_nobody,
    ),
}
