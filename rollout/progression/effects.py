"""What must the world look like for this status? Absolute actions, restated on every tick."""

from dataclasses import replace
from datetime import datetime
from fractions import Fraction

from rollout.model.actions import Action, Answer, ReleaseFinalizer, SetSplit, SetSubsets, Split, Subset
from rollout.model.commands import Result
from rollout.model.names import BackendName
from rollout.model.observation import RouteSeen
from rollout.model.rollout import SubsetBackend
from rollout.model.status import Phase, Reason
from rollout.progression.holds import clock, nowhere_to_go, percent, raise_held
from rollout.progression.view import View, split_of, stable_is_down, usable
from rollout.traffic import shares


def required_actions(view: View) -> tuple[Action, ...]:
    """Everything that should be so now, subsets before routes, lowering before raising."""
    splits = sorted(_splits(view), key=lambda action: not action.lowers)
    return (*_subsets(view), *splits, *_answers(view))


def _answers(view: View) -> tuple[Answer, ...]:
    """Handled commands that do not carry their answer yet: also those answered before a crash."""
    known = {handled.uid: handled for handled in view.status.handled}
    pending = sorted(view.seen.commands, key=lambda command: command.uid)
    return tuple(
        Answer(command=command.uid, result=known[command.uid].result, message=known[command.uid].message)
        for command in pending
        if command.uid in known
    )


def _subsets(view: View) -> tuple[SetSubsets, ...]:
    backend = view.spec.backend
    if not isinstance(backend, SubsetBackend):
        return ()
    revisions = [view.status.stable, view.status.run.canary if view.status.run else None]
    revisions += [item.revision for item in view.status.retiring]
    names = {revision.backend.subset: revision.name for revision in revisions if revision}
    subsets = tuple(
        Subset(name=name, labels=view.spec.labels_of(names.get(name, name))) for name in sorted(view.status.subsets)
    )
    return (SetSubsets(host=backend.host, subsets=subsets),)


def _splits(view: View) -> list[SetSplit]:
    if rollback_held(view) or hand_edit(view):
        return []
    held = view.status.run is not None and (view.status.phase is Phase.PAUSED or raise_held(view) is not None)
    wanted = ((route, split_of(view, route.ref)) for route in view.seen.routes if usable(route))
    actions = (_action(route, split, held=held) for route, split in wanted if split is not None)
    return [action for action in actions if action is not None]


def _action(route: RouteSeen, split: Split, *, held: bool) -> SetSplit | None:
    """What this route is to be told; where raising is held, what is above the wanted weight still comes down."""
    if not shares.managed_by(route.pools, split):
        return None
    lowest, highest = shares.seen(route.pools, split)
    if split.weight <= lowest:
        return SetSplit(route=route.ref, split=split, lowers=True)
    if not held:
        return SetSplit(route=route.ref, split=split, lowers=False)
    if highest <= split.weight:
        return None
    return SetSplit(route=route.ref, split=replace(split, weight=int(lowest)), lowers=True)


def rollback_held(view: View) -> Reason | None:
    """The one thing that holds a lowering: stable could not take the traffic (product.md, principle 4)."""
    if view.stable is None or not stable_is_down(view):
        return None
    splits = ((route, split_of(view, route.ref)) for route in view.seen.routes if usable(route))
    gains = any(_stable_gains(route, split) for route, split in splits if split is not None)
    return nowhere_to_go(view.stable) if gains else None


def _stable_gains(route: RouteSeen, split: Split) -> bool:
    """Whether `split` would send more to stable than it gets now, in any pool of the route."""
    if split.stable is None:
        return False
    for pool in shares.managed_by(route.pools, split):
        try:
            aim = shares.wanted(pool, split)
        except shares.SplitError:
            continue
        if aim.weight_of(split.stable) * max(pool.total, 1) > pool.weight_of(split.stable) * max(aim.total, 1):
            return True
    return False


def hand_edit(view: View) -> Reason | None:
    """In Idle a person's edit towards the former stable, or a git version of the route from before, is left as it is."""
    former, stable = view.status.former, view.stable
    if view.status.phase is not Phase.IDLE or former is None or stable is None or former.backend == stable.backend:
        return None
    for route in view.wanted_routes():
        if any(pool.weight_of(former.backend) > 0 for pool in route.pools):
            dead = view.backend(former.backend).ready == 0
            by = f" ({route.writer})" if route.writer else ""
            return Reason(
                code="HandEdit",
                message=f"{route.ref} sends traffic to the former stable {former.backend}{by}"
                f"{', which has no ready endpoint' if dead else ''}; to go back set spec.revision: {former.name}, "
                f"else take the entry out",
                warning=True,
            )
    return None


