"""How is an ApprovalPolicy written, and what does it ask for?"""

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field

from policies.approval import Quorum
from rollout.durations import duration
from rollout.manifest.errors import Problem
from rollout.manifest.fields import Between, Duration, Form, rules
from rollout.manifest.people import ApproversForm, People, approvers, approvers_problems, people, people_problems
from rollout.model.approval import ApprovalPolicy, OnTimeout
from rollout.model.names import Key

MOST_NEEDED = 20
_TIMES_OUT = "onTimeout: rollback needs expiresAfter, or the gate waits for ever"


class ApprovalPolicyForm(Form):
    """Who must approve a step that names this policy."""

    model_config = rules(("self.onTimeout == 'hold' || has(self.expiresAfter)", _TIMES_OUT))

    approvers: ApproversForm | None = Field(
        default=None, description="Who may approve; whoever the cluster's RBAC lets approve when absent."
    )
    minimum: Annotated[int, Field(ge=1, le=MOST_NEEDED)] = Field(default=1, description="How many people must approve.")
    four_eyes: bool = Field(
        default=False,
        description="Author and committer of the commit that asked for the revision do not count; needs a GitSource with verify.",
    )
    expires_after: Annotated[Duration, Between("1m", "720h")] | None = Field(
        default=None, description="How long an approval counts and the gate waits; for ever when absent."
    )
    on_timeout: Literal["hold", "rollback"] = Field(
        default="hold", description="What happens when nobody opened the gate within expiresAfter."
    )
    people: People | None = Field(default=None, description="Identities that are one person.")


def approval_policy_problems(form: ApprovalPolicyForm) -> Iterator[Problem]:
    """What is wrong between its fields."""
    if form.approvers is not None:
        yield from approvers_problems(form.approvers, ("spec", "approvers"))
    yield from people_problems(form.people, ("spec", "people"))
    if form.on_timeout == "rollback" and form.expires_after is None:
        yield Problem(path=("spec", "onTimeout"), message=_TIMES_OUT)


def approval_policy(form: ApprovalPolicyForm, key: Key) -> ApprovalPolicy:
    """The policy; only for a form without problems."""
    return ApprovalPolicy(
        key=key,
        quorum=Quorum(
            approvers=approvers(form.approvers) if form.approvers else None,
            minimum=form.minimum,
            four_eyes=form.four_eyes,
            expires_after=duration(form.expires_after) if form.expires_after else None,
            people=people(form.people),
        ),
        on_timeout=OnTimeout(form.on_timeout),
    )
