"""What keeps a run from going on? A chain of pure checks; each answers with a reason or None.

STANDING checks keep any weight from being raised. STEP checks keep the present step from ending. Nothing here
holds a rollback but a stable without ready endpoints (`effects.py`).
"""

from collections.abc import Callable
from datetime import datetime

from policies.verdict import Verdict
from rollout.model.actions import Split
from rollout.model.rollout import Mode, SubsetBackend
from rollout.model.status import Reason, Revision, Run
from rollout.progression.approving import gate_closed
from rollout.progression.fights import fought, set_back
from rollout.progression.freezing import frozen
from rollout.progression.hooking import bake_tests, hook_holds, last_hook
from rollout.progression.incidents import shared_incident
from rollout.progression.learning import history_unread
from rollout.progression.sight import ours
from rollout.progression.soak import soaking, too_short
from rollout.progression.view import (
    FULL,
    View,
    available_for,
    clock,
    in_force,
    next_weight,
    plan_ahead,
    skips_to_the_end,
    stable_is_down,
    unusable_words,
    usable,
)
from rollout.traffic import shares
from rollout.traffic.dialects import unsupported

Check = Callable[[View], Reason | None]


def suspended(view: View) -> Reason | None:
    """spec.suspend starts nothing and raises nothing."""
    if view.spec.suspend:
        return Reason(code="Suspended", message="spec.suspend is true: nothing is started or raised")
    return None


def route_unusable(view: View) -> Reason | None:
    """Every route must exist, be accepted by its API, be writable and name stable."""
    for route in view.wanted_routes():
        if not usable(route):
            return _route(unusable_words(route))
        if why := route.unsupported or unsupported(route.ref, view.spec.backend):
            return _route(f"{route.ref}: {why}")
        if route.missing_only:
            return _route(f"{route.ref} has no route named {', '.join(route.missing_only)} (spec.routes[].only)")
        if route.problem:
            return _route(f"{route.ref} is not in force: {route.problem}")
        stable = view.stable
        if stable is not None and not shares.managed(route.pools, stable.backend, None):
            named = sorted({str(entry.backend) for pool in route.pools for entry in pool.entries})
            return _route(
                f"{route.ref} never names {stable.backend}, the stable backend; it names {', '.join(named) or 'none'}"
            )
    return None


def _route(message: str) -> Reason:
    return Reason(code="RouteUnusable", message=message, warning=True)


def rivals(view: View) -> Reason | None:
    """Two Rollouts must not steer one pool."""
    if view.seen.rivals:
        names = ", ".join(str(key) for key in view.seen.rivals)
        return Reason(
            code="RouteContested",
            message=f"the same pool is steered by {names}; narrow one of them with `only`",
            warning=True,
        )
    return None


def stable_down(view: View) -> Reason | None:
    """A stable without ready endpoints cannot take a rollback; a revert leaves it, so it is not held."""
    if stable_is_down(view) and view.stable is not None and not (view.status.run and view.run.straight):
        return nowhere_to_go(view.stable)
    return None


def nowhere_to_go(stable: Revision) -> Reason:
    """The one reason that holds a lowering, too."""
    message = f"{stable.backend} has no ready endpoint: there is nothing to go back to, so no weight is moved"
    return Reason(code="StableDown", message=message, warning=True)


def stable_changed(view: View) -> Reason | None:
    """In mid-run stable must stay what the canary is compared with; a revert compares nothing."""
    stable = view.stable
    if stable is None or (view.status.run is not None and view.run.straight):
        return None
    now = view.workload(stable.name).template
    if stable.template and now and now != stable.template:
        return Reason(
            code="StableChanged",
            message=f"the pod template of stable {stable.name} changed in mid-run; `rollout confirm` accepts it, `rollout abort` ends the run",
            warning=True,
        )
    return None


def overlap(view: View) -> Reason | None:
    """Backends that share a pod cannot be told apart, whatever the weights say."""
    if view.stable is None:
        return None
    stable, canary = view.backend(view.stable.backend), view.backend(view.run.canary.backend)
    common = sorted(stable.pods & canary.pods)
    if not common:
        return None
    return Reason(
        code="BackendsOverlap",
        message=f"{stable.backend} and {canary.backend} both select pod {common[0]}"
        f"{f' and {len(common) - 1} more' if len(common) > 1 else ''}: give {stable.backend} a selector of its own revision",
        warning=True,
    )


def unknown_backend(view: View) -> Reason | None:
    """A backend of this service that no run knows of must not carry traffic."""
    status = view.status
    known = {item.revision.backend for item in status.retiring}
    known |= {revision.backend for revision in (status.stable, status.former, status.failed) if revision}
    known |= {view.run.canary.backend} if status.run else set()
    for route in view.wanted_routes():
        strangers = [backend for backend in shares.others(route.pools, known) if ours(view, backend)]
        if strangers:
            return Reason(
                code="UnknownBackend",
                message=f"{route.ref} sends traffic to {strangers[0]}, which this Rollout neither started nor replaced",
                warning=True,
            )
    return None


