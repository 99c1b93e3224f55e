"""How does a test stand between GitSources, Rollouts and a forge, and name only what matters to it?"""

from dataclasses import replace
from datetime import datetime
from typing import Any

from adapters.memory.clock import ManualClock
from adapters.memory.forges import MemoryForges
from rollout.model.names import Key
from rollout.model.rollout import RouteRef
from rollout.model.source import Forge, ForgeKind, GitSource
from rollout.model.status import Condition, RolloutStatus
from rollout.ports.errors import PortError
from rollout.ports.forges import CommitState
from rollout.ports.rollouts import Stored
from rollout.ports.sources import Credentials, TrustedKeys
from rollout.ports.specs import Applied, ObjectRef, SourceStatus, Spec, StoredSource
from rollout.services.commit_status import CommitStatuses, Looked
from tests.support.builders import CHECKOUT, NOON, a_spec, a_status

APPS = Key(namespace="shop", name="apps")
URL = "https://git.example.org/shop/specs.git"
FIRST, SECOND, THIRD = ("1" * 40, "2" * 40, "3" * 40)
TOKEN = "forge-token-1234"


def a_git_source(key: Key = APPS, **changes: Any) -> GitSource:
    """shop/apps, whose repository is on a GitHub."""
    return replace(GitSource(key=key, url=URL, forge=Forge(kind=ForgeKind.GITHUB, secret="forge")), **changes)


def a_source_status(
    commit: str = FIRST, reason: str = "Synced", message: str = "", *, attempted: str = ""
) -> SourceStatus:
    """The status of a source that took `commit`, or that could not take `attempted`."""
    state = "True" if reason == "Synced" else "False"
    said = message or f"commit {(attempted or commit)[:12]}: 2 specs"
    ready = Condition(type="Ready", status=state, reason=reason, message=said, since=NOON)
    return SourceStatus(commit=commit, attempted=attempted or commit, attempted_at=NOON, conditions=(ready,))


def a_stored(key: Key = CHECKOUT, status: RolloutStatus | None = None, **changes: Any) -> Stored:
    """A Rollout that FIRST asked v2 of, looked at by the controller."""
    stored = Stored(
        key=key,
        uid=f"uid-{key}",
        version="1",
        generation=1,
        spec=a_spec(key=key),
        status=replace(status or a_status(), observed_generation=1),
        commit=FIRST,
    )
    stored = replace(stored, **changes)
    return replace(stored, status=replace(stored.status, source_commit=stored.commit))


class HeldSources:
    """GitSources by key, as `Sources` and `SourceSecrets`. asked: whose token was read."""

    def __init__(self) -> None:
        self.held: dict[Key, StoredSource] = {}
        self.asked: list[Key] = []
        self.trouble: PortError | None = None

    def put(self, source: GitSource | None, status: SourceStatus, key: Key = APPS, **changes: Any) -> None:
        """The source as it is from now on."""
        before = self.held.get(key)
        version = str(int(before.version) + 1) if before else "1"
        stored = StoredSource(key=key, uid=f"uid-{key}", version=version, generation=1, source=source, status=status)
        self.held[key] = replace(stored, **changes)

    def keys(self) -> tuple[Key, ...]:
        """All."""
        return tuple(sorted(self.held))

    def get(self, key: Key) -> StoredSource | None:
        """One."""
        return self.held.get(key)

    async def report(self, key: Key, status: SourceStatus) -> None:
        """Commit statuses write no status of a source."""
        raise AssertionError(f"{key}: {status}")

    async def request(self, key: Key, value: str) -> None:
        """Nor do they ask for a look."""
        raise AssertionError(f"{key}: {value}")

    async def set_finalizer(self, stored: StoredSource, *, present: bool) -> None:
        """Nor do they hold a source."""
        raise AssertionError(f"{stored.key}: {present}")

    async def credentials(self, source: GitSource) -> Credentials:
        """Commit statuses are no business of who reads the repository."""
        raise AssertionError(f"{source.key}")

    async def trusted_keys(self, source: GitSource) -> TrustedKeys:
        """Nor of who signs."""
        raise AssertionError(f"{source.key}")

    async def forge_token(self, source: GitSource) -> str:
        """The token, unless there is trouble."""
        self.asked.append(source.key)
        if self.trouble is not None:
            raise self.trouble
        return TOKEN


