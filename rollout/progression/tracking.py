"""What does the status remember of this look besides the phase: clocks, what is in force, what was added, what may go?"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from rollout.model.names import BackendName
from rollout.model.observation import BackendSeen, RouteSeen
from rollout.model.rollout import ServiceBackend, SubsetBackend
from rollout.model.status import Added, Phase, Reason, Retiring, Revision, RolloutStatus, Run, Stopwatch
from rollout.progression.approving import gate_since
from rollout.progression.fights import counted
from rollout.progression.gates import authors_of
from rollout.progression.holds import bake_holds, step_holds, verdict_missing
from rollout.progression.hooking import hooked
from rollout.progression.incidents import incident_of
from rollout.progression.rescue import rescue_of
from rollout.progression.view import View, in_force, split_of, usable
from rollout.traffic import shares


def tracked(view: View) -> RolloutStatus:
    """The status with what this look tells before any trigger is asked for; the phase is unchanged."""
    status = hooked(view.of(counted(view)))
    view = view.of(status)
    if status.run is None:
        stable = _pinned(view, status.stable) if status.stable else None
        return replace(status, stable=stable, failed=_still_failed(view))
    run = replace(
        status.run,
        canary=status.run.canary if status.run.canary.template else _pinned(view, status.run.canary),
        dark_since=_dark_since(view, status.run),
        incident=incident_of(view),
        authors=authors_of(status.run, view.seen),
    )
    if run.in_force_at is None and in_force(view.of(replace(status, run=run))):
        trial_since = run.trial_since or (view.now if run.weight else None)
        run = replace(run, in_force_at=view.now, confirmed=run.weight, trial_since=trial_since)
    return replace(status, run=_clocked(view.of(replace(status, run=run))))


def _pinned(view: View, revision: Revision) -> Revision:
    template = view.workload(revision.name).template
    return replace(revision, template=template) if template else revision


def _still_failed(view: View) -> Revision | None:
    """The failed run is remembered until git names something else."""
    failed = view.status.failed
    return failed if failed is not None and failed.name == view.spec.revision else None


def _dark_since(view: View, run: Run) -> datetime | None:
    if run.weight == 0 or view.backend(run.canary.backend).ready > 0:
        return None
    return run.dark_since or view.now


def _clocked(view: View) -> Run:
    """The run with its clocks: each runs only while what it measures is what is missing."""
    run, phase = view.run, view.status.phase
    if phase not in (Phase.PROGRESSING, Phase.PROMOTING):
        return run
    if view.spec.suspend:
        return replace(
            run,
            unavailable=run.unavailable.stopped(view.now),
            verdict_missing=run.verdict_missing.stopped(view.now),
            gate_since=None,
        )
    holds = step_holds(view) if phase is Phase.PROGRESSING else bake_holds(view)
    missing = verdict_missing(view)
    alone = missing is not None and holds == (missing,)
    verdict_wait = run.verdict_missing.running(view.now) if alone else run.verdict_missing.stopped(view.now)
    since = gate_since(view, holds) if phase is Phase.PROGRESSING else None
    return replace(run, unavailable=_unavailable(view, holds), verdict_missing=verdict_wait, gate_since=since)


def _unavailable(view: View, holds: tuple[Reason, ...]) -> Stopwatch:
    """Runs while the present weight's capacity is missing, or only the next one's; nothing else counts."""
    watch, found = view.run.unavailable, {reason.code for reason in holds}
    is_kept_waiting = "Frozen" in found and not view.run.weight  # nobody needs the pods before the freeze is over
    if not is_kept_waiting and ("NotAvailable" in found or found == {"CapacityMissing"}):
        return watch.running(view.now)
    return Stopwatch()


def housekept(view: View) -> RolloutStatus:
    """The status after this tick's trigger, with what is to be added, what has left the routes, and what git may remove."""
    status = _defining_subsets(view, view.status)
    status = replace(status, added=_added(view.of(status)))
    retiring = tuple(_retiring(view.of(status)))
    dropped = {item.revision.backend.subset for item in status.retiring} - {
        item.revision.backend.subset for item in retiring
    }
    serving = {revision.backend.subset for revision in _serving(status)}
    subsets = tuple(name for name in status.subsets if name not in dropped or name in serving)
    return replace(
        status, retiring=retiring, subsets=subsets, removable=_removable(view.of(status)), rescue=rescue_of(view)
    )


