"""Which shapes has over HTTP what was found and what was proven of a namespace on its way into the mesh?

Those of `rollout mesh preflight` and `rollout mesh evidence -o json`.
"""

from datetime import datetime
from typing import Literal

from rollout.web.shapes_account import Told


class Found(Told):
    """A finding. couldNotLook: the check could not be made; caller: who is meant, "" for nobody."""

    check: str
    severity: str
    object: str
    field: str
    why: str
    fix: str
    caller: str
    acknowledged: bool
    could_not_look: bool


class Looked(Told):
    """What was found of a namespace. clear: nothing keeps it from moving."""

    namespace: str
    clear: bool
    findings: list[Found]


class PreflightAccount(Told):
    """As `rollout mesh preflight -o json` without a Prometheus."""

    api_version: str
    kind: str
    migration: str
    clear: bool
    namespaces: list[Looked]


class Preflight(Told):
    """What was found, and the same as lines of text. at: when it was told; the look may be 15 s older."""

    at: datetime
    account: PreflightAccount
    lines: list[str]


class Fact(Told):
    """What was asked, and what came back."""

    what: str
    asked: str
    answer: str


class Passed(Told):
    """A gate that was passed. record: whether it has the digest that it was written with."""

    stage: str
    to: str
    at: datetime
    by: str
    digest: str
    record: Literal["intact", "altered"]
    facts: list[Fact]


class Answered(Told):
    """A warning that somebody answers for."""

    finding: str
    by: str
    reason: str


class Yes(Told):
    """Somebody's yes to the wave."""

    wave: str
    by: str


class Ordered(Told):
    """A command that somebody gave. result: "" while it is not answered."""

    verb: str
    subject: str
    finding: str
    actor: str
    channel: str
    at: datetime
    reason: str
    result: str
    message: str


class Skipped(Told):
    """Who skipped the rest of the soak, "" for nobody."""

    by: str
    reason: str


class KeptObject(Told):
    """An object as it was before. spec: as JSON; labels: None where there was none."""

    kind: str
    name: str
    uid: str
    spec: str
    labels: dict[str, str | None]
    annotations: dict[str, str | None]


class Before(Told):
    """What a rollback puts back."""

    taken: datetime
    objects: list[KeptObject]


class EvidenceAccount(Told):
    """As `rollout mesh evidence -o json`. commandsUnread: why commands are not told, "" when they are."""

    api_version: str
    kind: str
    migration: str
    namespace: str
    wave: str
    stage: str
    taken: datetime
    intact: bool
    confidence: str
    gates: list[Passed]
    acknowledged: list[Answered]
    approvals: list[Yes]
    commands: list[Ordered]
    commands_unread: str
    soak_skipped: Skipped
    snapshot: Before | None


class Proofs(Told):
    """The evidence, and the same as a page in Markdown. at: when it was taken."""

    at: datetime
    account: EvidenceAccount
    lines: list[str]
