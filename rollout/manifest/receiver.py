"""How is a Receiver written, and whom does it let knock?"""

from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from rollout.durations import duration
from rollout.manifest.errors import Problem
from rollout.manifest.fields import Between, Duration, Form, Name, ObjectName, Text, rules
from rollout.manifest.gitsource import SecretRefForm
from rollout.manifest.people import ApproversForm, User, approvers, approvers_problems
from rollout.model.commands import Verb
from rollout.model.names import Key
from rollout.model.receiver import GIT_HOSTS, Grant, Oidc, Proof, Receiver, Sender

MOST_SOURCES = 100
_GIT = "['" + "', '".join(sorted(GIT_HOSTS)) + "']"
Workspace = Annotated[str, Text("Slack's team id, such as T024BE7LD", r"^[TE][A-Z0-9]+$", 32)]
Url = Annotated[str, Text("a URL that starts with https:// (or http:// of this machine)", r"^https?://[^\s]+$", 1024)]
ClaimName = Annotated[str, Text("the name of a claim", r"^[A-Za-z0-9_.:/-]+$", 253)]


class OidcForm(Form):
    """Whose tokens are believed."""

    issuer: Url = Field(
        description="The issuer, word for word as in `iss`; its keys are read from its discovery document."
    )
    audience: User = Field(description="What `aud` must hold.")
    claims: Annotated[dict[ClaimName, User], Field(min_length=1, max_length=20)] = Field(
        description="What else the token must say: a valid token of a public issuer alone proves nothing about you."
    )
    groups_claim: ClaimName = Field(default="groups", description="The claim that lists groups.")


class GrantForm(Form):
    """What somebody may ask for here."""

    verbs: Annotated[
        list[Literal["approve", "reject", "abort", "promote", "pause", "resume", "override"]],
        Field(min_length=1, max_length=7),
    ] = Field(description="What may be asked for.")
    who: ApproversForm | None = Field(default=None, description="By whom; by everybody whom it can prove when absent.")


class ReceiverForm(Form):
    """An inbound endpoint; its path is in the status."""

    model_config = rules(
        (f"(self.type in {_GIT}) == has(self.sources)", "git hosts need sources, and no other type has them"),
        ("(self.type == 'slack') == has(self.workspace)", "slack needs workspace, and no other type has it"),
        ("(self.type == 'callback') == has(self.proof)", "callback needs proof, and no other type has it"),
        ("has(self.oidc) == (has(self.proof) && self.proof == 'oidc')", "proof oidc needs oidc, and no other has it"),
        (f"!(self.type in {_GIT}) || !has(self.grants)", "a git host may only say `look now`: it has no grants"),
    )

    type: Literal["github", "gitlab", "gitea", "generic", "slack", "callback"] = Field(
        description="Who sends; gitea is Forgejo's too."
    )
    secret_ref: SecretRefForm = Field(
        description="Secret with `secret` and, while it is changed, `previous`: both count. Slack's has the bot's `token`, too."
    )
    sources: Annotated[list[ObjectName], Field(min_length=1, max_length=MOST_SOURCES)] | None = Field(
        default=None, description="GitSources of this namespace that the host may have looked at."
    )
    workspace: Workspace | None = Field(default=None, description="Slack's team id; nobody of another one is heard.")
    proof: Literal["standard-webhooks", "hmac", "oidc"] | None = Field(
        default=None, description="How a callback proves itself."
    )
    oidc: OidcForm | None = Field(default=None, description="Whose tokens are believed.")
    grants: Annotated[list[GrantForm], Field(min_length=1, max_length=20)] | None = Field(
        default=None, description="Who may ask for what; nobody for anything when absent."
    )
    namespaces: Annotated[list[Name], Field(min_length=1, max_length=1000)] | None = Field(
        default=None,
        description="Whose objects may be steered; only a Receiver in the controller's namespace may name others than its own.",
    )
    most_per_minute: Annotated[int, Field(ge=1, le=100_000)] = Field(
        default=600, description="Requests per minute; more are answered 429."
    )
    replay_window: Annotated[Duration, Between("10s", "10m")] = Field(
        default="5m", description="How old a signed request may be."
    )
    suspend: bool = Field(default=False, description="True: nobody is heard.")


class ReceiverConditionForm(Form):
    """A Kubernetes condition (kstatus)."""

    type: str
    status: Literal["True", "False", "Unknown"]
    reason: str
    message: str
    last_transition_time: datetime


class ReceiverStatusForm(Form):
    """What the controller says of a Receiver."""

    observed_generation: int | None = Field(default=None, description="The generation that it speaks of.")
    path: str | None = Field(default=None, description="Where to send to, below the address of the webhooks.")
    conditions: Annotated[list[ReceiverConditionForm], Field(max_length=20)] | None = None


def receiver_problems(form: ReceiverForm) -> Iterator[Problem]:
    """What is wrong between its fields."""
    is_git = Sender(form.type) in GIT_HOSTS
    pairs = (
        ("sources", is_git, form.sources, "git hosts need sources, and no other type has them"),
        ("workspace", form.type == "slack", form.workspace, "slack needs workspace, and no other type has it"),
        ("proof", form.type == "callback", form.proof, "callback needs proof, and no other type has it"),
        ("oidc", form.proof == "oidc", form.oidc, "proof oidc needs oidc, and no other has it"),
    )
    for name, needed, given, message in pairs:
        if needed != (given is not None):
            yield Problem(path=("spec", name), message=message)
    if is_git and form.grants is not None:
        yield Problem(path=("spec", "grants"), message="a git host may only say `look now`: it has no grants")
    for index, grant in enumerate(form.grants or ()):
        if grant.who is not None:
            yield from approvers_problems(grant.who, ("spec", "grants", index, "who"))


def receiver(form: ReceiverForm, key: Key) -> Receiver:
    """The receiver; only for a form without problems."""
    return Receiver(
        key=key,
        sender=Sender(form.type),
        secret=form.secret_ref.name,
        sources=tuple(form.sources or ()),
        workspace=form.workspace or "",
        proof=Proof(form.proof) if form.proof else Proof.STANDARD,
        oidc=_oidc(form.oidc),
        grants=tuple(_grant(one) for one in form.grants or ()),
        namespaces=tuple(form.namespaces or ()),
        most_per_minute=form.most_per_minute,
        replay_window=duration(form.replay_window),
        suspend=form.suspend,
    )


def _oidc(form: OidcForm | None) -> Oidc | None:
    if form is None:
        return None
    claims = tuple(sorted(form.claims.items()))
    return Oidc(issuer=form.issuer, audience=form.audience, claims=claims, groups_claim=form.groups_claim)


def _grant(form: GrantForm) -> Grant:
    return Grant(verbs=tuple(Verb(verb) for verb in form.verbs), who=approvers(form.who) if form.who else None)
