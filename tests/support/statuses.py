"""What conditions does the core write for a status and the reasons that hold it?"""

from dataclasses import replace

from rollout.model.observation import Observation
from rollout.model.status import Reason, RolloutStatus
from rollout.progression.telling import conditions
from rollout.progression.view import View
from tests.support.builders import NOON, a_spec


def told(status: RolloutStatus, *reasons: Reason) -> RolloutStatus:
    """The status with these reasons and the conditions that the core makes of them."""
    status = replace(status, reasons=reasons, next="what comes next")
    view = View(spec=a_spec(), status=status, seen=Observation(), verdicts=(), now=NOON)
    return replace(status, conditions=conditions(view, reasons))
