"""Which shapes have accounts of moves into a mesh over HTTP? Those of `rollout mesh why` and `rollout mesh plan -o json`."""

from datetime import datetime

from pydantic import Field

from rollout.web.shapes_account import Told


class Gate(Told):
    """What it waits for."""

    code: str
    message: str
    warning: bool
    waits_for_a_person: bool = Field(alias="waitsForAPerson")


class Findings(Told):
    """How many findings of the preflight block, and how many warn and nobody has answered for."""

    block: int
    unacknowledged: int


class PlainCaller(Told):
    """Who still speaks plaintext to which workload. caller: "" unknown."""

    caller: str
    called: str
    calls: int
    last: datetime | None


class Soak(Told):
    """Since when it is quiet, None while no clock runs. proves: what that silence says, a sentence."""

    since: datetime | None
    window_seconds: float
    proves: str


class MoveAccount(Told):
    """As `rollout mesh why -o json`. possible: commands of the CLI."""

    api_version: str
    kind: str
    migration: str
    namespace: str
    wave: str
    stage: str
    since: datetime | None
    paused: str
    went_back: str
    gates: list[Gate]
    findings: Findings
    plaintext: list[PlainCaller]
    soak: Soak
    next: str
    possible: list[str]


class MoveWhy(Told):
    """The account, and the same as lines of text. at: when it was so."""

    at: datetime
    account: MoveAccount
    lines: list[str]


class PlannedHold(Told):
    """What keeps a namespace from moving."""

    code: str
    message: str


class PlannedWrite(Told):
    """A write, and at which stage it is made."""

    stage: str
    write: str


class PlannedMove(Told):
    """A namespace of a wave. leastSeconds: alone; estimateSeconds: with what it waits for."""

    namespace: str
    stage: str
    least_seconds: float
    estimate_seconds: float
    holds: list[PlannedHold]
    writes: list[PlannedWrite]


class PlannedWave(Told):
    """A wave: how many change at a time, whose approval it needs, when it is done at the earliest."""

    name: str
    concurrency: int
    approval: str
    estimate_seconds: float
    namespaces: list[PlannedMove]


class Unblocks(Told):
    """Which namespaces can become STRICT once this one is enrolled."""

    namespace: str
    unlocks: list[str]


class PlanAccount(Told):
    """As `rollout mesh plan -o json` without a Prometheus. callersUnknown: why it is not known who calls whom."""

    api_version: str
    kind: str
    migration: str
    estimate_seconds: float
    callers_unknown: str
    waves: list[PlannedWave]
    unblock: list[Unblocks]


class MovePlan(Told):
    """The plan, and the same as lines of text. at: when it was made."""

    at: datetime
    account: PlanAccount
    lines: list[str]
