"""Where do GitSources live, and how do specs from git get into the cluster?"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

from rollout.model.names import Key
from rollout.model.source import GitSource
from rollout.model.status import Condition
from rollout.ports.sources import Credentials, TrustedKeys

_UNKNOWN_AGE = datetime.min.replace(tzinfo=UTC)
Manifested = Mapping[str, Any]  # a manifest as git has it: apiVersion, kind, metadata and spec


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceStatus:
    """What a GitSource remembers.

    commit: the last one that was applied; "" for none yet. attempted: the last one that was looked at, and when
    `attempted` or the outcome last changed. applied and foreign: objects of ours and of others in it.
    handled_request: the value of the look-now annotation that was last obeyed. signer: who signed `commit`, "" where
    that was not asked. confirmed: the commit that a person let delete, or rewrite history, as it likes; "" for none.
    waiting: the commit that such a person has to confirm before it is taken, "" for none. origin: the URL and ref that
    `commit` came from.
    """

    observed_generation: int = 0
    commit: str = ""
    attempted: str = ""
    attempted_at: datetime | None = None
    applied: int = 0
    foreign: int = 0
    handled_request: str = ""
    signer: str = ""
    confirmed: str = ""
    waiting: str = ""
    origin: str = ""
    conditions: tuple[Condition, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredSource:
    """A GitSource as stored. source is None when it cannot be read; `error` then says what, where and what next.

    request: value of the annotation rollout.dev/requestedAt, "" for none. finalizer: whether ours is on it. created: of two
    sources that want one object, the older has it.
    """

    key: Key
    uid: str
    version: str
    generation: int
    source: GitSource | None
    status: SourceStatus
    error: str = ""
    request: str = ""
    deleting: bool = False
    finalizer: bool = False
    created: datetime = _UNKNOWN_AGE


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


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Edited:
    """A field of an object of ours that somebody else had written. path: such as `spec.suspend`, "" for the object itself.

    manager: the field manager that wrote it; "" where nobody is known, as of what was removed.
    """

    path: str
    manager: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """What applying one object led to; both lists are sorted. changed: whether it was written.

    taken_back: fields that git does not have, that others had added, and that were removed. put_back: fields that git
    has, that differed or were gone, and that are now as git says; on a new commit these are simply what it changed.
    """

    changed: bool
    taken_back: tuple[Edited, ...] = ()
    put_back: tuple[Edited, ...] = ()


class SourceSecrets(Protocol):
    """What the Secrets that a GitSource names hold. Each method reads its Secret anew: a rotated one counts at once.

    All raise NotFound when the Secret is absent and Rejected when its keys make no sense; no message holds a value.
    """

    async def credentials(self, source: GitSource) -> Credentials:
        """What `source.secret` says; nobody's when it names none."""

    async def trusted_keys(self, source: GitSource) -> TrustedKeys:
        """The keys in `source.verify`: every entry *.sshpub and *.asc; Rejected when there is none."""

    async def forge_token(self, source: GitSource) -> str:
        """The `token` in the Secret that `source.forge` names; "" when the source has no forge."""


class Sources(Protocol):
    """GitSources, read from the cache."""

    def keys(self) -> tuple[Key, ...]:
        """All GitSources, sorted. Makes no request."""

    def get(self, key: Key) -> StoredSource | None:
        """The newest known GitSource; None when there is none. Makes no request."""

    async def report(self, key: Key, status: SourceStatus) -> None:
        """Write the status; a GitSource that is gone meanwhile is left alone."""

    async def request(self, key: Key, value: str) -> None:
        """Ask whoever looks after the source to look now, from any replica; NotFound when there is none.

        value: anything; it is echoed into the status once that look took place.
        """

    async def set_finalizer(self, stored: StoredSource, *, present: bool) -> None:
        """Put our finalizer on the source or take it off; Conflict when somebody wrote since `stored.version`."""


class Specs(Protocol):
    """Objects of our kinds that sources own."""

    def owned(self, source: Key) -> tuple[ObjectRef, ...]:
        """What the source applied and still is there, sorted; what is being deleted is not. Makes no request."""

    def leaving(self, source: Key) -> tuple[ObjectRef, ...]:
        """What the source applied and is being deleted, but not gone yet, sorted. Makes no request."""

    def owner(self, ref: ObjectRef) -> Key | None:
        """The source that applied the object; None when none did, or it is absent. Makes no request."""

    async def apply(self, spec: Spec, source: Key) -> Applied:
        """Make the object what git says, as the source's; unchanged when it is that already (then no request is made).

        Fields of `spec`, labels and annotations that git does not have and another manager added: those of `spec` are
        removed, and named in the answer. Rejected when the API server refuses the content.
        """

    async def delete(self, ref: ObjectRef, source: Key) -> None:
        """Delete the object if the source still owns it; one that is gone is left alone."""
