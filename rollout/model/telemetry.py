"""What is asked of a mesh's metrics, and what comes back?"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum


class Asked(StrEnum):
    """A question about one namespace as destination. Each is a row of the table of queries (adapters/mesh)."""

    PLAINTEXT = "plaintext"  # each plaintext series: its last value and when it was scraped
    PLAINTEXT_IN_WINDOW = "plaintext-in-window"  # those that grew or were born within the window (form R)
    PLAINTEXT_OPEN = "plaintext-open"  # plaintext connections that are open, by pod
    MTLS = "mtls"  # requests and connections with mTLS within the window, by pod
    PROXIES = "proxies"  # proxies whose metrics come, by pod
    SCRAPED = "scraped"  # part of the window in which each proxy was scraped, 0.0-1.0, by pod
    REQUESTS = "requests"  # the meshed callers' requests within the window, by caller, workload and outcome
    RECENT = "recent"  # the same, for the window of an error budget's burn
    CONNECTIONS = "connections"  # their connections without HTTP that ended within the window, in the same way
    LATENCY = "latency"  # the p99 of their requests in milliseconds, by caller and workload
    REFUSED = "refused"  # connections that proxies refused within the window, by pod and counter
    REFUSALS_EXIST = "refusals-exist"  # the counters of refusals that are exported, by pod
    DRAINING = "draining"  # listeners that are draining, by pod
    EDGES = "edges"  # who called whom within the window, by namespaces
    PASSTHROUGH = (
        "passthrough"  # calls of meshed workloads, of all namespaces, to addresses that are no Service, by caller
    )
    REJECTS = "rejects"  # configuration that proxies rejected within the window
    CERTIFICATES = (
        "certificates"  # seconds until a proxy's certificate ends, below zero when it has, by pod and which one
    )
    WEBHOOKS = (
        "webhooks"  # calls of admission webhooks, wherever they are served, that failed within the window, by name
    )
    API_SERVERS = "api-servers"  # API servers whose metrics come, of the whole cluster


# How each row of REQUESTS, RECENT and CONNECTIONS is counted, in its label `outcome`: all of them, or those that failed.
OUTCOME = "outcome"
ALL, FAILED = "all", "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class MeshQuestion:
    """One question. window: how far back it reaches; ignored by those about now."""

    asked: Asked
    namespace: str
    window: timedelta = timedelta(minutes=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """One series: its labels, its value, and when the value was scraped."""

    labels: Mapping[str, str]
    value: float
    at: datetime

    def label(self, name: str) -> str:
        """The label's value, "" where it has none."""
        return self.labels.get(name, "")


@dataclass(frozen=True, slots=True, kw_only=True)
class MeshAnswer:
    """What came back. query: as it was sent. series: None when the metrics server could not say; `problem` is why."""

    question: MeshQuestion
    query: str
    series: tuple[Series, ...] | None
    problem: str = ""
    at: datetime
