"""Where do GitSources live, and how do specs from git get into the cluster?"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from rollout.model.names import Key
from rollout.model.source import GitSource
from rollout.model.status import Condition
from rollout.ports.sources import Credentials

Manifested = Mapping[str, Any]  # a manifest as git has it: apiVersion, kind, metadata and spec


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceStatus:
    """What a GitSource remembers.

    commit: the last one that was applied; "" for none yet. attempted: the last one that was looked at, and when
    `attempted` or the outcome last changed. applied and foreign: objects of ours and of others in it.
    handled_request: the value of the look-now annotation that was last obeyed.
    """

    observed_generation: int = 0
    commit: str = ""
    attempted: str = ""
    attempted_at: datetime | None = None
    applied: int = 0
    foreign: int = 0
    handled_request: str = ""
    conditions: tuple[Condition, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredSource:
    """A GitSource as stored. source is None when it cannot be read; `error` then says what, where and what next.

    request: value of the annotation rollout.dev/requestedAt, "" for none. allow_prune: the commit that may delete as
    much as it likes, "" for none.
    """

    key: Key
    uid: str
    version: str
    generation: int
    source: GitSource | None
    status: SourceStatus
    error: str = ""
    request: str = ""
    allow_prune: str = ""
    deleting: bool = False


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class ObjectRef:
    """One object of ours."""

    kind: str
    key: Key

    def __str__(self) -> str:
        return f"{self.kind} {self.key}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Spec:
    """An object that git wants. place: `path:line` of its manifest; commit: which one says so."""

    ref: ObjectRef
    manifest: Manifested
    place: str
    commit: str


class Sources(Protocol):
    """GitSources, read from the cache."""

    def keys(self) -> tuple[Key, ...]:
        """All GitSources, sorted. Makes no request."""

    def get(self, key: Key) -> StoredSource | None:
        """The newest known GitSource; None when there is none. Makes no request."""

    async def credentials(self, source: GitSource) -> Credentials:
        """What the source's Secret says; nobody's when it names none.

        NotFound when the Secret is absent, Rejected when its keys make no credentials.
        """

    async def report(self, key: Key, status: SourceStatus) -> None:
        """Write the status; a GitSource that is gone meanwhile is left alone."""

    async def request(self, key: Key, value: str) -> None:
        """Ask whoever looks after the source to look now, from any replica; NotFound when there is none.

        value: anything; it is echoed into the status once that look took place.
        """


class Specs(Protocol):
    """Objects of our kinds that sources own."""

    def owned(self, source: Key) -> tuple[ObjectRef, ...]:
        """What the source applied and still is there, sorted; what is being deleted is not. Makes no request."""

    def owner(self, ref: ObjectRef) -> Key | None:
        """The source that applied the object; None when none did, or it is absent. Makes no request."""

    async def apply(self, spec: Spec, source: Key) -> bool:
        """Make the object what git says, as the source's; False when it is that already (then no request is made).

        Rejected when the API server refuses the content.
        """

    async def delete(self, ref: ObjectRef, source: Key) -> None:
        """Delete the object if the source still owns it; one that is gone is left alone."""
