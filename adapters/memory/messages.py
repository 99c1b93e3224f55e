"""What was sent to whom, when no receiver is there?"""

from collections import deque
from dataclasses import dataclass, field

from rollout.model.names import Key
from rollout.model.notifier import Notifier
from rollout.ports.errors import NotFound, PortError, Rejected
from rollout.ports.messages import Message

_KEPT = 10_000  # a demo that runs for days must not grow


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """One thing that came. how: "send", "update" or "thread"; receipt: of the message it is, or is about."""

    how: str
    notifier: Key
    receipt: str
    message: Message


@dataclass(slots=True)
class MemoryMessenger:
    """`Messenger` that keeps what came, oldest first, and can be made to fail. shown: what each message says now.

    troubles: raised by the next calls, one each. trouble: raised by every call while it is there. refuses: objects of which
    nothing is taken.
    """

    came: deque[Sent] = field(default_factory=lambda: deque(maxlen=_KEPT))
    shown: dict[str, Message] = field(default_factory=dict)
    troubles: list[PortError] = field(default_factory=list)
    trouble: PortError | None = None
    refuses: set[Key] = field(default_factory=set)
    count: int = 0

    async def send(self, notifier: Notifier, message: Message) -> str:
        """A receipt to edit the message by."""
        self._maybe_fail(message)
        self.count += 1
        receipt = f"C1/{self.count}.0"
        self._keep("send", notifier, receipt, message)
        return receipt

    async def update(self, notifier: Notifier, receipt: str, message: Message) -> None:
        """Make the message say this instead; NotFound when it is gone."""
        self._maybe_fail(message)
        if receipt not in self.shown:
            raise NotFound(f"{notifier.key}: no message {receipt}")
        self._keep("update", notifier, receipt, message)

    async def thread(self, notifier: Notifier, receipt: str, message: Message) -> None:
        """Keep it below the message."""
        self._maybe_fail(message)
        self.came.append(Sent(how="thread", notifier=notifier.key, receipt=receipt, message=message))

    def codes(self, how: str = "send") -> tuple[str, ...]:
        """The codes of all news that came this way, oldest first."""
        return tuple(one.code for sent in self.came if sent.how == how for one in sent.message.news)

    def _keep(self, how: str, notifier: Notifier, receipt: str, message: Message) -> None:
        self.shown[receipt] = message
        while len(self.shown) > _KEPT:
            del self.shown[next(iter(self.shown))]
        self.came.append(Sent(how=how, notifier=notifier.key, receipt=receipt, message=message))

    def _maybe_fail(self, message: Message) -> None:
        if self.troubles:
            raise self.troubles.pop(0)
        if self.trouble is not None:
            raise self.trouble
        if message.key in self.refuses:
            raise Rejected(f"nothing of {message.key} is taken")