def impossible_split(view: View) -> Reason | None:
    """Every weight of the plan must be exact in every pool: a hold before the first step, not a rounding in the middle."""
    run = view.run
    weights = [step.weight for step in plan_ahead(view)[max(run.step - 1, 0) :]] + [FULL]
    for route in filter(usable, view.wanted_routes()):
        for weight in weights:
            split = Split(stable=view.stable.backend if view.stable else None, canary=run.canary.backend, weight=weight)
            why = shares.problem(route.pools, split)
            if why:
                return Reason(code="WeightImpossible", message=f"{route.ref}: {why}", warning=True)
    return None


def subset_settling(view: View) -> Reason | None:
    """Proxies must know a subset before a route names it."""
    run = view.run
    if not isinstance(view.spec.backend, SubsetBackend) or run.weight > 0:
        return None
    backend = view.backend(run.canary.backend)
    if not backend.subset_defined:
        return Reason(code="SubsetSettling", message=f"waiting for subset {backend.backend} to be defined")
    until = settled_at(view, run)
    if view.now < until:
        return Reason(code="SubsetSettling", message=f"proxies learn subset {backend.backend} until {clock(until)}")
    return None


def settled_at(view: View, run: Run) -> datetime:
    """When proxies are taken to know the canary's subset."""
    return (run.subset_since or run.started) + view.spec.settle


def former_traffic(view: View) -> Reason | None:
    """Before the first step all traffic must be back at stable."""
    if view.run.step == 0 and not in_force(view):
        return Reason(code="ReturningToStable", message="waiting until stable has all traffic on every route")
    return None


def not_in_force(view: View) -> Reason | None:
    """The present weight must have been read back from every route."""
    if view.run.step > 0 and not in_force(view):
        return Reason(code="WeightPending", message=f"waiting until {view.run.weight} % is in force on every route")
    return None


def unavailable(view: View) -> Reason | None:
    """The canary must be able to take the weight it has, and before the first step the first one."""
    run = view.run
    weight = next_weight(view) if run.step == 0 or run.straight else run.weight
    why = available_for(view, run.canary, weight)
    return Reason(code="NotAvailable", message=why) if why else None


def no_capacity(view: View) -> Reason | None:
    """Capacity comes before weight, and before 100 %; said only once the present weight is served."""
    if unavailable(view) is not None:
        return None
    why = available_for(view, view.run.canary, next_weight(view))
    return Reason(code="CapacityMissing", message=why) if why else None


def verdict_missing(view: View) -> Reason | None:
    """Every deciding objective must say PASS; too little data is not a pass."""
    run = view.run
    if run.skip or skips_to_the_end(view) or run.straight or run.step == 0 or view.verdict() is Verdict.PASS:
        return None
    open_ones = [one for one in view.verdicts if one.mode is Mode.DECIDE and one.verdict is not Verdict.PASS]
    if not open_ones:
        return Reason(code="NotMeasured", message=f"waiting for the first measurement at {run.weight} %")
    first = open_ones[0]
    more = f" (and {len(open_ones) - 1} more)" if len(open_ones) > 1 else ""
    return Reason(code=first.code, message=f"{first.name}: {first.message}{more}")


STANDING: tuple[Check, ...] = (
    suspended,
    frozen,
    set_back,
    route_unusable,
    rivals,
    stable_down,
    stable_changed,
    unknown_backend,
    overlap,
    impossible_split,
)
STEP: tuple[Check, ...] = (
    fought,
    former_traffic,
    history_unread,
    shared_incident,
    subset_settling,
    unavailable,
    not_in_force,
    soaking,
    too_short,
    gate_closed,
    hook_holds,
    verdict_missing,
    no_capacity,
)


def raise_held(view: View) -> Reason | None:
    """Why no weight at all may be raised now; None when it may."""
    return next((reason for check in STANDING if (reason := check(view)) is not None), None)


def is_step_held(view: View) -> bool:
    """Whether the present step does not end; soon answered while it soaks."""
    return any(check(view) is not None for check in (*STEP, *STANDING, last_hook))


def step_holds(view: View) -> tuple[Reason, ...]:
    """Why the present step does not end; empty when it may."""
    held = tuple(reason for check in STANDING + STEP if (reason := check(view)) is not None)
    return held or tuple(reason for reason in (last_hook(view),) if reason is not None)


def bake_holds(view: View) -> tuple[Reason, ...]:
    """Why a run at 100 % is not finished; empty when it is."""
    run, bake = view.run, view.spec.analysis.bake
    reasons = [
        reason for check in (frozen, set_back, fought, not_in_force, unavailable) if (reason := check(view)) is not None
    ]
    if bake and not (run.skip or run.full or run.straight):
        end = run.in_force_at + bake if run.in_force_at else None
        if end is None or view.now < end:
            reasons.append(
                Reason(code="Baking", message=f"baking at 100 % {f'until {clock(end)}' if end else ''}".rstrip())
            )
        reasons += [why for check in (verdict_missing, bake_tests) if (why := check(view)) is not None]
    return tuple(reasons)
