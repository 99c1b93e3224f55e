"""Which promises does every saved status keep towards the one before it? product.md section 1, one function each.

An invariant answers with what breaks it, "" for nothing.
"""

from collections.abc import Callable
from datetime import timedelta
from math import ceil

from rollout.model.commands import Result
from rollout.model.status import DEEDS_KEPT, FIGHTS_KEPT, HANDLED_KEPT, HISTORY_KEPT, Phase, RolloutStatus, Run
from tests.support.freezing import frozen_by, raises
from tests.support.vowed import Saved

INTERVAL = timedelta(seconds=60)  # of the analysis, in every spec of the machine


def no_step_is_skipped(saved: Saved) -> str:
    """A run goes from step to step, unless a person let it go through all that are left."""
    old, new = saved.before.status.run, saved.after.status.run
    if not saved.same_run or old is None or new is None or _is_ordered(saved) or new.straight:
        return ""
    return f"from step {old.step} to {new.step}" if new.step > old.step + 1 else ""


def no_gate_is_jumped(saved: Saved) -> str:
    """A step with an approval is left behind only where a person approved this step of this run of this revision."""
    old, new = saved.before.status.run, saved.after.status.run
    if not saved.same_run or old is None or new is None or new.straight or not 0 < old.step < new.step:
        return ""
    runs = saved.before.status.runs
    for number in range(old.step, min(new.step, len(old.plan) + 1)):
        wanted = ("approve", runs, number, old.canary.name)
        specs = [command["spec"] for command in saved.before.commands.values()]
        given = [(one["verb"], one.get("run"), one.get("step"), one.get("revision")) for one in specs]
        if old.plan[number - 1].approvals and wanted not in given:
            return f"step {number} of run {runs} was left without an approval"
    return ""


def the_soak_is_kept(saved: Saved) -> str:
    """A step lasts as long as its soak from when its weight was in force, unless a person skipped it."""
    old, new = saved.before.status.run, saved.after.status.run
    if not _passed(saved) or old is None or new is None or new.straight or _is_ordered(saved):
        return ""
    soak = old.plan[old.step - 1].soak
    if old.in_force_at is None or saved.after.now - old.in_force_at < soak:
        return f"step {old.step} ended at {saved.after.now}, in force since {old.in_force_at}, soak {soak}"
    return ""


def nothing_passes_on_a_guess(saved: Saved) -> str:
    """No step ends, and no run that bakes is promoted, while the metrics say anything but that all is well."""
    old, weather = saved.before.status.run, saved.before.weather
    bakes = saved.before.spec.get("analysis", {}).get("bake", "0s") != "0s"
    promoted = bakes and saved.before.status.phase is Phase.PROMOTING and saved.after.status.phase is Phase.IDLE
    if old is None or not (_passed(saved) or promoted) or weather.mood == "good" or weather.lasts <= INTERVAL:
        return ""
    if old.straight or _is_ordered(saved):
        return ""
    return f"step {old.step} ended while the metrics were {weather.mood} for {weather.lasts}"


def no_webhook_is_passed_by(saved: Saved) -> str:
    """No step begins while the webhook that opens steps says no; not by a person's word either."""
    old, new, shut = saved.before.status.run, saved.after.status.run, saved.before.weather.shut
    if not saved.same_run or old is None or new is None or new.straight or shut is None or shut <= 2 * INTERVAL:
        return ""
    asked = bool(saved.before.spec.get("webhooks"))
    return f"step {new.step} began while the webhook said no for {shut}" if asked and new.step > old.step else ""


def frozen_raises_nothing(saved: Saved) -> str:
    """In a freeze window nothing is raised that nobody let through it."""
    old, new = saved.before.status, saved.after.status
    frozen = frozen_by(saved.before.weather.freezes, old, new, saved.after.now)
    is_raise = saved.before.weather.fresh and frozen and raises(old, new)
    return f"raised in {frozen}" if is_raise else ""


def weight_comes_after_capacity(saved: Saved) -> str:
    """A weight is raised only with as many ready pods as its share of stable's."""
    old, new = saved.before.status, saved.after.status
    if new.run is None or not saved.before.weather.fresh or not raises(old, new):
        return ""
    needed = max(1, ceil(new.run.stable_ready * new.run.weight / 100))
    has = saved.before.pods.get(new.run.canary.name, 0)
    return f"{has} pods are ready of {needed} for {new.run.weight} %" if has < needed else ""


