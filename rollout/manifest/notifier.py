"""How is a Notifier written, and what does it tell where?"""

from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from rollout.manifest.errors import Problem
from rollout.manifest.fields import Form, Text, rules
from rollout.manifest.freezewindow import Reach
from rollout.manifest.gitsource import SecretRefForm
from rollout.manifest.people import Labels, labels
from rollout.model.names import Key
from rollout.model.notifier import Channel, Notifier, Severity

_ADDRESS = "slack needs channel, and no other type has it"
SlackChannel = Annotated[
    str, Text("a Slack channel by its id, such as C024BE91L, or #name", r"^(#[^\s#]+|[CG][A-Z0-9]+)$", 80)
]


class NotifierForm(Form):
    """Where news go, and which."""

    model_config = rules(("(self.type == 'slack') == has(self.channel)", _ADDRESS))

    type: Literal["slack", "webhook", "cloudevents", "teams"] = Field(description="How news travel.")
    secret_ref: SecretRefForm = Field(
        description="Secret with Slack's `token`; of the others the `url`, and `secret` to sign with (not of teams)."
    )
    channel: SlackChannel | None = Field(default=None, description="Slack's channel.")
    severity: Literal["info", "warning"] = Field(
        default="info", description="warning: only what went wrong or waits for a person."
    )
    selector: Labels | None = Field(
        default=None, description="Labels that an object must have; all are told of when absent."
    )
    namespaces: Annotated[list[Reach], Field(min_length=1, max_length=1000)] | None = Field(
        default=None,
        description='Namespaces that are told of, "*" for all; only a Notifier in the controller\'s namespace has them.',
    )
    kinds: Annotated[list[Literal["Rollout", "MeshMigration"]], Field(min_length=1, max_length=2)] | None = Field(
        default=None, description="Kinds that are told of; Rollout when absent."
    )
    most_per_minute: Annotated[int, Field(ge=1, le=10_000)] = Field(
        default=60, description="Messages per minute; what comes meanwhile is told together."
    )
    suspend: bool = Field(default=False, description="True: nothing is sent.")


class NotifierConditionForm(Form):
    """A Kubernetes condition (kstatus)."""

    type: str
    status: Literal["True", "False", "Unknown"]
    reason: str
    message: str
    last_transition_time: datetime


class ToldForm(Form):
    """What one object's news were told up to."""

    object: str = Field(description="NAMESPACE/NAME of a Rollout, the name alone of a MeshMigration.")
    mark: str = Field(description="Where it stood when it was told last.")
    message: str | None = Field(default=None, description="The message that is edited, as the receiver names it.")


class NotifierStatusForm(Form):
    """What the controller remembers of a Notifier."""

    observed_generation: int | None = Field(default=None, description="The generation that it speaks of.")
    since: datetime | None = Field(default=None, description="What ended before is not told.")
    told: Annotated[list[ToldForm], Field(max_length=2000)] | None = Field(
        default=None, description="How far each is told."
    )
    conditions: Annotated[list[NotifierConditionForm], Field(max_length=20)] | None = None


def notifier_problems(form: NotifierForm) -> Iterator[Problem]:
    """What is wrong between its fields."""
    if (form.type == "slack") != (form.channel is not None):
        yield Problem(path=("spec", "channel"), message=_ADDRESS)


def notifier(form: NotifierForm, key: Key) -> Notifier:
    """The notifier; only for a form without problems."""
    return Notifier(
        key=key,
        channel=Channel(form.type),
        secret=form.secret_ref.name,
        address=form.channel or "",
        severity=Severity(form.severity),
        labels=labels(form.selector),
        namespaces=tuple(form.namespaces or ()),
        kinds=tuple(form.kinds or ("Rollout",)),
        most_per_minute=form.most_per_minute,
        suspend=form.suspend,
    )