def drift(view: View) -> Reason | None:
    """A weight found higher than the wanted one after it was in force: healed, and said once with who did it."""
    run, status = view.status.run, view.status
    if status.phase is Phase.ROLLING_BACK or (run is not None and run.in_force_at is None):
        return None
    if rollback_held(view) or hand_edit(view):
        return None  # then it is not healed
    for route in view.wanted_routes():
        split = split_of(view, route.ref)
        found = _too_much(route, split) if split is not None and usable(route) else None
        if found is not None:
            backend, share, wanted = found
            by = f" by {route.writer}" if route.writer else ""
            return Reason(
                code="DriftHealed",
                message=f"{route.ref} gave {backend} {percent(share)} %{by}, {wanted} % is wanted: set back",
                warning=True,
            )
    return None


def _too_much(route: RouteSeen, split: Split) -> tuple[BackendName, Fraction, int] | None:
    """The canary, or a revision that is to get nothing, where it gets more than that."""
    shared = [(split.canary, split.weight)] if split.canary is not None else []
    for backend, wanted in [*shared, *((idle, 0) for idle in split.idle)]:
        _, highest = shares.seen(route.pools, replace(split, canary=backend, weight=wanted))
        if highest > wanted:
            return backend, highest, wanted
    return None


def deletion_actions(view: View) -> tuple[tuple[Action, ...], tuple[Reason, ...]]:
    """What deleting the Rollout still needs: stable has all traffic, our other entries are out, then the finalizer goes."""
    stable, answers = view.stable, _told_of_deletion(view)
    if stable is None:
        return (*answers, ReleaseFinalizer()), ()
    splits = [(route, _farewell(view, route)) for route in view.seen.routes if usable(route)]
    splits = [(route, split) for route, split in splits if shares.managed_by(route.pools, split)]
    if stable_is_down(view) and any(_stable_gains(route, split) for route, split in splits):
        return answers, (nowhere_to_go(stable),)
    actions = tuple(SetSplit(route=route.ref, split=split, lowers=True) for route, split in splits)
    if not all(shares.in_force(route.pools, split) for route, split in splits):
        return (*actions, *answers), (
            Reason(code="Deleting", message=f"waiting until {stable.backend} has all traffic"),
        )
    until = subsets_leave_at(view)
    if until is not None and view.now < until:
        words = f"proxies may still use the subsets of other revisions, which go at {clock(until)}"
        return (*actions, *answers), (Reason(code="Deleting", message=words),)
    return (*_farewell_subsets(view), *answers, ReleaseFinalizer()), ()


def subsets_leave_at(view: View) -> datetime | None:
    """When a deleted Rollout's subsets may go: `settle` after the last weight was taken from one of them."""
    if not isinstance(view.spec.backend, SubsetBackend):
        return None
    run = view.status.run
    left = [item.since for item in view.status.retiring]
    left += [run.in_force_at or view.now] if run is not None else []
    return max(left) + view.spec.settle if left else None


def _told_of_deletion(view: View) -> tuple[Answer, ...]:
    """Every command is answered, also by a Rollout that is going: what was handled as it was, the others are refused."""
    handled = {answer.command: answer for answer in _answers(view)}
    return tuple(
        handled.get(command.uid)
        or Answer(command=command.uid, result=Result.REFUSED, message="the Rollout is being deleted")
        for command in view.seen.commands
    )


def _farewell(view: View, route: RouteSeen) -> Split:
    stable = view.stable
    ours = {item.backend for item in view.status.added if item.route == route.ref} - {
        stable.backend if stable else None
    }
    run = view.status.run
    others = {item.revision.backend for item in view.status.retiring} | ({run.canary.backend} if run else set())
    idle = others - ours - {stable.backend if stable else None}
    return Split(stable=stable.backend if stable else None, idle=tuple(sorted(idle)), gone=tuple(sorted(ours)))


def _farewell_subsets(view: View) -> tuple[SetSubsets, ...]:
    backend, stable = view.spec.backend, view.stable
    if not isinstance(backend, SubsetBackend) or stable is None or not view.status.subsets:
        return ()
    kept = tuple(
        Subset(name=name, labels=view.spec.labels_of(stable.name))
        for name in view.status.subsets
        if name == stable.backend.subset
    )
    return (SetSubsets(host=backend.host, subsets=kept),)
