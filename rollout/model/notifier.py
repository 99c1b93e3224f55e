"""Where do news go, and which?"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from rollout.model.names import Key
from rollout.model.status import Condition


class Channel(StrEnum):
    """How news travel."""

    SLACK = "slack"
    WEBHOOK = "webhook"  # signed by Standard Webhooks
    CLOUDEVENTS = "cloudevents"  # structured mode, signed the same way
    TEAMS = "teams"  # an Adaptive Card to a Workflows webhook


class Severity(StrEnum):
    """What is worth telling: everything, or what went wrong and what waits for a person."""

    INFO = "info"
    WARNING = "warning"


@dataclass(frozen=True, slots=True, kw_only=True)
class Notifier:
    """A Notifier's spec. secret: name of the Secret: `token` of Slack, `url` and `secret` of the others.

    address: Slack's channel, "" elsewhere. labels: those that an object must have, () for all. namespaces: whose news,
    () for its own, ("*",) for all (in the controller's namespace only). kinds: Rollout, MeshMigration.
    most_per_minute: messages; more are merged into the next one.
    """

    key: Key
    channel: Channel
    secret: str
    address: str = ""
    severity: Severity = Severity.INFO
    labels: tuple[tuple[str, str], ...] = ()
    namespaces: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ("Rollout",)
    most_per_minute: int = 60
    suspend: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldOf:
    """How far one object is told. subject: as a ToldForm's `object`. mark: where it stood. receipt: of the message that is
    edited, with the run that it is about; "" for none.
    """

    subject: str
    mark: str
    receipt: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NotifierStatus:
    """What a Notifier remembers. since: what ended before is not told, None until its first look.

    told: at most TOLD_KEPT, sorted; of what is not in it everything up to `since` is told.
    """

    observed_generation: int = 0
    since: datetime | None = None
    told: tuple[ToldOf, ...] = ()
    conditions: tuple[Condition, ...] = ()


TOLD_KEPT = 2000
