"""When must nothing be started or raised, and who may do it nevertheless?"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from policies.approval import Approvers, Person
from rollout.model.names import Key


class Overrun(StrEnum):
    """What becomes of a run in hand when a window begins."""

    FINISH = "finish"
    HOLD = "hold"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recurring:
    """A window that comes again. schedule: five fields of cron, when it begins; zone: IANA name of the clock on the wall."""

    schedule: str
    duration: timedelta
    zone: str = "UTC"


@dataclass(frozen=True, slots=True, kw_only=True)
class Once:
    """A window between two moments, the end not included."""

    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class FreezeWindow:
    """A FreezeWindow's spec. labels: those that an object must have to be meant, () for all of them.

    reach: namespaces that are meant, () for the window's own, ("*",) for all. override: who may go on in it, with a
    reason; None for nobody. people: identities that are one person. reason: for people.
    """

    key: Key
    windows: tuple[Recurring | Once, ...]
    labels: tuple[tuple[str, str], ...] = ()
    reach: tuple[str, ...] = ()
    overrun: Overrun = Overrun.FINISH
    override: Approvers | None = None
    people: tuple[Person, ...] = ()
    reason: str = ""
