"""When must nothing be started or raised, and who may do it nevertheless?"""

from dataclasses import dataclass
from enum import StrEnum

from policies.approval import Approvers, Person
from policies.freeze import Once, Recurring
from rollout.model.names import Key

__all__ = ["FreezeWindow", "Once", "Overrun", "Recurring"]


class Overrun(StrEnum):
    """What becomes of a run in hand when a window begins."""

    FINISH = "finish"
    HOLD = "hold"


@dataclass(frozen=True, slots=True, kw_only=True)
class FreezeWindow:
    """A FreezeWindow's spec. labels: those that an object must have to be meant, () for all of them.

    reach: namespaces that are meant, () for the window's own, ("*",) for all. override: who may go on in it, with a
    reason; None for nobody. people: identities that are one person. vouched: namespaces whose Receivers may vouch for who
    overrides it, () for those of any. reason: for people.
    """

    key: Key
    windows: tuple[Recurring | Once, ...]
    labels: tuple[tuple[str, str], ...] = ()
    reach: tuple[str, ...] = ()
    overrun: Overrun = Overrun.FINISH
    override: Approvers | None = None
    people: tuple[Person, ...] = ()
    vouched: tuple[str, ...] = ()
    reason: str = ""
