"""What may a person ask a Rollout to do, and what is answered?"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Verb(StrEnum):
    """What a RolloutCommand asks for."""

    PROMOTE = "promote"
    PROMOTE_FULL = "promote-full"
    APPROVE = "approve"
    REJECT = "reject"
    ABORT = "abort"
    PAUSE = "pause"
    RESUME = "resume"
    RETRY = "retry"
    NAME_STABLE = "name-stable"
    CONFIRM = "confirm"
    ACKNOWLEDGE = "acknowledge"
    FALLBACK = "fallback"
    ROLLBACK = "rollback"


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A person's demand, recorded. run, step and revision are those it was made for; None where it does not say.

    backend: what `name-stable` names, "" for other verbs. subject: of a MeshMigration, the namespace that is meant, with
    approve and reject the wave; "" for all of it. finding: what `acknowledge` takes responsibility for.
    """

    uid: str
    name: str
    verb: Verb
    actor: str
    channel: str
    created: datetime
    run: int | None = None
    step: int | None = None
    revision: str | None = None
    backend: str = ""
    subject: str = ""
    finding: str = ""
    reason: str = ""


class Result(StrEnum):
    """What became of a command."""

    ACCEPTED = "Accepted"
    REFUSED = "Refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Handled:
    """A command that was answered; kept in status by uid so that it is handled once whatever crashes in between."""

    uid: str
    result: Result
    message: str
