"""Where do Notifiers live, and what is known of the objects that they tell of?"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from rollout.model.names import Key
from rollout.model.notifier import Notifier, NotifierStatus
from rollout.ports.specs import ObjectRef

EVERY_NOTIFIER = Key(namespace="", name="every notifier")  # one piece of work for all of them


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredNotifier:
    """A Notifier as stored. notifier: None when it cannot be read; `error` then says what, where and what next."""

    key: Key
    uid: str
    version: str
    generation: int
    created: datetime
    notifier: Notifier | None
    status: NotifierStatus
    error: str = ""
    deleting: bool = False


class Notifiers(Protocol):
    """Notifiers, read from the cache, written with conflicts."""

    def keys(self) -> tuple[Key, ...]:
        """All of them, sorted. Makes no request."""

    def get(self, key: Key) -> StoredNotifier | None:
        """The newest known one; None when there is none. Makes no request."""

    def labels(self, ref: ObjectRef) -> Mapping[str, str]:
        """The labels of a Rollout or MeshMigration; none when it is absent. Makes no request."""

    async def save(self, stored: StoredNotifier, status: NotifierStatus) -> None:
        """Write the status; Conflict when somebody wrote since `stored.version`, NotFound when it is gone."""
