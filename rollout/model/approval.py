"""Which policy must approve a step, and what becomes of a gate that nobody opens?"""

from dataclasses import dataclass
from enum import StrEnum

from policies.approval import Quorum
from rollout.model.names import Key


class OnTimeout(StrEnum):
    """What happens when a gate was not opened in time."""

    HOLD = "hold"
    ROLLBACK = "rollback"


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalPolicy:
    """An ApprovalPolicy's spec. on_timeout: only asked when the quorum expires."""

    key: Key
    quorum: Quorum
    on_timeout: OnTimeout = OnTimeout.HOLD
