"""Where do Receivers live, and what do their Secrets hold?"""

from dataclasses import dataclass, field
from typing import Protocol

from rollout.model.names import Key
from rollout.model.receiver import Receiver
from rollout.model.status import Condition


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredReceiver:
    """A Receiver as stored. receiver: None when it cannot be read; `error` then says what, where and what next.

    path: the last part of its URL, which nobody can guess. told: what its status says.
    """

    key: Key
    uid: str
    version: str
    generation: int
    path: str
    receiver: Receiver | None
    error: str = ""
    told: "ReceiverStatus | None" = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiverStatus:
    """What is said of a Receiver. path: from the root of the webhooks' address."""

    observed_generation: int
    path: str
    conditions: tuple[Condition, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiverSecrets:
    """What a Receiver's Secret holds. signing: the secrets that count, the newest first. token: of Slack's bot, "" none."""

    signing: tuple[bytes, ...] = field(repr=False)
    token: str = field(default="", repr=False)


class Receivers(Protocol):
    """Receivers, read from the cache; their Secrets are read by name."""

    def keys(self) -> tuple[Key, ...]:
        """All of them, sorted. Makes no request."""

    def get(self, key: Key) -> StoredReceiver | None:
        """The newest known one; None when there is none. Makes no request."""

    def at(self, path: str) -> StoredReceiver | None:
        """The one whose URL ends so; None when nobody has it. Takes the same time whether it is there or not."""

    async def secrets(self, receiver: Receiver) -> ReceiverSecrets:
        """What its Secret holds; kept for a few seconds, so that a rotated one counts soon and a flood asks once.

        Raises NotFound without the Secret, and Rejected when it has no `secret`.
        """

    async def report(self, stored: StoredReceiver, status: ReceiverStatus) -> None:
        """Write the status; one that is gone meanwhile is left alone."""
