"""Which shapes do bodies have over HTTP?"""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.alias_generators import to_camel

Moves = Literal[
    "approve", "reject", "pause", "resume", "abort", "retry", "acknowledge", "promote", "fallback", "rollback"
]


def _whole(value: object) -> object:
    """40.0 is a whole number in JSON."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


Number = Annotated[int, Field(ge=0, le=2**31), BeforeValidator(_whole)]
Reason = Annotated[str, Field(max_length=1024)]


class Body(BaseModel):
    """Camel case, nothing unknown, nothing converted."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid", strict=True)


class Hold(Body):
    """Why it stands still. needs_person: it ends once a person does something, and not before."""

    code: str
    message: str
    warning: bool
    needs_person: bool


class Summary(Body):
    """A Rollout in a line. step: 1-based, 0 before the first; steps: of the plan. revision: on trial, else what git names."""

    namespace: str
    name: str
    phase: str
    stable: str | None
    revision: str | None
    run: int
    step: int
    steps: int
    weight: int | None
    verdict: str | None
    holds: list[Hold]
    needs_person: bool
    next: str
    error: str
    commit: str


class Page(Body):
    """Some Rollouts. continue: what to ask the next page with, "" on the last."""

    items: list[Summary]
    following: str = Field(alias="continue")
    total: int


class One(Body):
    """A Rollout with its whole status, as the object has it, and what somebody may ask of it now."""

    summary: Summary
    status: dict[str, Any]
    spec: dict[str, Any] | None
    template: str


class Plaintext(Body):
    """Who spoke plaintext to what. source: "" where nothing says who it was."""

    source: str
    workload: str
    calls: int
    last: datetime


class Moving(Body):
    """A namespace on its way. visited: the farthest stage of the way that it was in. verbs: what may be asked for it now."""

    name: str
    wave: str
    stage: str
    visited: str
    since: datetime | None
    holds: list[Hold]
    needs_person: bool
    callers: list[Plaintext]
    fallbacks: int
    why_back: str
    verbs: list[str]
    next: str


class WaveApproved(Body):
    """Somebody's yes to a wave. at: None where an older version wrote it down."""

    by: str
    at: datetime | None
    channel: str


class Wave(Body):
    """Namespaces that move together. approval: the ApprovalPolicy that lets it begin, "" for none."""

    name: str
    namespaces: list[str]
    concurrency: int
    approval: str
    approved: list[WaveApproved]
    begun: bool


class Migration(Body):
    """A MeshMigration with its namespaces. mesh and target: "" while its spec cannot be read."""

    name: str
    mesh: str
    target: str
    wave: str
    paused: str
    done: int
    total: int
    holds: list[Hold]
    needs_person: bool
    next: str
    error: str
    waves: list[Wave]
    namespaces: list[Moving]


class Migrations(Body):
    """All MeshMigrations."""

    items: list[Migration]


class Me(Body):
    """Who asks. open: nobody is asked who he is here, so nobody can change anything. user and way: None there.

    way: by what he has proven it; token and issuer are sessions of a browser. until: when his session ends if he asks nothing more.
    """

    user: str | None
    groups: list[str]
    open: bool
    way: Literal["bearer", "proxy", "token", "issuer"] | None
    until: datetime | None


class Ways(Body):
    """How one can sign in. open: nobody has to. issuer: at which issuer of OpenID Connect, None for none; proxy: it says who."""

    open: bool
    token: bool
    issuer: str | None
    proxy: bool


class Pasted(Body):
    """A bearer token of the cluster; no longer than what fits into a session's cookies."""

    token: str = Field(min_length=1, max_length=5500, pattern=r"^[!-~]+$")


class Left(Body):
    """Signed out here. end: where the browser signs out at the issuer too, "" where there is nothing more to do."""

    end: str


class StepOrder(Body):
    """What opens or skips something at the step, run and revision that the person saw."""

    verb: Literal["approve", "promote", "promote-full"]
    run: Number
    step: Number
    revision: str = Field(min_length=1, max_length=64)
    template: str | None = Field(default=None, max_length=64)
    reason: Reason = ""


class RunOrder(Body):
    """What is asked of the run that the person saw."""

    verb: Literal["abort", "reject", "pause", "resume"]
    run: Number
    reason: Reason = ""


class OverrideOrder(Body):
    """Lets the run go on in a freeze window; not without a reason."""

    verb: Literal["override"]
    run: Number
    reason: str = Field(min_length=1, max_length=1024)


class PlainOrder(Body):
    """What is asked of the Rollout as it is when the controller reads it."""

    verb: Literal["retry", "confirm"]
    reason: Reason = ""


class StableOrder(Body):
    """Names what serves users: SERVICE or SERVICE/SUBSET."""

    verb: Literal["name-stable"]
    backend: str = Field(min_length=1, max_length=320)
    reason: Reason = ""


Order = Annotated[StepOrder | RunOrder | OverrideOrder | PlainOrder | StableOrder, Field(discriminator="verb")]


class MoveOrder(Body):
    """What is asked of a MeshMigration. subject: a namespace, with approve and reject a wave."""

    verb: Moves
    subject: str = Field(default="", max_length=63)
    finding: str = Field(default="", max_length=400)
    reason: Reason = ""


class SourceOrder(Body):
    """Lets the commit of a GitSource go on that the person saw waiting."""

    verb: Literal["confirm"]
    commit: str = Field(min_length=1, max_length=64)
    reason: Reason = ""


class Recorded(Body):
    """The command as it was written down; the controller answers in its status."""

    command: str
    namespace: str


class Answer(Body):
    """What became of a command. result: Accepted, Refused, or None while it is not answered."""

    command: str
    result: str | None
    message: str
