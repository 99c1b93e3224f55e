"""What if a route sends this service's traffic to a revision that is gone?

A git version of a route that still says the old revision does that once its workload is deleted: every request it gets
fails. We never write such a weight. Bringing the traffic back to stable raises no untried revision and ends an outage,
so it is a lowering of risk and is done, at most once a minute, because whoever wrote the route may write it again.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from rollout.model.actions import SetSplit, Split
from rollout.model.names import BackendName
from rollout.model.observation import RouteSeen
from rollout.model.status import Reason, Rescue, RolloutStatus
from rollout.progression.sight import ours
from rollout.progression.view import View, clock, stable_is_down, usable
from rollout.traffic import shares

AGAIN_AFTER = timedelta(minutes=1)
REMEMBERED = timedelta(minutes=10)  # as long as a fight


def gone_backends(view: View, route: RouteSeen) -> tuple[BackendName, ...]:
    """Revisions of this service that get traffic of this route and have no ready endpoint.

    Never stable or the canary, nor a canary that is on its way out: what these have is our doing, and has rules of its own.
    """
    run, stable = view.status.run, view.stable
    if stable is None or not usable(route):
        return ()
    serving = {stable.backend, *((run.canary.backend,) if run else ())}
    serving |= {item.revision.backend for item in view.status.retiring if not item.theirs}
    named = {entry.backend for pool in route.pools for entry in pool.entries if entry.weight > 0} - serving
    return tuple(sorted(name for name in named if ours(view, name) and view.backend(name).ready == 0))


def rescue_of(view: View) -> Rescue | None:
    """What the status is to remember: a new rescue that begins now, the last one while it matters, or nothing."""
    last = view.status.rescue
    if last is not None and view.now < last.at + AGAIN_AFTER:
        return last
    if not stable_is_down(view):
        for route in view.wanted_routes():
            for name in gone_backends(view, route):
                return Rescue(route=route.ref, backend=name, writer=_writer(route), at=view.now)
    return last if last is not None and view.now < last.at + REMEMBERED else None


def _writer(route: RouteSeen) -> str:
    return f"{route.writer} ({route.tool})" if route.tool else route.writer


def rescued(view: View, route: RouteSeen, split: Split, before: RolloutStatus) -> SetSplit | None:
    """What brings the traffic back: the entries that lead nowhere go, the canary gets no more than it has.

    before: the status that this tick began with: only the tick that remembers the rescue writes it. None otherwise; what
    the canary has too much still comes down then.
    """
    lowest, highest = shares.seen(route.pools, split)
    is_due = view.status.rescue is not None and view.status.rescue != before.rescue
    if not is_due and highest <= split.weight:
        return None
    gone = gone_backends(view, route)
    split = replace(
        split,
        weight=min(split.weight, int(lowest)),
        idle=tuple(sorted({*split.idle, *gone})),
        gone=tuple(sorted({*split.gone, *gone})),
    )
    return SetSplit(route=route.ref, split=split, lowers=True)


def route_names_gone(view: View) -> Reason | None:
    """Said while a route sends traffic to a revision that is gone, and for as long after as it may happen again."""
    stable = view.stable
    for route in view.wanted_routes():
        for name in gone_backends(view, route):
            return _names_gone(view, str(route.ref), name, _writer(route))
    last = view.status.rescue
    if last is None or stable is None or last.backend == stable.backend:
        return None
    return _names_gone(view, str(last.route), last.backend, last.writer)


def _names_gone(view: View, route: str, name: BackendName, writer: str) -> Reason:
    stable, last = view.stable, view.status.rescue
    by = f" by {writer}" if writer else ""
    done = "nothing is written, because stable has no ready endpoint either"
    if stable is not None and last is not None:
        done = f"brought back to {stable.backend} at {clock(last.at)}, at most once a minute"
    to = stable.backend if stable is not None else "stable"
    return Reason(
        code="RouteNamesGone",
        message=f"{route} was made to send traffic to {name}{by}, which has no ready endpoint: {done}; let git's version of "
        f"the route say {to}, or add what `rollout plan` prints for its owner",
        warning=True,
    )


def rescue_moments(view: View) -> Iterator[datetime]:
    """When time alone changes what may be done."""
    if view.status.rescue is not None:
        yield from (view.status.rescue.at + AGAIN_AFTER, view.status.rescue.at + REMEMBERED)
