"""What would the controller see of a Rollout now, and what do its rules make of that?"""

from dataclasses import dataclass, replace
from datetime import datetime
from fractions import Fraction

from rollout.model.actions import Split
from rollout.model.commands import Verb
from rollout.model.names import BackendName
from rollout.model.observation import BackendSeen, Observation, RouteSeen, WorkloadSeen
from rollout.model.rollout import RolloutSpec, RouteRef
from rollout.model.status import Phase, RolloutStatus
from rollout.ports.errors import NotFound, Rejected
from rollout.progression.orders import allowed
from rollout.progression.view import View, split_of, usable
from rollout.services.observe import Observer
from rollout.services.queries import Standing
from rollout.traffic import shares

_BY_PHASE: dict[Phase, tuple[Verb, ...]] = {
    Phase.IDLE: (),
    Phase.PROGRESSING: (Verb.PROMOTE, Verb.PROMOTE_FULL, Verb.PAUSE, Verb.ABORT),
    Phase.PAUSED: (Verb.RESUME, Verb.ABORT),
    Phase.PROMOTING: (Verb.PROMOTE, Verb.PROMOTE_FULL, Verb.PAUSE, Verb.ABORT),
    Phase.ROLLING_BACK: (),
    Phase.FAILED: (Verb.RETRY,),
}
_BY_REASON = {
    "AwaitingApproval": (Verb.APPROVE, Verb.REJECT),
    "AuthorUnproven": (Verb.REJECT,),
    "StableUnknown": (Verb.NAME_STABLE,),
    "StableChanged": (Verb.CONFIRM,),
    "StableDown": (Verb.NAME_STABLE,),
    "Frozen": (Verb.OVERRIDE,),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """What one route gives the canary, in percent. wanted: None where nothing is wanted of it; problem: "" for none."""

    route: RouteRef
    wanted: int | None
    lowest: Fraction
    highest: Fraction
    problem: str = ""


async def look(observer: Observer, spec: RolloutSpec, status: RolloutStatus, now: datetime) -> View:
    """The view that the rules decide on, with the verdicts that status remembers: nothing is measured."""
    seen = await observer.observe(spec, status, now)
    # Git was not asked either: what the controller heard from it is in the status.
    seen = replace(seen, measurements=(), authors=None)
    return View(spec=spec, status=status, seen=seen, verdicts=status.verdicts, now=now)


async def measured(observer: Observer, view: View, status: RolloutStatus) -> View:
    """The same look with what would be measured in this status."""
    seen = await observer.observe(view.spec, status, view.now)
    return replace(view, seen=replace(view.seen, measurements=seen.measurements))


async def look_at(observer: Observer, standing: Standing, now: datetime) -> View:
    """The view of a Rollout in the cluster, policies included; Rejected when its spec or status cannot be read."""
    stored = observer.rollouts.get(standing.key)
    if stored is None:
        raise NotFound(f"{standing.key}: it was deleted meanwhile")
    if stored.spec is None:
        raise Rejected(f"{standing.key}: it cannot be read: {stored.error}")
    return await look(observer, stored.spec, standing.status, now)


def unseen(standing: Standing, now: datetime) -> View | None:
    """A view in which the world is empty, for questions about plan and time alone; None without a readable spec."""
    if standing.spec is None or standing.error:
        return None
    status = standing.status
    return View(spec=standing.spec, status=status, seen=Observation(), verdicts=status.verdicts, now=now)


def shares_of(view: View) -> tuple[Share, ...]:
    """What every route of the spec gives the canary, and what is wanted."""
    return tuple(_share(view, route) for route in view.wanted_routes())


def _share(view: View, route: RouteSeen) -> Share:
    split = split_of(view, route.ref)
    problem = "" if usable(route) else f"is {route.state.value}"
    if split is None:
        return Share(route=route.ref, wanted=None, lowest=Fraction(0), highest=Fraction(0), problem=problem)
    lowest, highest = shares.seen(route.pools, split)
    return Share(
        route=route.ref,
        wanted=split.weight if split.canary else 0,
        lowest=lowest,
        highest=highest,
        problem=problem or route.unsupported or route.problem,
    )


def wanted_weights(view: View, route: RouteSeen) -> dict[tuple[str, BackendName], int]:
    """The weight that is wanted for each backend of each pool, by pool name and backend; managed pools only."""
    split = split_of(view, route.ref)
    return {} if split is None else weights_under(route, split)


def weights_under(route: RouteSeen, split: Split) -> dict[tuple[str, BackendName], int]:
    """The weights that `split` asks for in the managed pools; one that cannot carry it stays as it is."""
    found: dict[tuple[str, BackendName], int] = {}
    for pool in shares.managed_by(route.pools, split):
        try:
            target = shares.wanted(pool, split)
        except shares.SplitError:
            target = pool
        for entry in target.entries:
            found[pool.name, entry.backend] = target.weight_of(entry.backend)
    return found


def role_of(status: RolloutStatus, backend: BackendName) -> str:
    """What a backend is in this status: stable, canary, former or failed; "" for none of ours."""
    known = (
        (status.stable, "stable"),
        (status.run.canary if status.run else None, "canary"),
        (status.failed, "failed"),
        (status.former, "former"),
    )
    return next((role for revision, role in known if revision is not None and revision.backend == backend), "")


def backend_of(view: View, name: BackendName) -> tuple[BackendSeen, WorkloadSeen | None]:
    """What stands behind a backend, and the workload of its revision where the spec names one."""
    status = view.status
    known = [status.stable, status.run.canary if status.run else None, status.former, status.failed]
    revision = next((item.name for item in known if item and item.backend == name), view.spec.revision_of(name))
    workload = view.workload(revision) if revision and view.spec.workload is not None else None
    return view.backend(name), workload


def possible(standing: Standing, view: View | None) -> tuple[Verb, ...]:
    """The verbs that the controller may accept now; by phase and reasons alone where the world could not be looked at."""
    verbs = allowed(view) if view is not None else _BY_PHASE[standing.status.phase]
    for reason in standing.status.reasons:
        verbs += tuple(verb for verb in _BY_REASON.get(reason.code, ()) if verb not in verbs)
    return verbs
