"""Who sets our weights back, how often, and when may a weight be raised again?

A GitOps tool that applies a route puts git's weights over ours. That is no person's decision, so it does not pause the
run: nothing is raised for QUIET, then the step's weight is tried again, so at most once a minute. OFTEN times within
WITHIN is a fight: then the steps are held as well, until the tool leaves the route alone for WITHIN or a person resumes.
Lowering is never kept waiting. Whoever is no such tool is a person, whose lowering pauses the run (`triggers.lowered`).
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from fractions import Fraction

from rollout.model.actions import Split
from rollout.model.names import BackendName
from rollout.model.observation import RouteSeen
from rollout.model.status import FIGHTS_COUNTED, FIGHTS_KEPT, Fight, Phase, Reason, RolloutStatus
from rollout.progression.view import View, clock, split_of, usable
from rollout.traffic import shares

OFTEN = FIGHTS_COUNTED
WITHIN = timedelta(minutes=10)
QUIET = timedelta(minutes=1)
# How far the API server's clock may be from ours; it only matters for the first reversal of a step, and a pause too many
# is better than a weight too many.
CLOCKS_APART = timedelta(seconds=10)
_RAISING = (Phase.PROGRESSING, Phase.PROMOTING)


def counted(view: View) -> RolloutStatus:
    """The status with what tools set back since the last look; a route of theirs counts as lowered, not as confirmed."""
    status = view.status
    found = [route for route in view.wanted_routes() if usable(route) and _is_set_back(view, route)]
    if found and status.run is not None and lowered_by_a_person(view) is None:
        lowest = min((share for route in found if (share := _too_little(view, route)) is not None), default=None)
        if lowest is not None:
            confirmed = min(status.run.confirmed, int(lowest))
            status = replace(status, run=replace(status.run, confirmed=confirmed, in_force_at=None))
    fights = {(fight.route, fight.manager): fight for fight in _kept(view)}
    for route in found:
        before = fights.pop((route.ref, route.writer), None)
        fights[route.ref, route.writer] = _grown(before, route, view.now)
    kept = tuple(fights.values())[-FIGHTS_KEPT:]
    return status if kept == status.fights else replace(status, fights=kept)


def _is_set_back(view: View, route: RouteSeen) -> bool:
    """Whether a tool's last write, which was not counted yet, left this route other than we want it."""
    if not route.tool or route.written is None or view.stable is None:
        return False
    before = next((f for f in view.status.fights if (f.route, f.manager) == (route.ref, route.writer)), None)
    if before is not None and route.written <= before.written:
        return False
    return _too_little(view, route) is not None or too_much(view, route) is not None


def _too_little(view: View, route: RouteSeen) -> Fraction | None:
    """What the canary has here where a run raised it and it has less now; None where it has not."""
    run, split = view.status.run, split_of(view, route.ref)
    if run is None or split is None or view.status.phase not in _RAISING or run.step == 0:
        return None
    lowest, _ = shares.seen(route.pools, split)  # 0 where the route names neither stable nor the canary any more
    was_confirmed = lowest < min(run.confirmed, run.weight)
    return lowest if was_confirmed or (lowest < run.weight and _is_since(view, route)) else None


def _is_since(view: View, route: RouteSeen) -> bool:
    """Whether somebody wrote this route after its weight was raised, though we never saw it in force.

    A tool, since the step began; a person, since a tool's reversal: who wrote the route before the step lowered nothing.
    """
    began = view.run.step_started
    if route.written is None:
        return False
    if route.tool:
        return route.written >= began - CLOCKS_APART
    return any(began <= fight.at[-1] and fight.written <= route.written for fight in view.status.fights if fight.at)


def too_much(view: View, route: RouteSeen) -> tuple[BackendName, Fraction, int] | None:
    """The canary, or a revision that is to get nothing, where it gets more than that: what it has, and what is wanted.

    None while a weight is on its way down by itself.
    """
    run, split = view.status.run, split_of(view, route.ref)
    if split is None or view.status.phase is Phase.ROLLING_BACK or (run is not None and run.in_force_at is None):
        return None
    shared = [(split.canary, split.weight)] if split.canary is not None else []
    for backend, wanted in [*shared, *((idle, 0) for idle in split.idle)]:
        _, highest = shares.seen(route.pools, _asking(split, backend, wanted))
        if highest > wanted:
            return backend, highest, wanted
    return None


