"""What must the world look like for this status? Absolute actions, restated on every tick."""

from rollout.model.actions import Action, Answer, ReleaseFinalizer, SetSplit, SetSubsets, Split, Subset
from rollout.model.observation import RouteSeen
from rollout.model.rollout import SubsetBackend
from rollout.model.status import Phase, Reason
from rollout.progression.holds import percent, stable_down
from rollout.progression.view import View, canary_seen, split_of, stable_is_down, usable
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
    actions = []
    for route in view.seen.routes:
        split = split_of(view, route.ref)
        if split is None or not usable(route) or not shares.managed_by(route.pools, split):
            continue
        actions.append(SetSplit(route=route.ref, split=split, lowers=_lowers(route, split)))
    return actions


def _lowers(route: RouteSeen, split: Split) -> bool:
    lowest, _ = shares.seen(route.pools, split)
    return split.weight <= lowest


def rollback_held(view: View) -> Reason | None:
    """The one thing that holds a lowering: stable could not take the traffic (product.md, principle 4)."""
    if view.stable is None or not stable_is_down(view):
        return None
    run = view.status.run
    _, highest = canary_seen(view)
    return stable_down(view) if highest > (run.weight if run else 0) else None


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
    for route in view.wanted_routes():
        split = split_of(view, route.ref)
        if split is None or not usable(route):
            continue
        split = _with_failed(view, split)
        _, highest = shares.seen(route.pools, split)
        if highest > split.weight:
            by = f" by {route.writer}" if route.writer else ""
            return Reason(
                code="DriftHealed",
                message=f"{route.ref} gave {split.canary} {percent(highest)} %{by}, {split.weight} % is wanted: set back",
                warning=True,
            )
    return None


def _with_failed(view: View, split: Split) -> Split:
    failed = view.status.failed
    if split.canary is not None or failed is None:
        return split
    return Split(stable=split.stable, canary=failed.backend, weight=0, idle=split.idle, gone=split.gone)


def deletion_actions(view: View) -> tuple[tuple[Action, ...], tuple[Reason, ...]]:
    """What deleting the Rollout still needs: stable has all traffic, our other entries are out, then the finalizer goes."""
    stable = view.stable
    if stable is None:
        return (*_answers(view), ReleaseFinalizer()), ()
    held = rollback_held(view)
    if held is not None:
        return _answers(view), (held,)
    actions: list[Action] = []
    done = True
    for route in view.seen.routes:
        split = _farewell(view, route)
        if not usable(route) or not shares.managed_by(route.pools, split):
            continue
        actions.append(SetSplit(route=route.ref, split=split, lowers=True))
        done = done and shares.in_force(route.pools, split)
    if not done:
        return (*actions, *_answers(view)), (
            Reason(code="Deleting", message=f"waiting until {stable.backend} has all traffic"),
        )
    return (*_farewell_subsets(view), *_answers(view), ReleaseFinalizer()), ()


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