def runs_are_counted_upwards(saved: Saved) -> str:
    """The number of a run is never given again."""
    old, new = saved.before.status.runs, saved.after.status.runs
    return "" if new in (old, old + 1) else f"run {old}, then {new}"


def history_is_not_rewritten(saved: Saved) -> str:
    """What is past stays as it was written, newest first."""
    old, new = saved.before.status.history, saved.after.status.history
    fresh = new[: len(new) - len(old)] if len(old) < HISTORY_KEPT else new[:1]
    kept = {new[len(fresh) :], new} if len(old) == HISTORY_KEPT else {new[len(fresh) :]}
    return "" if any(old[: len(one)] == one for one in kept) else f"{old} became {new}"


def a_status_is_bounded(saved: Saved) -> str:
    """No list of a status grows for ever."""
    status = saved.after.status
    long = [name for name, has, most in _lengths(status) if has > most]
    if len({one.uid for one in status.handled}) < len(status.handled):
        return "a command was handled twice"
    return f"{long[0]} is too long" if long else ""


def _lengths(status: RolloutStatus) -> tuple[tuple[str, int, int], ...]:
    deeds = [past.deeds for past in status.history] + ([status.run.deeds] if status.run else [])
    return (
        ("history", len(status.history), HISTORY_KEPT),
        ("handled", len(status.handled), HANDLED_KEPT),
        ("fights", len(status.fights), FIGHTS_KEPT),
        ("deeds", max(map(len, deeds), default=0), DEEDS_KEPT),
    )


def stable_is_what_has_the_traffic(saved: Saved) -> str:
    """Only a revision that has all of this service's traffic becomes stable, or one that a person named."""
    old, new = saved.before.status.stable, saved.after.status.stable
    if old is None or new is None or old.backend == new.backend or not saved.before.weather.fresh:
        return ""
    if any(one["spec"]["verb"] == "name-stable" for one in saved.before.commands.values()):
        return ""
    left = saved.before.share(str(old.backend), saved.before.named)
    return f"{new.name} became stable while {old.name} had {left} %" if left else ""


def a_failed_run_is_not_tried_again(saved: Saved) -> str:
    """What failed begins again only by `retry`, as a revert, or when git named something else in between."""
    failed, run = saved.before.status.failed, saved.after.status.run
    if failed is None or run is None or saved.after.status.runs == saved.before.status.runs or run.straight:
        return ""
    asked = any(one["spec"]["verb"] == "retry" for one in saved.before.commands.values())
    same = (run.canary.name, run.canary.template) == (failed.name, failed.template)
    return f"{failed.name} failed and began again" if same and not asked else ""


def no_run_is_forgotten(saved: Saved) -> str:
    """A run that is over stands in the history."""
    old, new = saved.before.status, saved.after.status
    gone = old.run is not None and (new.run is None or new.runs != old.runs)
    return f"run {old.runs} left no trace" if gone and old.runs not in [one.run for one in new.history] else ""


def _is_ordered(saved: Saved) -> bool:
    """Whether a person said not to wait: before, or by a command that was taken in just now."""
    old, known = saved.before.status.run, {one.uid for one in saved.before.status.handled}
    new = {one.uid for one in saved.after.status.handled if one.result is Result.ACCEPTED} - known
    given = [one["spec"]["verb"] for one in saved.before.commands.values() if one["metadata"]["uid"] in new]
    return (old is not None and (old.skip or old.full)) or bool({"promote", "promote-full"} & set(given))


def _passed(saved: Saved) -> bool:
    """Whether this save ended a step of the run."""
    old: Run | None = saved.before.status.run
    new: Run | None = saved.after.status.run
    return saved.same_run and old is not None and new is not None and 0 < old.step < new.step


OF_STATUSES: tuple[Callable[[Saved], str], ...] = (
    no_step_is_skipped,
    no_gate_is_jumped,
    the_soak_is_kept,
    nothing_passes_on_a_guess,
    no_webhook_is_passed_by,
    frozen_raises_nothing,
    weight_comes_after_capacity,
    runs_are_counted_upwards,
    history_is_not_rewritten,
    a_status_is_bounded,
    stable_is_what_has_the_traffic,
    a_failed_run_is_not_tried_again,
    no_run_is_forgotten,
)
