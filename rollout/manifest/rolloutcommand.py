"""How is a command written as an object, and which Command does it mean?"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from policies.approval import Realm
from rollout.manifest.errors import Problem
from rollout.manifest.fields import Form, ObjectName, Text, Words, one_line
from rollout.manifest.group import API_VERSION
from rollout.model.commands import Command, Verb
from rollout.model.names import Key

Who = Annotated[str, Text("a user or group", "", 512)]


class TargetForm(Form):
    """What the command is for."""

    kind: Literal["Rollout", "GitSource", "MeshMigration"] = Field(description="What kind of object it is.")
    name: ObjectName = Field(description="Its name, in the command's namespace; a MeshMigration is in none.")


class ActorForm(Form):
    """Who gave the command."""

    user: Who = Field(description="The user's name.")
    groups: Annotated[list[Who], Field(max_length=100)] | None = Field(default=None, description="The user's groups.")
    realm: Literal["slack", "oidc", "callback"] | None = Field(
        default=None, description="Who knows the user; the cluster when absent. Only the controller may say so."
    )
    email: Who | None = Field(default=None, description="The address that the realm has proven.")
    vouched: Who | None = Field(default=None, description="Namespace of the Receiver that checked it.")
    proven: Who | None = Field(
        default=None, description="What proved a user of the cluster at the dashboard: token, proxy, issuer URL."
    )


class RolloutCommandForm(Form):
    """A person's demand; it never changes, and the controller answers in its status."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                {"rule": "self == oldSelf", "message": "a command cannot be changed; give a new one"},
                {
                    "rule": "(self.verb == 'name-stable') == has(self.backend)",
                    "message": "name-stable needs backend, and no other verb has it",
                },
                {
                    "rule": "(self.verb == 'acknowledge') == has(self.finding)",
                    "message": "acknowledge needs finding, and no other verb has it",
                },
                {
                    "rule": "self.verb != 'acknowledge' || (has(self.reason) && size(self.reason) > 0)",
                    "message": "acknowledge needs a reason",
                },
                {
                    "rule": "self.verb != 'override' || (has(self.reason) && size(self.reason) > 0)",
                    "message": "override needs a reason",
                },
                {
                    "rule": "!has(self.subject) || self.target.kind == 'MeshMigration'",
                    "message": "only a command for a MeshMigration has a subject",
                },
            ]
        }
    )

    target: TargetForm = Field(description="What it is for.")
    verb: Literal[
        "promote",
        "promote-full",
        "approve",
        "reject",
        "abort",
        "pause",
        "resume",
        "retry",
        "name-stable",
        "confirm",
        "override",
        "acknowledge",
        "fallback",
        "rollback",
    ] = Field(description="What is asked for.")
    run: Annotated[int, Field(ge=0, le=2**31)] | None = Field(default=None, description="The run it was made for.")
    step: Annotated[int, Field(ge=0, le=1000)] | None = Field(default=None, description="The step it was made for.")
    revision: Annotated[str, Text("a revision or commit", "", 64)] | None = Field(
        default=None, description="The revision it was made for; of a GitSource, the commit."
    )
    backend: Annotated[str, Text("a backend: SERVICE or SERVICE/SUBSET", "", 320)] | None = Field(
        default=None, description="What name-stable names: SERVICE or SERVICE/SUBSET."
    )
    subject: Annotated[str, Text("a namespace or a wave", "", 63)] | None = Field(
        default=None, description="What of a MeshMigration is meant: a namespace, or with approve and reject a wave."
    )
    finding: Annotated[str, Text("a finding: CHECK, or CHECK KIND NAMESPACE/NAME", "", 400)] | None = Field(
        default=None, description="What acknowledge takes responsibility for."
    )
    template: Annotated[str, Text("a hash", "", 64)] | None = Field(
        default=None, description="The hash of the canary's pod template that it was made for."
    )
    actor: ActorForm = Field(description="Who gave it.")
    channel: Annotated[str, Text("a channel", r"^[a-z][-a-z0-9]*$", 63)] = Field(
        description="How it came: cli, dashboard, slack, callback."
    )
    reason: Words | None = Field(default=None, description="Why, in the actor's words.")


class CommandStatusForm(Form):
    """The controller's answer."""

    result: Literal["Accepted", "Refused"] = Field(description="What became of the command.")
    message: str = Field(description="Why, and what is allowed now.")
    handled_at: datetime = Field(description="When it was answered.")


def command_problems(form: RolloutCommandForm) -> Iterator[Problem]:
    """What is wrong between its fields."""
    if (form.verb == "name-stable") != (form.backend is not None):
        yield Problem(path=("spec", "backend"), message="name-stable needs backend, and no other verb has it")
    if (form.verb == "acknowledge") != (form.finding is not None):
        yield Problem(path=("spec", "finding"), message="acknowledge needs finding, and no other verb has it")
    if form.verb == "acknowledge" and not form.reason:
        yield Problem(path=("spec", "reason"), message="acknowledge needs a reason")
    if form.verb == "override" and not form.reason:
        yield Problem(path=("spec", "reason"), message="override needs a reason")
    if form.subject is not None and form.target.kind != "MeshMigration":
        yield Problem(path=("spec", "subject"), message="only a command for a MeshMigration has a subject")


def command(form: RolloutCommandForm, metadata: Mapping[str, Any]) -> Command:
    """The model's command of a stored object; only for a form without problems."""
    return Command(
        uid=str(metadata["uid"]),
        name=str(metadata["name"]),
        verb=Verb(form.verb),
        actor=form.actor.user,
        channel=form.channel,
        created=datetime.fromisoformat(str(metadata["creationTimestamp"])),
        run=form.run,
        step=form.step,
        revision=form.revision,
        backend=form.backend or "",
        subject=form.subject or "",
        finding=form.finding or "",
        reason=one_line(form.reason or ""),
        template=form.template,
        groups=tuple(form.actor.groups or ()),
        realm=Realm(form.actor.realm) if form.actor.realm else Realm.CLUSTER,
        email=(form.actor.email or "").lower(),
        vouched=form.actor.vouched or "",
        proven=form.actor.proven or "",
    )


def command_to_dict(target: Key, wanted: Command, *, kind: str = "Rollout") -> dict[str, Any]:
    """The object that gives `wanted` to the `target` of this kind; uid and created are the server's to set.

    Without a name of its own the server makes one.
    """
    name = {"name": wanted.name} if wanted.name else {"generateName": f"{target.name[:40]}-{wanted.verb.value}-"}
    spec: dict[str, Any] = {
        "target": {"kind": kind, "name": target.name},
        "verb": wanted.verb.value,
        "actor": _actor(wanted),
        "channel": wanted.channel,
    }
    given = {
        "run": wanted.run,
        "step": wanted.step,
        "revision": wanted.revision,
        "backend": wanted.backend or None,
        "subject": wanted.subject or None,
        "finding": wanted.finding or None,
        "reason": wanted.reason or None,
        "template": wanted.template,
    }
    spec |= {field: value for field, value in given.items() if value is not None}
    metadata = {"namespace": target.namespace, **name}
    return {"apiVersion": API_VERSION, "kind": "RolloutCommand", "metadata": metadata, "spec": spec}


def _actor(wanted: Command) -> dict[str, Any]:
    actor: dict[str, Any] = {"user": wanted.actor, "groups": list(wanted.groups)}
    if wanted.realm is not Realm.CLUSTER:
        actor["realm"] = wanted.realm.value
    more = {"email": wanted.email, "vouched": wanted.vouched, "proven": wanted.proven}
    return actor | {name: text for name, text in more.items() if text}
