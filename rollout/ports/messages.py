"""How do news leave for people and machines outside of the cluster?"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from rollout.model.names import Key
from rollout.model.news import News
from rollout.model.notifier import Notifier


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """News of one object, and of one run of it, for one Notifier.

    id: the same however often it is sent, so that who gets it twice can tell. news: oldest first, never empty. at: when the
    last of them came about, or was found.
    """

    id: str
    kind: str
    key: Key
    news: tuple[News, ...]
    at: datetime

    @property
    def last(self) -> News:
        """Where the object stands."""
        return self.news[-1]

    @property
    def needs_person(self) -> bool:
        """Whether it waits for somebody now: one that is over already does not count."""
        return any(one.needs_person for one in self.news) and not self.last.ends


class Messenger(Protocol):
    """One channel. Raises Unreachable (with `retry_after` where the receiver said when), Forbidden, Rejected or NotFound.

    No error has a secret in it, nor the URL of a receiver, which is one.
    """

    async def send(self, notifier: Notifier, message: Message) -> str:
        """A receipt to edit the message by; "" where the channel has no such thing."""

    async def update(self, notifier: Notifier, receipt: str, message: Message) -> None:
        """Make the message say this instead; NotFound when it is gone. Nothing where nothing can be edited."""

    async def thread(self, notifier: Notifier, receipt: str, message: Message) -> None:
        """Add the news below the message, and for all to see what went wrong or waits. Nothing where there are no threads."""


class NoticeSecrets(Protocol):
    """What the Secret of a Notifier holds."""

    async def read(self, notifier: Notifier) -> Mapping[str, str]:
        """Its keys and texts, at most 30 s old; NotFound when it is absent, Rejected when it is no text."""
