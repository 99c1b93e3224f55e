"""Does a freeze hold this run, until when, and who may go on in it?

A run without weight is held at its beginning whatever `overrun` says; one that has weight only by windows that say `hold`.
What goes back is never held: a rollback, or a revert to the former stable.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from policies.approval import Identity, Quorum, is_approver
from policies.freeze import ENDLESS, end_words, held_until, held_within, turns
from policies.people import listed_words
from rollout.model.commands import Command
from rollout.model.deeds import Override
from rollout.model.freeze import FreezeWindow, Overrun
from rollout.model.names import Key
from rollout.model.status import Phase, Reason, Run
from rollout.progression.approving import UNBOUND
from rollout.progression.view import View


def frozen(view: View) -> Reason | None:
    """Why a freeze lets nothing be raised: until when, by which windows, and who may override them; None without one."""
    windows = holding(view)
    if not windows:
        return None
    others = (one for one in _meaning(view) if one in windows or not _is_overridden(view.run, one, view.now))
    until = held_until([window for one in others for window in one.windows], view.now)
    end = f" {end_words(until)}" if until is not None else ""
    names = ", ".join(str(one.key) for one in windows)
    why = "; ".join(dict.fromkeys(one.reason for one in windows if one.reason))
    what = f"frozen{end} by FreezeWindow{'s' if len(windows) > 1 else ''} {names}{f' ({why})' if why else ''}"
    return Reason(code="Frozen", message=f"{what}; {_who_overrides(windows)}")


def holding(view: View) -> tuple[FreezeWindow, ...]:
    """The windows that hold this run now and that nobody has overridden for it."""
    return tuple(
        one
        for one in _meaning(view)
        if held_until(one.windows, view.now) is not None and not _is_overridden(view.run, one, view.now)
    )


def freeze_moments(view: View) -> tuple[datetime, ...]:
    """When a freeze begins or ends for the run in hand."""
    if view.status.run is None:
        return ()
    return turns([window for one in view.seen.freezes for window in one.windows], view.now)


def override_refusal(view: View, command: Command) -> str:
    """Why this one may not let the run go on in a freeze, for people; "" when he may."""
    windows = holding(view)
    if not windows:
        return f"no freeze holds run {view.status.runs}: nothing is to be overridden"
    if command.run is None:
        return f"override must say the run; now it is {view.status.runs}"
    if not view.seen.actors_bound:
        return f"no override counts here: {UNBOUND}"
    if not command.reason.strip():
        return "override needs a reason"
    for one in windows:
        if not may_override(one, command.identity):
            return f"{command.identity} may not override FreezeWindow {one.key}: {_who(one)}"
    return ""


def overridden(view: View, command: Command) -> Override:
    """What is remembered of an override: by whom, why, and of which windows, those of an earlier one among them."""
    before = view.run.override
    known = [
        name
        for name in (before.windows if before is not None else ())
        if any(str(one.key) == name and _is_overridden(view.run, one, view.now) for one in view.seen.freezes)
    ]
    return Override(
        by=str(command.identity),
        at=view.now,
        windows=tuple(sorted({*known, *(str(one.key) for one in holding(view))})),
        reason=command.reason,
        channel=command.channel,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class FreezeAhead:
    """A freeze that will hold a run in hand, if it is not done before."""

    window: Key
    start: datetime
    end: datetime


def freezes_ahead(view: View, duration: timedelta) -> tuple[FreezeAhead, ...]:
    """The freezes that a run of this least duration meets on its way, by time: those that say `hold`.

    One that holds it now is a hold already; the run is reckoned from its end.
    """
    meant = [one for one in _meaning(view) if not _is_overridden(view.run, one, view.now)]
    start = held_until([window for one in meant for window in one.windows], view.now) or view.now
    found = [
        FreezeAhead(window=one.key, start=span.start, end=span.end)
        for one in meant
        if one.overrun is Overrun.HOLD and start.year < ENDLESS
        for span in held_within(one.windows, start + duration, start)
    ]
    return tuple(sorted(found, key=lambda one: (one.start, one.window)))


def may_override(window: FreezeWindow, identity: Identity) -> bool:
    """Whether the window lets this one go on, as whoever may vouch for people here says who he is."""
    if window.override is None:
        return False
    quorum = Quorum(approvers=window.override, people=window.people, vouched=window.vouched)
    return is_approver(quorum, identity)


def _meaning(view: View) -> tuple[FreezeWindow, ...]:
    """The windows that hold the run whenever they hold."""
    run = view.status.run
    if run is None or view.status.phase is Phase.ROLLING_BACK or (run.straight and view.stable is not None):
        return ()
    return tuple(one for one in view.seen.freezes if one.overrun is Overrun.HOLD or run.weight == 0)


def _is_overridden(run: Run, window: FreezeWindow, now: datetime) -> bool:
    """Whether somebody overrode the window for this run, and it has held without a break since: the next time is another."""
    override = run.override
    if override is None or str(window.key) not in override.windows:
        return False
    until = held_until(window.windows, override.at)
    return until is not None and now < until


def _who_overrides(windows: tuple[FreezeWindow, ...]) -> str:
    closed = [one for one in windows if one.override is None]
    if closed:
        return f"nobody may override {closed[0].key if len(windows) > 1 else 'it'}"
    words = dict.fromkeys(_who(one) for one in windows)
    return f"`rollout override` goes on: {' and '.join(words)}"


def _who(window: FreezeWindow) -> str:
    return f"{listed_words(window.override)} may" if window.override is not None else "nobody may"
