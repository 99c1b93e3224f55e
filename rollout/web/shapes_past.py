"""Which shapes has over HTTP what became of one Rollout: its history, audit and trace?

`history` and `audit` are what the CLI prints with `-o json`, field by field.
"""

from datetime import datetime
from typing import Literal

from rollout.web.shapes_account import Kind, Past, Told


class History(Kind):
    """The last runs, the newest first."""

    runs: list[Past]


class Entry(Told):
    """What somebody did or wanted to do. result: Accepted, Refused, or None while it is not answered."""

    at: datetime
    run: int | None
    step: int | None
    revision: str | None
    verb: str
    by: str
    channel: str | None
    proven_by: str | None
    result: Literal["Accepted", "Refused"] | None
    message: str | None
    reason: str | None
    command: str | None


class AuditTrail(Kind):
    """Who did what, the newest first. unread: why RolloutCommands are not told, None when they are."""

    unread: str | None
    entries: list[Entry]


class Weighed(Told):
    """From `at` on the weight was so, and it was last seen so at `until`. lowest and highest: what the routes gave."""

    at: datetime
    until: datetime
    step: int
    wanted: int
    lowest: float
    highest: float


class Judged(Told):
    """One verdict. number: the value in the unit of its line, None where there was none."""

    at: datetime
    verdict: str
    value: str
    number: float | None
    samples: int | None
    evidence: str


class Line(Told):
    """What one objective said over time. above and below: its limits in the unit, None where that side is open."""

    name: str
    mode: str
    limit: str
    unit: str
    above: float | None
    below: float | None
    points: list[Judged]


class Run(Told):
    """A run as it was seen. since: of the first look; ended: None while it is in hand."""

    run: int
    revision: str
    stable: str
    started: datetime
    since: datetime
    ended: datetime | None
    outcome: str
    weights: list[Weighed]
    lines: list[Line]


class Trace(Told):
    """How the run in hand and the last one that ended developed. since: when this replica began to look."""

    since: datetime
    now: datetime
    runs: list[Run]
