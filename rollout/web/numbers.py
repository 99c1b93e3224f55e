"""Which numbers does the controller show, and how are they counted?"""

from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from rollout.model.names import Key
from rollout.model.shard import Shard
from rollout.model.status import Phase
from rollout.ports.migrations import StoredMigration
from rollout.ports.notifiers import StoredNotifier
from rollout.ports.rollouts import Rollouts
from rollout.ports.specs import StoredSource

PREFIX = "rolloutctl"  # Argo Rollouts exports rollout_*: both may run in one cluster
LAGS_S = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 10, 30, 60, 120)  # to 120: one who hangs is seen
Calls = Callable[[], Mapping[tuple[str, str], int]]


class Sources(Protocol):
    """GitSources, as far as they are counted (`rollout.ports.specs.Sources`)."""

    def keys(self) -> tuple[Key, ...]:
        """All GitSources, sorted."""

    def get(self, key: Key) -> StoredSource | None:
        """The newest known GitSource; None when there is none."""


class Migrations(Protocol):
    """MeshMigrations, as far as they are counted (`rollout.ports.migrations.Migrations`)."""

    def names(self) -> tuple[str, ...]:
        """All of them, sorted."""

    def get(self, name: str) -> StoredMigration | None:
        """The newest known one; None when there is none."""


class Notifiers(Protocol):
    """Notifiers, as far as they are counted (`rollout.ports.notifiers.Notifiers`)."""

    def keys(self) -> tuple[Key, ...]:
        """All of them, sorted."""

    def get(self, key: Key) -> StoredNotifier | None:
        """The newest known one; None when there is none."""


class Numbers:
    """The registry of one controller process."""

    def __init__(self, rollouts: Rollouts, sources: Sources, migrations: Migrations, calls: Calls) -> None:
        self._registry = CollectorRegistry()
        self._registry.register(_Fleet(rollouts))
        self._registry.register(_Moves(migrations))
        self._registry.register(_Sources(sources))
        self._registry.register(_Requests(calls))
        self._seconds = Histogram(f"{PREFIX}_tick_seconds", "Duration of one tick", ["kind"], registry=self._registry)
        self._lags = Histogram(
            f"{PREFIX}_tick_lag_seconds",
            "From when a tick was due until it began",
            ["kind"],
            registry=self._registry,
            buckets=LAGS_S,
        )
        self._failures = Counter(
            f"{PREFIX}_tick_failures", "Ticks that must be repeated", ["kind"], registry=self._registry
        )
        self._shard = Shard()
        self._leads = Gauge(f"{PREFIX}_leader", "1 on the replica that writes", ["shard"], registry=self._registry)
        self._shards = Gauge(f"{PREFIX}_shards", "Shards that divide the fleet", registry=self._registry)
        self._waiting = Gauge(
            f"{PREFIX}_queue_depth", "Objects that wait for a worker", ["shard"], registry=self._registry
        )
        self._waits = Gauge(
            f"{PREFIX}_layout_awaited",
            "1 on a replica that may not lead before another layout of shards has ended",
            ["shard"],
            registry=self._registry,
        )

    def count_notices(self, notifiers: Notifiers, results: Callable[[], Mapping[str, int]]) -> None:
        """Show from now on how Notifiers fare, and what came of their messages."""
        self._registry.register(_Notices(notifiers, results))

    def count_silences(self, silences: Callable[[], Mapping[str, float]]) -> None:
        """Show from now on for how many seconds the API server has said nothing, by kind."""
        self._registry.register(_Silences(silences))

    def stands(self, shard: Shard, waits: str) -> None:
        """Show from now on whose part of the fleet this is, and whether another layout is in its way."""
        self._shard = shard
        self._waits.labels(str(shard)).set(1 if waits else 0)

    def ticked(self, kind: str, seconds: float, failed: bool) -> None:
        """Count one tick, and whether it must be repeated."""
        self._seconds.labels(kind).observe(seconds)
        if failed:
            self._failures.labels(kind).inc()

    def lagged(self, kind: str, seconds: float) -> None:
        """Count how late a tick that time set off began."""
        self._lags.labels(kind).observe(seconds)

    def page(self, *, leads: bool, waiting: int) -> bytes:
        """Everything in Prometheus' text format."""
        self._shards.set(self._shard.count)
        self._leads.labels(str(self._shard)).set(1 if leads else 0)
        self._waiting.labels(str(self._shard)).set(waiting)
        return generate_latest(self._registry)


