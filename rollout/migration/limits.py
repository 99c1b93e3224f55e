"""Which limit did the change break, so that it must be taken back?

Each caller is compared with itself before the change: what ails another service is not blamed on it.
"""

from collections.abc import Iterator
from datetime import timedelta

from policies.slo import judge_ratio
from policies.verdict import Verdict
from rollout.migration.edges import Counted, before, counted, is_told_of_all, latencies
from rollout.migration.mtls import live
from rollout.migration.view import View
from rollout.model.telemetry import Asked

# The metrics server may be asked in vain so often, and at least so long, before blindness counts as trouble.
BLIND_LOOKS = 4
BLIND_AT_LEAST = timedelta(seconds=60)
WATCHED = (Asked.REQUESTS, Asked.CONNECTIONS, Asked.REFUSED, Asked.REJECTS, Asked.CERTIFICATES, Asked.WEBHOOKS)
# Istio's agents renew a certificate when half of its life is over: one that has so little left is not renewed any more.
CERTIFICATE_AT_LEAST = timedelta(minutes=10)
_ROOT = "ROOTCA"  # the agent's name for the root of its trust, beside its own certificate
_SECOND_MS = 1000.0


def broken(view: View) -> tuple[str, ...]:
    """A sentence for each limit that is broken, worst first; () when all is well."""
    return (
        *_refused(view),
        *uncallable(view),
        *_success(view),
        *_connections(view),
        *_burn(view),
        *_latency(view),
        *expiring(view),
        *unready(view),
        *_restarted(view),
        *_rejected(view),
        *_blind(view),
    )


def suffering(view: View) -> tuple[str, ...]:
    """What callers and pods suffer while nothing is STRICT yet: it holds the enrolment, and takes nothing back."""
    return (*_success(view), *_connections(view), *_latency(view), *_restarted(view))


def is_blind(view: View) -> bool:
    """Whether one of the questions that watch a change has no answer, or not from all proxies."""
    watched = (*WATCHED, *((Asked.RECENT,) if view.budgets else ()))
    return any(view.rows(asked) is None for asked in watched) or bool(mute(view, BLIND_AT_LEAST))


def mute(view: View, after: timedelta = timedelta(0)) -> tuple[str, ...]:
    """Pods whose proxy, started so long ago, would not tell of a refused caller: a counter that is absent is not zero."""
    told = {row.label("pod") for row in view.rows(Asked.REFUSALS_EXIST) or ()}
    return tuple(
        pod.name
        for pod in live(view.namespace)
        if pod.meshed and pod.name not in told and (pod.proxy_since is None or view.now - pod.proxy_since >= after)
    )


def _refused(view: View) -> Iterator[str]:
    count = sum(row.value for row in view.rows(Asked.REFUSED) or ())
    if count > 0:
        pods = sorted({row.label("pod") for row in view.rows(Asked.REFUSED) or () if row.value > 0})
        yield f"{count:.0f} connections without mTLS were refused by {', '.join(pods)}"


def uncallable(view: View) -> Iterator[str]:
    """A sentence for each admission webhook of the namespace that the API server, which is in no mesh, cannot call."""
    for row in view.rows(Asked.WEBHOOKS) or ():
        if row.value > 0 and row.label("name") in (view.seen.webhooks or ()):
            yield f"the API server could not call the webhook {row.label('name')} {max(row.value, 1):.0f} times"


def _success(view: View) -> Iterator[str]:
    limit, known = view.spec.limits.success_drop, before(view)
    for place, now in counted(view, Asked.REQUESTS).items():
        was = known[place].success if place in known else None
        if was is not None and _is_above(now, 1 - was + limit):
            yield (
                f"{place[0]} to {place[1]}: {1 - now.failing:.2%} of {now.total:.0f} requests succeed, {was:.2%} did "
                f"before (at most {limit:.2%} less)"
            )


def _connections(view: View) -> Iterator[str]:
    """Connections that open or end in error. An edge that is not in the baseline lost none before."""
    limit, known = view.spec.limits.success_drop, before(view)
    for place, now in counted(view, Asked.CONNECTIONS).items():
        if place not in known and not is_told_of_all(view):
            continue
        was = known[place].lost if place in known else 0.0
        if _is_above(now, was + limit):
            yield (
                f"{place[0]} to {place[1]}: {now.failing:.2%} of {now.total:.0f} connections fail, {was:.2%} did "
                f"before (at most {limit:.2%} more)"
            )


def _burn(view: View) -> Iterator[str]:
    """Edges that use up an error budget too fast, and did not before the change."""
    known, times = before(view), view.spec.limits.burn
    for place, now in counted(view, Asked.RECENT).items():
        was = known[place].recent if place in known else None
        for budget in view.budgets:
            most = times * budget.max_ratio
            if was is not None and was <= most and _is_above(now, most):
                yield (
                    f"{place[0]} to {place[1]}: {now.failing:.2%} of {now.total:.0f} requests fail, more than {times:g} "
                    f"times the {budget.max_ratio:.3%} of {budget.objective} (SloPolicy {budget.policy})"
                )


def _is_above(now: Counted, most: float) -> bool:
    """Whether it is proven that more than this part fails: one that failed by chance takes nothing back."""
    return judge_ratio(now.failed, now.total, most, min_requests=0).verdict is Verdict.FAIL


def _latency(view: View) -> Iterator[str]:
    limits, known = view.spec.limits, before(view)
    for place, now in latencies(view).items():
        was = known[place].p99 if place in known else None
        if was is None:
            continue
        most = was * limits.latency_factor + limits.latency_slack
        if now > most:
            yield f"{place[0]} to {place[1]}: p99 is {_ms(now)}, at most {_ms(most)}"


def expiring(view: View) -> Iterator[str]:
    """A sentence for each certificate of a proxy that ends now or has ended: nobody with mTLS can call it then."""
    for row in view.rows(Asked.CERTIFICATES) or ():
        if row.value >= CERTIFICATE_AT_LEAST.total_seconds():
            continue
        what = "the root of its trust" if row.label("resource_name") == _ROOT else "its certificate"
        ends = f"ends in {row.value:.0f} s" if row.value > 0 else f"ended {-row.value:.0f} s ago"
        yield f"{row.label('pod')}: {what} {ends}"


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
