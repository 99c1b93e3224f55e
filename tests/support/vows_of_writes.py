"""Which promises does every single write of the controller keep? product.md section 1, one function each.

An invariant answers with what breaks it, "" for nothing.
"""

from collections.abc import Callable
from typing import Any

from adapters.traffic.writers import last_writer
from rollout.manifest.group import FINALIZER
from rollout.model.status import Phase
from tests.support.vowed import HOST, Truth, Write, is_ours, named, pools_of

STANDING = (Phase.PAUSED, Phase.ROLLING_BACK, Phase.FAILED)


def raised_only_once_it_was_saved(write: Write) -> str:
    """No canary has more than the status said that was stored before the write."""
    run = write.before.status.run
    for name, share in write.raised():
        saved = run.weight if run is not None and str(run.canary.backend) == name else 0
        if share > saved:
            return f"{name} got {share} %, {saved} % was saved"
    return ""


def never_above_the_step(write: Write) -> str:
    """A raised weight is at most that of the present step, all of it only with no step left."""
    run = write.before.status.run
    if run is None or run.straight or run.step > len(run.plan):
        return ""
    most = run.plan[run.step - 1].weight if run.step else 0
    above = [f"{name} got {share} %, step {run.step} has {most} %" for name, share in write.raised() if share > most]
    return above[0] if above else ""


def only_the_canary_rises(write: Write) -> str:
    """Whatever else traffic may go to, nothing but the canary of the run in hand gets more of it."""
    run = write.before.status.run
    canary = str(run.canary.backend) if run is not None else ""
    others = [name for name, _ in write.raised() if name != canary and is_ours(name)]
    return f"{others[0]} rose while {canary or 'nothing'} is on trial" if others else ""


def what_stands_raises_nothing(write: Write) -> str:
    """Neither a paused run, nor one on its way back, nor a failed one gets more traffic."""
    phase = write.before.status.phase
    return f"{write.raised()[0][0]} rose in {phase}" if phase in STANDING and write.raised() else ""


def what_a_person_lowered_stays(write: Write) -> str:
    """A canary from which a person took weight that was in force gets none back while nobody resumes the run."""
    run, name = write.before.status.run, write.path.rpartition("/")[2]
    route = write.before.routes.get(name) if "/virtualservices/" in write.path else None
    if run is None or route is None or last_writer(route, "rollout-controller").manager != "kubectl-edit":
        return ""
    had, has = (truth.share(str(run.canary.backend), (name,)) for truth in (write.before, write.after))
    return (
        f"{name} was lowered to {had} %, and set to {has} %"
        if had < min(run.confirmed, run.weight) and had < has
        else ""
    )


def suspended_raises_nothing(write: Write) -> str:
    """With `suspend` in the spec no canary gets more traffic."""
    if not (write.before.weather.fresh and write.before.spec.get("suspend") and write.raised()):
        return ""
    return f"{write.raised()[0][0]} rose while suspended"


def nobody_is_sent_to_the_dead(write: Write) -> str:
    """No backend without a ready endpoint gets more traffic, stable on the way back neither."""
    if not write.before.weather.fresh:
        return ""
    for name in sorted(write.after.backends()):
        if is_ours(name) and write.after.share(name) > write.before.share(name) and not write.before.ready.get(name):
            return f"{name} has no ready endpoint and got {write.after.share(name)} %"
    return ""


def every_subset_is_there(write: Write) -> str:
    """No subset gets more traffic that no DestinationRule defines."""
    defined = _defined(write.after)
    for name, share in write.raised():
        host, _, subset = name.partition("/")
        if host == HOST and subset not in {"", "v1", *defined}:  # v1's is the user's own
            return f"{name} got {share} %, and no subset {subset} is defined"
    return ""


def no_subset_in_use_goes(write: Write) -> str:
    """No write takes a subset away while a route gives it traffic."""
    gone = _defined(write.before) - _defined(write.after)
    used = [name for name in sorted(gone) if write.after.share(f"{HOST}/{name}")]
    return f"subset {used[0]} was taken away with {write.after.share(f'{HOST}/{used[0]}')} %" if used else ""


def _defined(truth: Truth) -> set[str]:
    return {subset["name"] for rule in truth.rules.values() for subset in rule["spec"].get("subsets", ())}


def what_is_not_ours_stays(write: Write) -> str:
    """Apart from this service's entries and weights a route stays as its owner wrote it."""
    for name in write.before.routes.keys() & write.after.routes.keys():
        before, after = (_foreign(truth, name) for truth in (write.before, write.after))
        if before != after:
            return f"{name} was {before} and is {after}"
    return ""


def _foreign(truth: Truth, name: str) -> dict[str, Any]:
    """The user's part of a route: everything but the entries of this service."""
    route = truth.routes[name]
    rules = [
        {**rule, "route": [entry for entry in rule.get("route", ()) if not is_ours(named(entry))]}
        for rule in route["spec"].get("http", ())
    ]
    meta = {key: route["metadata"].get(key) for key in ("labels", "annotations")}
    return {**meta, "spec": {**route["spec"], "http": rules}}


def weights_add_up(write: Write) -> str:
    """The weights of a pool that was written are whole and add up to 100."""
    for name in write.before.routes.keys() & write.after.routes.keys():
        for old, new in zip(pools_of(write.before.routes[name]), pools_of(write.after.routes[name]), strict=False):
            weights = [entry.get("weight", 100 if len(new) == 1 else 0) for entry in new]
            if old != new and (sum(weights) != 100 or any(type(weight) is not int for weight in weights)):
                return f"{name} has the weights {weights}"
    return ""


def routes_keep_an_entry(write: Write) -> str:
    """No pool loses its last entry."""
    empty = [name for name in write.after.routes if any(not pool for pool in pools_of(write.after.routes[name]))]
    return f"{empty[0]} leads nowhere" if empty else ""


def only_what_it_may_write_is_written(write: Write) -> str:
    """Routes, DestinationRules of ours, our own kinds, and nothing else; none of them is deleted but our rule."""
    kinds = ("/virtualservices/", "/destinationrules", "/rollouts/", "/rolloutcommands/")
    if not any(kind in write.path for kind in kinds):
        return f"{write.path} was written"
    if "/destinationrules" not in write.path and write.verb != "patch":
        return f"{write.path}: {write.verb}"
    return ""


def the_finalizer_comes_first(write: Write) -> str:
    """Nothing is written for a Rollout that is gone or that could go without us."""
    if "/rollouts/" in write.path or "/rolloutcommands/" in write.path:
        return ""
    held = (write.before.rollout or {}).get("metadata", {}).get("finalizers") or ()
    return "" if FINALIZER in held else f"{write.path} was written without the finalizer"


def an_answer_stays(write: Write) -> str:
    """A command that was answered is not answered again."""
    for name, command in write.before.commands.items():
        old, new = command.get("status"), write.after.commands.get(name, command).get("status")
        if (old or {}).get("result") and old != new:
            return f"{name} was answered {old} and then {new}"
    return ""


OF_WRITES: tuple[Callable[[Write], str], ...] = (
    raised_only_once_it_was_saved,
    never_above_the_step,
    only_the_canary_rises,
    what_stands_raises_nothing,
    what_a_person_lowered_stays,
    suspended_raises_nothing,
    nobody_is_sent_to_the_dead,
    every_subset_is_there,
    no_subset_in_use_goes,
    what_is_not_ours_stays,
    weights_add_up,
    routes_keep_an_entry,
    only_what_it_may_write_is_written,
    the_finalizer_comes_first,
    an_answer_stays,
)