def _serving(status: RolloutStatus) -> tuple[Revision, ...]:
    canary = status.run.canary if status.run else None
    return tuple(revision for revision in (status.stable, canary) if revision is not None)


def _defining_subsets(view: View, status: RolloutStatus) -> RolloutStatus:
    """Subsets that stable or the canary needs become ours to define where nobody defines them yet.

    So do those that are defined by us and not remembered: an earlier Rollout of this name left them with the traffic.
    """
    if not isinstance(view.spec.backend, SubsetBackend):
        return status
    missing = [
        revision.backend.subset
        for revision in _serving(status)
        if revision.backend.subset
        and revision.backend.subset not in status.subsets
        and _is_ours_to_define(view.backend(revision.backend))
    ]
    if not missing:
        return status
    run = status.run
    if run is not None and run.canary.backend.subset in missing:
        run = replace(run, subset_since=view.now)
    return replace(status, run=run, subsets=(*status.subsets, *missing))


def _is_ours_to_define(backend: BackendSeen) -> bool:
    return backend.subset_own or not backend.subset_defined


def _added(view: View) -> tuple[Added, ...]:
    """What we added and is still there, and what the wanted weight will add on this tick."""
    seen = {route.ref: route for route in view.seen.routes}
    kept = {
        item
        for item in view.status.added
        if item.route in seen
        and (not usable(seen[item.route]) or _names(view, item.route, item.backend) or _is_left(view, seen[item.route]))
    }
    run = view.status.run
    if run is not None and run.weight > 0:
        for route in view.wanted_routes():
            if usable(route) and not _names(view, route.ref, run.canary.backend):
                kept.add(Added(route=route.ref, backend=run.canary.backend))
    return tuple(sorted(kept))


def _is_left(view: View, route: RouteSeen) -> bool:
    """Whether the spec names the route no more and its fields are still ours: it is looked at until they are not."""
    return route.owned and route.ref not in view.spec.routes


def _names(view: View, route: object, backend: BackendName) -> bool:
    return any(pool.names(backend) for seen in view.seen.routes if seen.ref == route for pool in seen.pools)


def _retiring(view: View) -> Iterator[Retiring]:
    """Those that still have something to leave: their weight, their entry, their subset, in this order."""
    serving = {revision.backend for revision in _serving(view.status)}
    for item in view.status.retiring:
        backend = item.revision.backend
        if backend in serving:
            continue
        if _has_weight(view, backend):
            yield replace(item, since=view.now, unnamed=None)
        elif view.now < item.since + view.spec.settle:
            yield item
        elif _leaves(view, item):
            yield replace(item, unnamed=None)
        elif backend.subset in view.status.subsets:
            unnamed = item.unnamed or view.now
            if view.now < unnamed + view.spec.settle:
                yield replace(item, unnamed=unnamed)


def _has_weight(view: View, backend: BackendName) -> bool:
    return any(pool.weight_of(backend) > 0 for route in view.seen.routes for pool in route.pools)


def _leaves(view: View, item: Retiring) -> bool:
    """Whether an entry of the retired revision is still named and ours to take out."""
    for route in view.seen.routes:
        split = split_of(view, route.ref)
        if split is None or item.revision.backend not in split.gone:
            continue
        if any(pool.names(item.revision.backend) for pool in shares.managed_by(route.pools, split)):
            return True
    return False


def _removable(view: View) -> tuple[str, ...]:
    """What git may delete: the former stable's workload once its entry leaves the routes, its Service once none names it."""
    former, stable = view.status.former, view.status.stable
    if former is None or view.status.run is not None or stable is None or former.backend == stable.backend:
        return ()
    if any(
        item.revision.backend == former.backend and view.now < item.since + view.spec.settle
        for item in view.status.retiring
    ):
        return ()
    ref = view.spec.workload_of(former.name)
    found = [f"{ref.kind}/{ref.name}"] if ref is not None and view.workload(former.name).exists else []
    named = any(pool.names(former.backend) for route in view.seen.routes for pool in route.pools)
    if isinstance(view.spec.backend, ServiceBackend) and not named and view.backend(former.backend).exists:
        found.append(f"Service/{former.backend.service}")
    return tuple(found)
