"""Does a freeze keep the namespaces of a wave from changing, and until when?

Whatever goes back is never asked: a fallback opens and a rollback restores in a freeze as at any other time.
"""

from collections.abc import Iterable
from datetime import datetime

from policies.freeze import end_words, held_until, turns
from rollout.model.freeze import FreezeWindow, Overrun
from rollout.model.migration import Wave
from rollout.model.status import Reason

EVERYWHERE = "*"


def freeze_hold(freezes: Iterable[FreezeWindow], wave: Wave, now: datetime, *, in_hand: bool) -> Reason | None:
    """Why the wave's namespaces do not begin or change now; None without a freeze that means them.

    in_hand: the namespace is changing already; where the window says `finish` it goes on to the end of that.
    """
    meant = [one for one in freezes if means(one, wave) and (one.overrun is Overrun.HOLD or not in_hand)]
    held = [one for one in meant if held_until(one.windows, now) is not None]
    if not held:
        return None
    until = held_until([window for one in meant for window in one.windows], now)
    end = f" {end_words(until)}" if until is not None else ""
    names = ", ".join(str(one.key) for one in held)
    why = "; ".join(dict.fromkeys(one.reason for one in held if one.reason))
    message = f"frozen{end} by FreezeWindow{'s' if len(held) > 1 else ''} {names}{f' ({why})' if why else ''}"
    return Reason(code="Frozen", message=message)


def means(window: FreezeWindow, wave: Wave) -> bool:
    """Whether the window is for the wave: it reaches everywhere, or one of the namespaces that move together."""
    return not window.reach or EVERYWHERE in window.reach or not set(window.reach).isdisjoint(wave.namespaces)


def freeze_moments(freezes: Iterable[FreezeWindow], now: datetime) -> tuple[datetime, ...]:
    """When a freeze begins or ends next."""
    return turns([window for one in freezes for window in one.windows], now)
