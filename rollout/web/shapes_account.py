"""Which shape has the account over HTTP of why one Rollout stands as it does?

`account` is what the CLI prints with `-o json`, field by field.
"""

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel


class Told(BaseModel):
    """Camel case; what is sent has every field, None where it is not known."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, from_attributes=True)


class Named(Told):
    """Which Rollout it is."""

    namespace: str
    name: str


class Kind(Told):
    """As objects of Kubernetes say what they are."""

    api_version: str
    kind: str
    metadata: Named


class Reason(Told):
    """Why it stands still."""

    code: str
    message: str
    warning: bool = False


class Objective(Told):
    """How one objective stood when it was last judged. samples: requests seen, None where that has no meaning."""

    name: str
    verdict: str
    mode: str
    code: str
    message: str
    value: str
    limit: str
    samples: int | None = None
    query: str
    at: datetime
    evidence: str = ""


class Seen(Told):
    """The canary's percent on a route."""

    lowest: float
    highest: float


class Weight(Told):
    """What one route gives the canary."""

    route: str
    wanted: int | None
    seen: Seen
    problem: str | None


class Approval(Told):
    """Who opened a gate, over which channel, until when."""

    by: str
    channel: str
    at: datetime
    until: datetime | None


class Gate(Told):
    """An ApprovalPolicy of the present step. missing: how many people must still approve; ask: whom, None for anybody."""

    policy: str
    found: bool
    open: bool
    minimum: int | None
    missing: int | None
    expired: int
    unproven: str | None
    until: datetime | None
    ask: str | None
    approvals: list[Approval]


class Override(Told):
    """Who let the run go on in which freeze windows."""

    windows: list[str]
    by: str
    channel: str
    at: datetime
    reason: str


class Step(Told):
    """An entry of the plan. soak: in seconds; approvals: names of the policies that must let it end."""

    weight: int
    soak: float
    approvals: list[str]


class Running(Told):
    """The run in hand; durations are seconds."""

    number: int
    canary: str
    template: str | None
    step: int
    steps: int
    plan: list[Step]
    outlook: str | None
    learnt: dict[str, str]
    weight: int
    confirmed: int
    started: datetime
    step_started: datetime
    soak_until: datetime | None
    approval: str | None
    approved: bool
    gates: list[Gate]
    override: Override | None
    available_within: float | None
    unavailable_for: float
    verdict_missing_for: float


class HookStands(Told):
    """A webhook and how often it failed. failures: how often it may, None for types that count none."""

    name: str
    type: str
    failures: int | None
    failed: int


class News(Told):
    """What happened; the same told again is counted."""

    code: str
    message: str
    warning: bool
    count: int
    first: datetime
    last: datetime


class Deed(Told):
    """What somebody did to a run."""

    verb: str
    by: str
    at: datetime
    step: int | None = None
    channel: str = ""
    proof: str = ""
    reason: str = ""


class Past(Told):
    """A run that ended."""

    run: int
    revision: str
    stable: str
    outcome: str
    started: datetime
    ended: datetime
    message: str
    deeds: list[Deed] = Field(default_factory=list)


class WhyAccount(Kind):
    """As `rollout why -o json`. lastEvent and git are always null here: the controller may write Events and not read them."""

    phase: str
    stable: str | None
    wanted: str | None
    source: str | None
    commit: str | None
    error: str | None
    git: str | None
    unseen: str | None
    run: Running | None
    weights: list[Weight]
    objectives: list[Objective]
    holds: list[Reason]
    hooks: list[HookStands]
    last_event: News | None
    last_run: Past | None
    next: str | None
    possible: list[str]


class Offer(Told):
    """What may be asked now, what a command says to be bound to what was seen, and what would come of it."""

    verb: str
    run: int | None
    step: int | None
    revision: str | None
    template: str | None
    effect: str
    backends: list[str]


class Why(Told):
    """The account, the same as lines of text, and what may be asked. at: when it was so.

    needsPerson: codes of the holds that only a person ends.
    """

    at: datetime
    account: WhyAccount
    needs_person: list[str]
    lines: list[str]
    offers: list[Offer]
