"""How is one message brought to its receiver: as a new one or an edited one, and not too often?"""

import hashlib
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import TypeVar

from rollout.model.news import News
from rollout.model.notifier import Channel, Notifier
from rollout.ports.clock import Clock
from rollout.ports.errors import LeaseLost, NotFound, PortError
from rollout.ports.messages import Message, Messenger
from rollout.services.notify_allowance import Allowance
from rollout.services.notify_subjects import Subject

T = TypeVar("T")
MOST_PER_LOOK = 30  # so many are repeated at most when the process dies before it wrote down that they were sent
_EDITS = frozenset({Channel.SLACK})
_SINGLE = frozenset({Channel.WEBHOOK, Channel.CLOUDEVENTS})  # one request for each piece of news


class SpentError(Exception):
    """No more may be sent before `until`."""

    def __init__(self, until: datetime) -> None:
        super().__init__()
        self.until = until


@dataclass(slots=True, kw_only=True)
class Delivery:
    """What one look sends for one Notifier. count: of what was sent; results: of all messages, for metrics.

    All raise what a Messenger raises, SpentError when no more may be sent for now, and LeaseLost.
    """

    notifier: Notifier
    uid: str
    messenger: Messenger
    allowance: Allowance
    clock: Clock
    may_write: Callable[[], bool]
    results: Counter[str]
    count: int = 0

    @property
    def edits(self) -> bool:
        """Whether a message can be edited: one that a Notifier sent to Slack is none where it now has a webhook."""
        return self.notifier.channel in _EDITS

    def message(self, subject: Subject, news: tuple[News, ...]) -> Message:
        """The message with its id: the same for the same Notifier, object and last news."""
        text = f"{self.uid} {subject.uid} {news[-1].key}"
        identity = hashlib.sha256(text.encode()).hexdigest()[:32]
        at = news[-1].at or self.clock.now()
        return Message(id=f"msg_{identity}", kind=subject.ref.kind, key=subject.ref.key, news=news, at=at)

    async def sent_or_edited(self, receipt: str, message: Message) -> str:
        """The receipt of the message, which was sent, or edited where there is one already."""
        if receipt:
            self._may_send(2)
            try:
                await self._counted(self.messenger.update(self.notifier, receipt, message))
            except NotFound:
                pass  # somebody deleted it
            else:
                await self._counted(self.messenger.thread(self.notifier, receipt, message))
                return receipt
        self._may_send(1)
        return await self._counted(self.messenger.send(self.notifier, message))

    async def edit(self, receipt: str, message: Message) -> None:
        """The message shows where the run stands, though nobody is told of it; one that is gone stays gone."""
        self._may_send(1)
        with suppress(NotFound):
            await self._counted(self.messenger.update(self.notifier, receipt, message))

    def _may_send(self, cost: int) -> None:
        if not self.may_write():
            raise LeaseLost("the lease may be lost, nothing is told by this replica")
        now = self.clock.now()
        if self.count >= MOST_PER_LOOK:
            raise SpentError(now)
        until = self.allowance.free_at(cost, self.notifier.most_per_minute, now)
        if until is not None:
            self.results["deferred"] += 1
            raise SpentError(until)
        self.allowance.spend(cost, now)

    async def _counted(self, sending: Awaitable[T]) -> T:
        try:
            answer = await sending
        except PortError:
            self.results["failed"] += 1
            raise
        self.count += 1
        self.results["delivered"] += 1
        return answer


def bundles(news: tuple[News, ...], channel: Channel) -> Iterator[tuple[News, ...]]:
    """What is said at once: each alone, or all of one run together."""
    if channel in _SINGLE:
        yield from ((one,) for one in news)
        return
    for _, bundle in groupby(news, key=lambda one: one.run):
        yield tuple(bundle)
