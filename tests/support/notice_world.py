"""How does a test stand between Rollouts, Notifiers and their receivers, and name only what matters to it?"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from adapters.memory.clock import ManualClock
from adapters.memory.messages import MemoryMessenger
from adapters.memory.notices import KeptNotices
from rollout.model.migration import MigrationStatus
from rollout.model.names import Key
from rollout.model.notifier import Channel, Notifier, NotifierStatus
from rollout.model.rollout import RouteRef
from rollout.model.status import Outcome, Past, RolloutStatus
from rollout.ports.errors import Conflict
from rollout.ports.migrations import StoredMigration
from rollout.ports.notifiers import StoredNotifier
from rollout.ports.rollouts import Stored
from rollout.ports.specs import ObjectRef
from rollout.services.notify import Looked, Notify
from rollout.services.notify_subjects import Subjects
from tests.support.builders import CHECKOUT, NOON, a_spec, a_status

HOME = "rollout-system"
NEWS = Key(namespace="shop", name="news")


def a_notifier(key: Key = NEWS, **changes: Any) -> Notifier:
    """shop/news: everything of the Rollouts in shop, to a webhook."""
    return replace(Notifier(key=key, channel=Channel.WEBHOOK, secret="hook"), **changes)


class HeldNotifiers:
    """`Notifiers` by key. saves: how often a status was written. troubles: raised by the next saves, one each."""

    def __init__(self) -> None:
        self.held: dict[Key, StoredNotifier] = {}
        self.labelled: dict[ObjectRef, Mapping[str, str]] = {}
        self.saves = 0
        self.troubles: list[Exception] = []

    def put(self, notifier: Notifier | None, key: Key = NEWS, **changes: Any) -> None:
        """The Notifier as it is from now on, created at noon; what it remembers stays."""
        before = self.held.get(key)
        stored = StoredNotifier(
            key=key,
            uid=f"uid-{key}",
            version=str(int(before.version) + 1 if before else 1),
            generation=before.generation + 1 if before else 1,
            created=NOON,
            notifier=notifier,
            status=before.status if before else NotifierStatus(),
        )
        self.held[key] = replace(stored, **changes)

    def keys(self) -> tuple[Key, ...]:
        """All."""
        return tuple(sorted(self.held))

    def get(self, key: Key) -> StoredNotifier | None:
        """One."""
        return self.held.get(key)

    def labels(self, ref: ObjectRef) -> Mapping[str, str]:
        """What was put there."""
        return self.labelled.get(ref, {})

    async def save(self, stored: StoredNotifier, status: NotifierStatus) -> None:
        """Write the status, as a server does."""
        if self.troubles:
            raise self.troubles.pop(0)
        if self.held[stored.key].version != stored.version:
            raise Conflict(f"{stored.key}: it changed since it was read")
        self.saves += 1
        self.held[stored.key] = replace(stored, version=str(int(stored.version) + 1), status=status)


class HeldRollouts:
    """`Rollouts` by key, written by the test."""

    def __init__(self) -> None:
        self.held: dict[Key, Stored] = {}

    def put(self, status: RolloutStatus, key: Key = CHECKOUT, uid: str = "") -> ObjectRef:
        """The Rollout as it is from now on."""
        before = self.held.get(key)
        version = str(int(before.version) + 1 if before else 1)
        spec = a_spec(key=key)
        self.held[key] = Stored(
            key=key, uid=uid or f"uid-{key}", version=version, generation=1, spec=spec, status=status
        )
        return ObjectRef(kind="Rollout", key=key)

    def get(self, key: Key) -> Stored | None:
        """One."""
        return self.held.get(key)

    def keys(self) -> tuple[Key, ...]:
        """All."""
        return tuple(sorted(self.held))

    def on_route(self, namespace: str, route: RouteRef) -> tuple[Key, ...]:
        """None."""
        raise AssertionError(namespace, route)

    async def save(self, stored: Stored, status: RolloutStatus) -> Stored:
        """Nobody writes here."""
        raise AssertionError(stored.key, status)

    async def set_finalizer(self, stored: Stored, *, present: bool) -> Stored:
        """Nobody writes here."""
        raise AssertionError(stored.key, present)


class HeldMigrations:
    """`Migrations` by name, written by the test."""

    def __init__(self) -> None:
        self.held: dict[str, StoredMigration] = {}

    def put(self, status: MigrationStatus, name: str = "to-strict") -> ObjectRef:
        """The migration as it is from now on."""
        before = self.held.get(name)
        version = str(int(before.version) + 1 if before else 1)
        self.held[name] = StoredMigration(
            name=name, uid=f"uid-{name}", version=version, generation=1, spec=None, status=status
        )
        return ObjectRef(kind="MeshMigration", key=Key(namespace="", name=name))

    def get(self, name: str) -> StoredMigration | None:
        """One."""
        return self.held.get(name)

    def names(self) -> tuple[str, ...]:
        """All."""
        return tuple(sorted(self.held))

    async def save(self, stored: StoredMigration, status: MigrationStatus) -> StoredMigration:
        """Nobody writes here."""
        raise AssertionError(stored.name, status)


def a_past(run: int, outcome: Outcome = Outcome.PROMOTED, *, minute: int | None = None) -> Past:
    """Run `run`, which brought or tried to bring v`run`, ended so many minutes past noon (`run`, unless said otherwise)."""
    ended = NOON + timedelta(minutes=run if minute is None else minute)
    words = f"v{run} {outcome.value.lower()}"
    return Past(
        run=run, revision=f"v{run}", stable=f"v{run - 1}", outcome=outcome, started=NOON, ended=ended, message=words
    )


def a_past_status(*pasts: Past, **changes: Any) -> RolloutStatus:
    """A status after these runs, the oldest first."""
    return a_status(history=tuple(reversed(pasts)), runs=max((past.run for past in pasts), default=0), **changes)


class NoticeWorld:
    """A Notifier shop/news, a Rollout shop/checkout in Idle, and a receiver that takes everything; it is a minute past noon."""

    def __init__(self, **changes: Any) -> None:
        self.clock = ManualClock(NOON + timedelta(minutes=1))
        self.notifiers = HeldNotifiers()
        self.rollouts = HeldRollouts()
        self.migrations = HeldMigrations()
        self.receiver = MemoryMessenger()
        self.events = KeptNotices()
        self.leads = True
        self.notifiers.put(a_notifier(**changes))
        self.rollouts.put(a_status())
        self.restart()

    def restart(self) -> None:
        """The controller begins anew: nothing is remembered but what was written."""
        self.subjects = Subjects(self.rollouts, self.migrations, self.notifiers, HOME)
        messengers = dict.fromkeys(Channel, self.receiver)
        self.notify = Notify(self.notifiers, self.subjects, messengers, self.events, self.clock, lambda: self.leads)

    async def look(self, key: Key = NEWS) -> Looked:
        """One look at everything."""
        return await self.notify.look(key, tuple(self.subjects.refs()))

    async def told(self, status: RolloutStatus, key: Key = CHECKOUT) -> tuple[str, ...]:
        """The codes that are sent once the Rollout stands like this."""
        before = len(self.receiver.codes())
        self.rollouts.put(status, key)
        await self.look()
        return self.receiver.codes()[before:]

    def status(self, key: Key = NEWS) -> NotifierStatus:
        """What the Notifier remembers."""
        return self.notifiers.held[key].status

    def ready(self, key: Key = NEWS) -> tuple[str, str]:
        """State and reason of its Ready condition."""
        condition = self.status(key).conditions[0]
        return condition.status, condition.reason