def _asking(split: Split, backend: BackendName, weight: int) -> Split:
    return replace(split, canary=backend, weight=weight)


def lowered_by_a_person(view: View) -> RouteSeen | None:
    """A route whose weight somebody who is no tool took back in this step, before or beside a tool's reversal."""
    for route in view.wanted_routes():
        if usable(route) and not route.tool and _too_little(view, route) is not None:
            return route
    return None


def _grown(before: Fight | None, route: RouteSeen, now: datetime) -> Fight:
    at = (*(before.at if before else ()), now)[-FIGHTS_COUNTED:]
    written = route.written or now
    return Fight(route=route.ref, manager=route.writer, tool=route.tool, written=written, at=at)


def _kept(view: View) -> Iterator[Fight]:
    """Those still going on: younger than WITHIN, or the route is still as the tool left it."""
    routes = {route.ref: route for route in view.wanted_routes()}
    for fight in view.status.fights:
        route = routes.get(fight.route)
        if route is None:
            continue
        is_as_left = usable(route) and (route.writer, route.written) == (fight.manager, fight.written)
        if _last(fight, view.now) or (is_as_left and _is_lower(view, route)):
            yield fight


def _is_lower(view: View, route: RouteSeen) -> bool:
    run, split = view.status.run, split_of(view, route.ref)
    return run is not None and split is not None and shares.seen(route.pools, split)[0] < run.weight


def _last(fight: Fight, now: datetime) -> datetime | None:
    """When the tool was last seen to set us back, within WITHIN."""
    return fight.at[-1] if fight.at and now < fight.at[-1] + WITHIN else None


def forgiven(view: View) -> RolloutStatus:
    """The status in which no reversal so far counts: a person said to go on."""
    return replace(view.status, fights=tuple(replace(fight, at=()) for fight in view.status.fights))


def is_fought(view: View) -> bool:
    """Whether some tool set us back OFTEN times within WITHIN, and did so less than WITHIN ago."""
    return any(_is_fight(fight, view.now) for fight in view.status.fights)


def _is_fight(fight: Fight, now: datetime) -> bool:
    return len(fight.at) >= OFTEN and now < fight.at[-1] + WITHIN and fight.at[-1] - fight.at[0] < WITHIN


def is_disputed(view: View) -> bool:
    """Whether any tool set a weight back within WITHIN: it may do so again."""
    return any(_last(fight, view.now) for fight in view.status.fights)


def fight_moments(view: View) -> Iterator[datetime]:
    """When time alone changes what may be done."""
    for fight in view.status.fights:
        if fight.at:
            yield from (fight.at[-1] + QUIET, fight.at[-1] + WITHIN)


def set_back(view: View) -> Reason | None:
    """For QUIET after a tool set a weight back, nothing is raised."""
    fight = max((fight for fight in view.status.fights if fight.at), key=lambda found: found.at[-1], default=None)
    if fight is None or view.now >= fight.at[-1] + QUIET:
        return None
    if _is_fight(fight, view.now):
        return _fought(fight)
    return Reason(
        code="WeightReversed",
        message=f"{fight.manager} ({fight.tool}) set {fight.route} back to what git says; raised again at "
        f"{clock(fight.at[-1] + QUIET)}; `rollout plan` prints what makes it leave the weights alone",
        warning=True,
    )


def fought(view: View) -> Reason | None:
    """A tool that keeps setting weights back holds the steps; their present weight is still tried once a minute."""
    if set_back(view) is not None:
        return None  # says it already
    return next((_fought(fight) for fight in view.status.fights if _is_fight(fight, view.now)), None)


def _fought(fight: Fight) -> Reason:
    return Reason(
        code="RouteFought",
        message=f"{fight.manager} ({fight.tool}) set {fight.route} back {OFTEN} times since {clock(fight.at[0])}: no step "
        f"ends, and the weight is tried at most once a minute, until it leaves the route alone for "
        f"{WITHIN.total_seconds() / 60:.0f} min or `rollout resume`; `rollout plan` and `rollout check` "
        f"print what makes it leave the weights alone",
        warning=True,
    )
