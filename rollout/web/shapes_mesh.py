"""Which shape has the account of a namespace on its way into the mesh over HTTP? That of `rollout mesh why -o json`."""

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
