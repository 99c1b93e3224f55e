"""Where do news go, and which?"""

from dataclasses import dataclass
from enum import StrEnum

from rollout.model.names import Key


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