class HeldRollouts:
    """Rollouts by key with their sources, as `Rollouts` and `Specs`. broken: the source that brings a bug to light."""

    def __init__(self) -> None:
        self.held: dict[Key, Stored] = {}
        self.owners: dict[Key, Key] = {}
        self.broken: Key | None = None
        self.read: list[Key] = []
        self._told: dict[Key, Stored] = {}

    def put(self, stored: Stored, owner: Key = APPS) -> None:
        """The Rollout as it is from now on."""
        before = self.held.get(stored.key)
        self.held[stored.key] = replace(stored, version=str(int(before.version) + 1) if before else "1")
        self.owners[stored.key] = owner

    def news(self) -> tuple[Key, ...]:
        """Those that came, changed or went since this was asked last."""
        before, self._told = self._told, dict(self.held)
        return tuple(sorted(key for key in {*before, *self.held} if before.get(key) is not self.held.get(key)))

    def keys(self) -> tuple[Key, ...]:
        """All."""
        return tuple(sorted(self.held))

    def get(self, key: Key) -> Stored | None:
        """One."""
        self.read.append(key)
        return self.held.get(key)

    def on_route(self, namespace: str, route: RouteRef) -> tuple[Key, ...]:
        """Commit statuses do not ask."""
        raise AssertionError(f"{namespace}: {route}")

    async def save(self, stored: Stored, status: RolloutStatus) -> Stored:
        """Commit statuses write no Rollout."""
        raise AssertionError(f"{stored.key}: {status}")

    async def set_finalizer(self, stored: Stored, *, present: bool) -> Stored:
        """Commit statuses write no Rollout."""
        raise AssertionError(f"{stored.key}: {present}")

    def owned(self, source: Key) -> tuple[ObjectRef, ...]:
        """The Rollouts of a source, and a policy of it."""
        if source == self.broken:
            raise ZeroDivisionError
        refs = [ObjectRef(kind="Rollout", key=key) for key in self.keys() if self.owners[key] == source]
        return (*refs, ObjectRef(kind="SloPolicy", key=CHECKOUT))

    def leaving(self, source: Key) -> tuple[ObjectRef, ...]:
        """Commit statuses do not ask."""
        raise AssertionError(f"{source}")

    def owner(self, ref: ObjectRef) -> Key | None:
        """The source of a Rollout."""
        return self.owners.get(ref.key) if ref.key in self.held else None

    async def apply(self, spec: Spec, source: Key) -> Applied:
        """Commit statuses apply nothing."""
        raise AssertionError(f"{spec} {source}")

    async def delete(self, ref: ObjectRef, source: Key) -> None:
        """Nor do they delete."""
        raise AssertionError(f"{ref} {source}")


class NotedStatuses(CommitStatuses):
    """The service, with a note of whose turn it was."""

    looks: list[Key]

    async def look(self, key: Key, now: datetime) -> Looked:
        """As the service."""
        self.looks.append(key)
        return await super().look(key, now)


class CommitWorld:
    """A source on a forge with three commits, and the service in between."""

    def __init__(self) -> None:
        self.clock = ManualClock(NOON)
        self.sources = HeldSources()
        self.rollouts = HeldRollouts()
        self.forges = MemoryForges()
        self.leads = True
        for commit in (FIRST, SECOND, THIRD):
            self.forges.add(URL, commit)
        self.forges.require(URL, TOKEN)
        self.sources.put(a_git_source(), a_source_status())
        self.service = self.fresh()

    def fresh(self) -> NotedStatuses:
        """The service of a process that began just now."""
        rollouts = self.rollouts
        service = NotedStatuses(self.sources, self.sources, rollouts, rollouts, self.forges, lambda: self.leads)
        service.looks = []
        return service

    async def said(self, now: datetime | None = None) -> list[tuple[str, str, CommitState, str]]:
        """One look, and what it said: commit's first sign, what about, state and text."""
        before = len(self.forges.written)
        await self.service.look(APPS, now or self.clock.now())
        return [
            (commit[0], status.context.removeprefix("rollout/"), status.state, status.text)
            for commit, status in self.forges.written[before:]
        ]