class _Fleet(Collector):
    """Phase, weight and age of the step of every Rollout, read from the cache when asked for."""

    def __init__(self, rollouts: Rollouts) -> None:
        self._rollouts = rollouts

    def collect(self) -> Iterable[Metric]:
        phase = GaugeMetricFamily(
            f"{PREFIX}_phase", "1 for the phase that a Rollout is in", labels=["namespace", "name", "phase"]
        )
        weight = GaugeMetricFamily(
            f"{PREFIX}_weight", "Percent of requests to the canary that is wanted", labels=["namespace", "name"]
        )
        began = GaugeMetricFamily(
            f"{PREFIX}_step_started_timestamp_seconds",
            "When the present step of a run began",
            labels=["namespace", "name"],
        )
        for key in self._rollouts.keys():
            stored = self._rollouts.get(key)
            if stored is None:
                continue
            for one in Phase:
                phase.add_metric([key.namespace, key.name, one.value], 1 if stored.status.phase is one else 0)
            run = stored.status.run
            weight.add_metric([key.namespace, key.name], run.weight if run else 0)
            if run:
                began.add_metric([key.namespace, key.name], run.step_started.timestamp())
        return [phase, weight, began]


class _Moves(Collector):
    """The stage of every namespace that moves into a mesh, and how often it fell back, read from the cache."""

    def __init__(self, migrations: Migrations) -> None:
        self._migrations = migrations

    def collect(self) -> Iterable[Metric]:
        labels = ["migration", "moved"]
        stage = GaugeMetricFamily(
            f"{PREFIX}_mesh_stage", "1 for the stage that a namespace is in", labels=[*labels, "stage"]
        )
        fallbacks = GaugeMetricFamily(
            f"{PREFIX}_mesh_fallbacks", "How often a namespace fell back since somebody let it go on", labels=labels
        )
        for name in self._migrations.names():
            stored = self._migrations.get(name)
            for one in stored.status.namespaces if stored else ():
                stage.add_metric([name, one.name, one.stage.value], 1)
                fallbacks.add_metric([name, one.name], one.fallbacks)
        return [stage, fallbacks]


class _Sources(Collector):
    """Whether each GitSource is in order, read from the cache when asked for."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources

    def collect(self) -> Iterable[Metric]:
        ready = GaugeMetricFamily(
            f"{PREFIX}_source_ready",
            "1 when the cluster holds what a GitSource's newest commit says, 0 when something is in the way",
            labels=["namespace", "name"],
        )
        for key in self._sources.keys():
            stored = self._sources.get(key)
            states = {one.type: one.status for one in stored.status.conditions} if stored else {}
            if "Ready" in states:
                ready.add_metric([key.namespace, key.name], 1 if states["Ready"] == "True" else 0)
        return [ready]


class _Requests(Collector):
    """Requests to the API server by verb and resource."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def collect(self) -> Iterable[Metric]:
        requests = CounterMetricFamily(
            f"{PREFIX}_api_requests", "Requests to the API server", labels=["verb", "resource"]
        )
        for (verb, resource), count in sorted(self._calls().items()):
            requests.add_metric([verb, resource], count)
        return [requests]


class _Silences(Collector):
    """How long the watch of each kind has been silent, bookmarks and its own end counted as words."""

    def __init__(self, silences: Callable[[], Mapping[str, float]]) -> None:
        self._silences = silences

    def collect(self) -> Iterable[Metric]:
        silent = GaugeMetricFamily(
            f"{PREFIX}_watch_silent_seconds", "Since the API server last said anything about a kind", labels=["kind"]
        )
        for kind, seconds in sorted(self._silences().items()):
            silent.add_metric([kind], seconds)
        return [silent]


class _Notices(Collector):
    """Whether each Notifier gets through, read from the cache, and what came of all messages of this process."""

    def __init__(self, notifiers: Notifiers, results: Callable[[], Mapping[str, int]]) -> None:
        self._notifiers = notifiers
        self._results = results

    def collect(self) -> Iterable[Metric]:
        ready = GaugeMetricFamily(
            f"{PREFIX}_notifier_ready",
            "1 when a Notifier's receiver takes its messages, 0 when news wait for it",
            labels=["namespace", "name"],
        )
        for key in self._notifiers.keys():
            stored = self._notifiers.get(key)
            states = {one.type: one.status for one in stored.status.conditions} if stored else {}
            if "Ready" in states:
                ready.add_metric([key.namespace, key.name], 1 if states["Ready"] == "True" else 0)
        notices = CounterMetricFamily(
            f"{PREFIX}_notices",
            "Messages of Notifiers: delivered, failed, deferred to their next minute",
            labels=["result"],
        )
        results = self._results()
        for result in ("delivered", "failed", "deferred"):
            notices.add_metric([result], results.get(result, 0))
        return [ready, notices]
