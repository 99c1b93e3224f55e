"""How do git's specs come into the cluster?

One look at one GitSource: ask for the ref's commit, and if it is new read it, take it whole or not at all, apply what
differs, delete what is gone, say how it went. Stopped at any point, the next look does the rest.
"""

import asyncio
from dataclasses import replace
from datetime import datetime

from rollout.manifest.errors import SpecError
from rollout.model.names import Key
from rollout.model.source import GitSource, Snapshot
from rollout.ports.errors import Conflict, LeaseLost, PortError, Rejected
from rollout.ports.sources import SpecSource
from rollout.ports.specs import ObjectRef, Sources, Spec, Specs, StoredSource
from rollout.services.sync_plan import error_at, plan, read, wanted
from rollout.services.sync_report import Look, SyncReport, SyncState, status_of, wake_at


class Sync:
    """Brings GitSources' specs into the cluster. home: the controller's namespace, whose sources may write everywhere.

    The caller sees to it that no two looks at one source overlap.
    """

    def __init__(self, sources: Sources, specs: Specs, git: SpecSource, home: str) -> None:
        self._sources = sources
        self._specs = specs
        self._git = git
        self._home = home
        self._failures: dict[Key, int] = {}  # in a row; forgetting them only asks sooner

    async def sync(self, key: Key, now: datetime) -> SyncReport:
        """Look at the source once and say in its status how it went.

        Raises LeaseLost, and the PortError of a status that could not be written.
        """
        stored = self._sources.get(key)
        if stored is None or stored.deleting:
            self._failures.pop(key, None)
            return SyncReport(key=key, state=SyncState.SUSPENDED, reason="Gone", message="the GitSource is gone")
        if stored.source is not None and stored.source.suspend:
            self._failures.pop(key, None)
            return Look(stored=stored).suspended()
        report = await self._looked(stored)
        status = status_of(stored, report, now)
        if status != stored.status:
            await self._sources.report(key, status)
        return self._timed(stored.source, report, now)

    async def _looked(self, stored: StoredSource) -> SyncReport:
        source, key, look = stored.source, stored.key, Look(stored=stored)
        if source is None:
            return look.unreadable()
        try:
            credentials = await self._sources.credentials(source)
            head = await self._git.head(source, credentials)
            if _is_done(stored, head) and len(self._specs.owned(key)) >= stored.status.applied:
                return look.nothing_new()
            snapshot = await self._git.read(source, credentials, head)
        except LeaseLost:
            raise
        except PortError as error:
            return look.not_fetched(error)
        return await self._taken(stored, source, snapshot)

    async def _taken(self, stored: StoredSource, source: GitSource, snapshot: Snapshot) -> SyncReport:
        """Bring one commit into the cluster."""
        reading = await asyncio.to_thread(read, snapshot, source.key.namespace)
        want = wanted(reading, source, self._home, self._other_owner)
        look = Look(stored=stored, commit=snapshot.commit, want=want)
        if want.errors and not want.skipped:
            return look.kept_out()
        allowed = stored.allow_prune == snapshot.commit
        todo = plan(want, self._specs.owned(source.key), prune=source.prune, allowed=allowed)
        applied: list[ObjectRef] = []
        refused: list[SpecError] = []
        conflict: Conflict | None = None
        try:
            for spec in todo.apply:
                error = await self._applied(spec, source.key, applied)
                if isinstance(error, Conflict):
                    conflict = error
                elif error is not None:
                    refused.append(error)
            if refused:
                return look.refused(tuple(applied), tuple(refused))
            if conflict is not None:
                return look.broken_off(tuple(applied), conflict)
            for ref in todo.prune:
                await self._specs.delete(ref, source.key)
        except LeaseLost:
            raise
        except PortError as error:
            return look.broken_off(tuple(applied), error)
        return look.taken(todo, tuple(applied))

    async def _applied(self, spec: Spec, source: Key, applied: list[ObjectRef]) -> SpecError | Conflict | None:
        """What stands against this one object, None for nothing; adds it to `applied` when it was written."""
        try:
            if await self._specs.apply(spec, source):
                applied.append(spec.ref)
        except Rejected as error:
            return error_at(spec, f"the API server refuses it: {error}", "")
        except Conflict as error:
            return error
        return None

    def _other_owner(self, ref: ObjectRef) -> Key | None:
        """The source that applies the object; one that is gone has left it to whoever wants it."""
        owner = self._specs.owner(ref)
        return owner if owner is not None and self._sources.get(owner) is not None else None

    def _timed(self, source: GitSource | None, report: SyncReport, now: datetime) -> SyncReport:
        """The report with the time of the next look; a source that cannot be read waits for its change."""
        if source is None:
            return report
        self._failures[source.key] = self._failures.get(source.key, 0) + 1 if report.trouble else 0
        return replace(report, wake_at=wake_at(report, source.interval, self._failures[source.key], now))


def _is_done(stored: StoredSource, head: str) -> bool:
    """Whether this commit was taken under this very spec, and nobody asked to look again."""
    status = stored.status
    ready = any(condition.type == "Ready" and condition.status == "True" for condition in status.conditions)
    same = (status.commit, status.observed_generation, status.handled_request)
    return ready and same == (head, stored.generation, stored.request)
