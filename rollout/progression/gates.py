"""How does each policy that a step names stand, by the approvals that were given for the step?

Pure values: `view.py` asks it about steps ahead, `approving.py` about the present one.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from policies.approval import Authors, Given, Identity, Open, Quorum, Realm, Standing, standing
from rollout.model.approval import ApprovalPolicy
from rollout.model.deeds import Approval
from rollout.model.observation import Observation
from rollout.model.rollout import Step
from rollout.model.status import Run

ASK_AGAIN = timedelta(minutes=1)  # whose change it is, where git could not prove it


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """One policy of a step. policy and stands: None where there is no such policy, or it cannot be read."""

    name: str
    policy: ApprovalPolicy | None = None
    stands: Standing | None = None

    @property
    def is_open(self) -> bool:
        """Whether this policy lets the step end."""
        return isinstance(self.stands, Open)

    @property
    def quorum(self) -> Quorum:
        """What the policy asks for; one that is missing asks for nothing that anybody could give."""
        return self.policy.quorum if self.policy is not None else Quorum()


def gates_of(number: int, step: Step, run: Run, seen: Observation, now: datetime) -> tuple[Gate, ...]:
    """The gates of step `number`, in the order of the plan; () where it names no policy."""
    found = ((name, seen.approvals.get(name)) for name in step.approvals)
    given, authors = given_for(run, number), authors_of(run, seen)
    return tuple(
        Gate(name=name, policy=policy, stands=standing(policy.quorum, given, authors, now) if policy else None)
        for name, policy in found
    )


def is_passed(number: int, step: Step, run: Run, seen: Observation, now: datetime) -> bool:
    """Whether every policy of step `number` lets it end."""
    return all(gate.is_open for gate in gates_of(number, step, run, seen, now))


def given_for(run: Run, number: int) -> tuple[Given, ...]:
    """The approvals of this run for step `number`."""
    return tuple(Given(by=identity_of(one), at=one.at) for one in run.approvals if one.step == number)


def identity_of(approval: Approval) -> Identity:
    """Who approved. Older versions wrote down only the name, and knew none but users of the cluster."""
    return approval.identity or Identity(realm=Realm.CLUSTER, user=approval.by)


def authors_of(run: Run, seen: Observation) -> Authors | None:
    """Whose change it is: once that is proven it stays so for the run; None where nobody asked yet."""
    known = run.authors
    if known is not None and not known.unproven:
        return known
    return seen.authors or known
