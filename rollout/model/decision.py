"""What does a decision consist of?"""

from dataclasses import dataclass
from datetime import datetime

from rollout.model.actions import Action
from rollout.model.status import Reason, RolloutStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """One value out: the status to save, what to do, what to tell people, and when to look again.

    events: what became true in this tick, announced once; `status.reasons` is what holds now.
    trigger: the name of the transition taken, "" for none. wake_at: None when only a change can matter.
    """

    status: RolloutStatus
    actions: tuple[Action, ...]
    events: tuple[Reason, ...] = ()
    trigger: str = ""
    wake_at: datetime | None = None
