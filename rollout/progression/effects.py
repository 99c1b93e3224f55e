"""What must the world look like for this status? Absolute actions, restated on every tick."""

from dataclasses import replace
from datetime import datetime

from rollout.model.actions import Action, Answer, ReleaseFinalizer, ReleaseRoute, SetSplit, SetSubsets, Split, Subset
from rollout.model.commands import Result
from rollout.model.observation import RouteSeen
from rollout.model.rollout import SubsetBackend
from rollout.model.status import Phase, Reason, RolloutStatus
from rollout.progression.fights import is_disputed, too_much
from rollout.progression.holds import nowhere_to_go, raise_held
from rollout.progression.rescue import gone_backends, rescued
from rollout.progression.view import View, clock, percent, split_of, stable_is_down, usable
from rollout.traffic import shares


def required_actions(view: View, before: RolloutStatus) -> tuple[Action, ...]:
    """Everything that should be so now, subsets before routes, lowering before raising.

    before: the status that this tick began with.
    """
    splits = sorted(_splits(view, before), key=lambda action: not action.lowers)
    return (*_subsets(view), *splits, *_releases(view), *_answers(view))


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


def _splits(view: View, before: RolloutStatus) -> list[SetSplit]:
    if rollback_held(view) or hand_edit(view):
        return []
    held = view.status.run is not None and (view.status.phase is Phase.PAUSED or raise_held(view) is not None)
    wanted = ((route, split_of(view, route.ref)) for route in view.seen.routes if usable(route))
    actions = (
        rescued(view, route, split, before) if gone_backends(view, route) else _action(route, split, held=held)
        for route, split in wanted
        if split is not None
    )
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


def _releases(view: View) -> tuple[ReleaseRoute, ...]:
    """Routes that nothing of ours is left to do on, and whose fields the API server still counts as ours.

    While a tool sets weights back the next write of ours may be near; that tool's own write takes the fields anyway.
    """
    is_over = view.status.run is None and not view.status.retiring
    if is_disputed(view) or view.status.rescue is not None:
        return ()
    return tuple(
        ReleaseRoute(route=route.ref)
        for route in view.seen.routes
        if usable(route)
        and route.owned
        and (is_over or route.ref not in view.spec.routes)
        and _is_as_wanted(view, route)
    )


def _is_as_wanted(view: View, route: RouteSeen) -> bool:
    split = split_of(view, route.ref)
    return split is None or shares.in_force(route.pools, split)


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
    """In Idle an edit towards the former stable, or a git version of the route from before, is left as it is.

    Not where the former stable is gone (`rescue.py`): nobody wants what leads nowhere.
    """
    former, stable = view.status.former, view.stable
    if view.status.phase is not Phase.IDLE or former is None or stable is None or former.backend == stable.backend:
        return None
    if view.backend(former.backend).ready == 0:
        return None
    for route in view.wanted_routes():
        if any(pool.weight_of(former.backend) > 0 for pool in route.pools):
            by = f" ({route.writer})" if route.writer else ""
            todo = f"to go back set spec.revision: {former.name}, else take the entry out"
            if route.tool:
                by = f" ({route.writer}, {route.tool})"
                todo = f"let git's version of it say {stable.backend}, or add what `rollout plan` prints for its owner"
            return Reason(
                code="HandEdit",
                message=f"{route.ref} sends traffic to the former stable {former.backend}{by}; {todo}",
                warning=True,
            )
    return None


def drift(view: View) -> Reason | None:
    """A weight found higher than the wanted one after it was in force: healed, and said once with who did it."""
    if rollback_held(view) or hand_edit(view):
        return None  # then it is not healed
    for route in view.wanted_routes():
        found = too_much(view, route) if usable(route) and not gone_backends(view, route) else None
        if found is not None:
            backend, share, wanted = found
            by = f" by {route.writer}" if route.writer else ""
            return Reason(
                code="DriftHealed",
                message=f"{route.ref} gave {backend} {percent(share)} %{by}, {wanted} % is wanted: set back",
                warning=True,
            )
    return None


def deletion_actions(view: View) -> tuple[tuple[Action, ...], tuple[Reason, ...]]:
    """What deleting the Rollout still needs: stable has all traffic, our other entries are out, then the finalizer goes."""
    stable, answers = view.stable, _told_of_deletion(view)
    owned = tuple(ReleaseRoute(route=route.ref) for route in view.seen.routes if usable(route) and route.owned)
    if stable is None:
        return (*owned, *answers, ReleaseFinalizer()), ()
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
    return (*owned, *_farewell_subsets(view), *answers, ReleaseFinalizer()), ()


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
    failed = view.status.failed  # whoever sends traffic there at the last moment
    others = {item.revision.backend for item in view.status.retiring} | ({run.canary.backend} if run else set())
    others |= {failed.backend} if failed else set()
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
