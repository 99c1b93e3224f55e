"""Who will have to approve the steps that are still to come, and is there a policy for each?"""

from collections.abc import Collection, Iterator

from rollout.model.rollout import Step
from rollout.model.status import Reason
from rollout.progression.approving import missing_words
from rollout.progression.view import View, plan_ahead


def gate_words(view: View, step: Step) -> str:
    """The policies that must approve, with how many people where one is not enough."""
    needed = {name: view.seen.approvals[name].quorum.minimum for name in step.approvals if name in view.seen.approvals}
    words = (f"{name} ({needed[name]} people)" if needed.get(name, 1) > 1 else name for name in step.approvals)
    return " and ".join(words)


def missing_policies(view: View, ahead: Collection[str]) -> Iterator[Reason]:
    """Policies that a step ahead will wait for in vain; the present step says so itself. ahead: names of stages."""
    for number, step in enumerate(plan_ahead(view), start=1):
        missing = [name for name in step.approvals if name not in view.seen.approvals]
        if missing and f"step {number}" in ahead and number != view.run.step:
            yield Reason(code="PolicyMissing", message=missing_words(view, number, missing), warning=True)
