"""Which limit did the change break, so that it must be taken back?

Each caller is compared with itself before the change: what ails another service is not blamed on it.
"""

from collections.abc import Iterator
from datetime import timedelta

from rollout.migration.mtls import live
from rollout.migration.view import View
from rollout.model.migration import EdgeBaseline
from rollout.model.telemetry import Asked, Series

# The metrics server may be asked in vain so often, and at least so long, before blindness counts as trouble.
BLIND_LOOKS = 4
BLIND_AT_LEAST = timedelta(seconds=60)
WATCHED = (Asked.SUCCESS, Asked.REFUSED, Asked.REJECTS)
MOST_EDGES = 50
_SECOND_MS = 1000.0


def broken(view: View) -> tuple[str, ...]:
    """A sentence for each limit that is broken, worst first; () when all is well."""
    return (
        *_refused(view),
        *_success(view),
        *_latency(view),
        *unready(view),
        *_restarted(view),
        *_rejected(view),
        *_blind(view),
    )


def suffering(view: View) -> tuple[str, ...]:
    """What callers and pods suffer while nothing is STRICT yet: it holds the enrolment, and takes nothing back."""
    return (*_success(view), *_latency(view), *_restarted(view))


def is_blind(view: View) -> bool:
    """Whether one of the questions that watch a change has no answer, or not from all proxies."""
    return any(view.rows(asked) is None for asked in WATCHED) or bool(mute(view, BLIND_AT_LEAST))


def mute(view: View, after: timedelta = timedelta(0)) -> tuple[str, ...]:
    """Pods whose proxy, started so long ago, would not tell of a refused caller: a counter that is absent is not zero."""
    told = {row.label("pod") for row in view.rows(Asked.REFUSALS_EXIST) or ()}
    return tuple(
        pod.name
        for pod in live(view.namespace)
        if pod.meshed and pod.name not in told and (pod.proxy_since is None or view.now - pod.proxy_since >= after)
    )


def measured(view: View) -> tuple[EdgeBaseline, ...]:
    """How each caller of the namespace fares now, from the last answers."""
    slow = {_edge(row): row.value for row in view.rows(Asked.LATENCY) or ()}
    return tuple(
        EdgeBaseline(
            caller=edge[0],
            workload=edge[1],
            success=row.value,
            p99=timedelta(milliseconds=slow[edge]) if edge in slow else None,
        )
        for row in sorted(view.rows(Asked.SUCCESS) or (), key=_edge)[:MOST_EDGES]
        for edge in (_edge(row),)
    )


def _edge(row: Series) -> tuple[str, str]:
    namespace, workload = row.label("source_workload_namespace"), row.label("source_workload")
    caller = f"{namespace}/{workload}" if namespace else workload or row.label("source_principal")
    return caller, row.label("destination_workload")


def _refused(view: View) -> Iterator[str]:
    count = sum(row.value for row in view.rows(Asked.REFUSED) or ())
    if count > 0:
        pods = sorted({row.label("pod") for row in view.rows(Asked.REFUSED) or () if row.value > 0})
        yield f"{count:.0f} connections without mTLS were refused by {', '.join(pods)}"


def _success(view: View) -> Iterator[str]:
    limit = view.spec.limits.success_drop
    before = {(one.caller, one.workload): one for one in view.status.baseline}
    for now in measured(view):
        was = before.get((now.caller, now.workload))
        if was is not None and now.success < was.success - limit:
            yield (
                f"{now.caller} to {now.workload}: {now.success:.2%} succeed, {was.success:.2%} did before "
                f"(at most {limit:.2%} less)"
            )


def _latency(view: View) -> Iterator[str]:
    limits = view.spec.limits
    before = {(one.caller, one.workload): one for one in view.status.baseline}
    for now in measured(view):
        was = before.get((now.caller, now.workload))
        if was is None or was.p99 is None or now.p99 is None:
            continue
        most = was.p99 * limits.latency_factor + limits.latency_slack
        if now.p99 > most:
            yield f"{now.caller} to {now.workload}: p99 is {_ms(now.p99)}, at most {_ms(most)}"


def unready(view: View) -> Iterator[str]:
    """A sentence for each workload that has fewer ready pods than the limit lets it."""
    for workload in view.namespace.workloads:
        missing = workload.wanted - workload.ready
        if missing > view.spec.limits.unready:
            yield f"{workload}: {missing} of {workload.wanted} pods are not ready"


def _restarted(view: View) -> Iterator[str]:
    restarts = total_restarts(view)
    if view.status.restarts < restarts:
        yield f"containers were restarted {restarts - view.status.restarts} times since {view.stage} began"


def total_restarts(view: View) -> int:
    """Restarts of all containers of live pods."""
    return sum(pod.restarts for pod in live(view.namespace))


def _rejected(view: View) -> Iterator[str]:
    count = sum(row.value for row in view.rows(Asked.REJECTS) or ())
    if count > 0:
        yield f"proxies rejected their configuration {count:.0f} times"


def _blind(view: View) -> Iterator[str]:
    since = view.status.dark_since
    if since is not None and view.now - since >= max(BLIND_AT_LEAST, BLIND_LOOKS * view.spec.interval):
        yield f"the metrics server cannot say how callers fare for {(view.now - since).total_seconds():.0f} s"


def _ms(value: timedelta) -> str:
    return f"{value.total_seconds() * _SECOND_MS:.0f} ms"
