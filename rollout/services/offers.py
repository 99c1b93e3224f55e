"""What may a person ask of a Rollout now, made for what, and what would come of it?

Each effect is a sentence that names the Rollout, its revision and what happens to the weight: whoever confirms it confirms
that. It is told by the same rules that would obey the command.
"""

from dataclasses import dataclass

from policies.approval import Waiting
from rollout.model.commands import Verb
from rollout.model.status import Phase
from rollout.progression.approving import present_gates
from rollout.progression.moves import moved
from rollout.progression.transitions import Trigger
from rollout.progression.triggers import Fired
from rollout.progression.view import FULL, View, next_weight
from rollout.services.account import Account
from rollout.services.looking import possible, unseen
from rollout.services.ordering import Binding, binding


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """A verb, what a command with it binds to, and its effect. backends: those that `name-stable` may name."""

    verb: Verb
    binding: Binding
    effect: str
    backends: tuple[str, ...] = ()


def offers(account: Account) -> tuple[Offer, ...]:
    """All that the controller may accept now, in the order of `rollout why`."""
    standing = account.standing
    view = account.view or unseen(standing, account.now)
    return tuple(
        Offer(
            verb=verb,
            binding=binding(verb, standing.status),
            effect=_effect(verb, view) if view is not None else f"{verb.value} of {standing.key}",
            backends=_serving(account.view) if verb is Verb.NAME_STABLE and account.view is not None else (),
        )
        for verb in possible(standing, account.view)
    )


def _effect(verb: Verb, view: View) -> str:
    match verb:
        case Verb.RETRY:
            return _retry(view)
        case Verb.NAME_STABLE:
            return f"The backend that you name counts as stable of {view.spec.key.name}: all traffic goes back to it."
        case _ if view.status.run is not None:
            return _of_run(verb, view)
        case _:
            return f"{verb.value} of {view.spec.key.name}."


def _of_run(verb: Verb, view: View) -> str:
    run, stable = view.run, view.stable.name if view.stable else "nothing"
    who, number = f"{view.spec.key.name} {run.canary.name}", view.status.runs
    match verb:
        case Verb.APPROVE:
            return _approve(view, who)
        case Verb.PROMOTE:
            return f"Soak and verdict of step {run.step} are skipped: {_goes(who, run.weight, next_weight(view))}."
        case Verb.PROMOTE_FULL:
            return f"Soak and verdict of all remaining steps are skipped: {_goes(who, run.weight, FULL)}."
        case Verb.ABORT | Verb.REJECT:
            how = "is aborted" if verb is Verb.ABORT else "is rejected"
            back = f"{_goes(who, run.weight, 0)}, and {stable} gets all traffic"
            return f"Run {number} {how}: {back}. {run.canary.name} is not tried again until somebody retries it or git names another revision."
        case Verb.PAUSE:
            return f"Weight of {who} stays at {run.weight} % until somebody resumes; a failure still takes it to 0 %."
        case Verb.RESUME:
            return _resume(view, who)
        case Verb.CONFIRM:
            return f"{stable} as it is now counts as stable, and run {number} of {who} goes on at {run.weight} %."
        case Verb.OVERRIDE:
            return f"Run {number} of {who} goes on from {run.weight} % in spite of the freeze; your reason is kept and told."
        case _:
            return f"{verb.value} of {who} in run {number}."


def _approve(view: View, who: str) -> str:
    run = view.run
    missing = sum(gate.stands.missing for gate in present_gates(view) if isinstance(gate.stands, Waiting))
    goes = _goes(who, run.weight, next_weight(view))
    if missing > 1:
        more = f"{missing - 1} more {'is' if missing == 2 else 'are'} needed"
        return f"Your approval of step {run.step} of {who} is counted; {more} before {goes}."
    return f"Your approval of step {run.step} of {who} is counted: {goes} as soon as nothing else holds it."


def _resume(view: View, who: str) -> str:
    run = view.run
    if view.status.phase is not Phase.PAUSED:
        return f"The reversals by somebody else are forgotten: weight of {who} is set to {run.weight} % again."
    after = moved(view, Fired(trigger=Trigger.RESUMED, why="")).run
    weight = after.weight if after is not None else run.weight
    if weight != run.weight:
        return f"Run {view.status.runs} goes on at step {run.step}: {_goes(who, run.weight, weight)}."
    return f"Run {view.status.runs} of {who} goes on at step {run.step} with {weight} %."


def _retry(view: View) -> str:
    failed, key = view.status.failed, view.spec.key
    name = f"{key.name} {failed.name if failed else view.spec.revision}"
    first = f": {_goes(name, 0, view.spec.steps[0].weight)} first" if view.spec.steps else ""
    return f"Run {view.status.runs + 1} of {name} starts{first}."


def _goes(who: str, before: int, after: int) -> str:
    return (
        f"weight of {who} goes from {before} % to {after} %"
        if before != after
        else f"weight of {who} stays at {before} %"
    )


def _serving(view: View) -> tuple[str, ...]:
    """Backends that carry traffic and have ready endpoints."""
    named = {
        entry.backend for route in view.seen.routes for pool in route.pools for entry in pool.entries if entry.weight
    }
    return tuple(str(backend) for backend in sorted(named) if view.backend(backend).ready)
