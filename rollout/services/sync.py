"""How do git's specs come into the cluster?

One look at one GitSource: ask for the ref's commit, and if it is new read it, take it whole or not at all, apply what
differs, delete what is gone, say how it went. Stopped at any point, the next look does the rest.
"""

import asyncio
from dataclasses import dataclass, replace
from datetime import datetime

from rollout.model.names import Key
from rollout.model.source import GitSource, Snapshot
from rollout.ports.errors import LeaseLost, PortError, Rejected
from rollout.manifest.errors import SpecError
from rollout.ports.sources import SpecSource
from rollout.ports.specs import ObjectRef, Sources, Spec, Specs, StoredSource
from rollout.services.sync_plan import SyncPlan, Wanted, plan, wanted
from rollout.services.sync_report import SyncReport, SyncState, failed, listed, status_of, staying, wake_at


@dataclass(frozen=True, slots=True, kw_only=True)
class _Settled:
    """A look that need not be repeated as long as these are the same."""

    generation: int
    allow_prune: str
    report: SyncReport


class Sync:
    """Brings GitSources' specs into the cluster. home: the controller's namespace, whose sources may write everywhere.

    One look per source at a time; what is remembered here only saves work.
    """

    def __init__(self, sources: Sources, specs: Specs, git: SpecSource, home: str) -> None:
        self._sources = sources
        self._specs = specs
        self._git = git
        self._home = home
        self._settled: dict[Key, _Settled] = {}
        self._failures: dict[Key, int] = {}

    async def sync(self, key: Key, now: datetime) -> SyncReport:
        """Look at the source once and report into its status.

        Raises LeaseLost, and the PortError of a status that could not be written.
        """
        stored = self._sources.get(key)
        if stored is None or stored.deleting:
            self._forget(key)
            return SyncReport(key=key, state=SyncState.SUSPENDED, reason="Deleted", message="the GitSource is gone")
        if stored.source is not None and stored.source.suspend:
            self._forget(key)
            message = f"spec.suspend is true; {staying(stored.status.commit)}"
            return _left(stored, SyncState.SUSPENDED, "Suspended", message)
        report = await self._looked(stored)
        status = status_of(stored, report, now)
        if status != stored.status:
            await self._sources.report(key, status)
        return self._timed(stored, report, now)

    async def _looked(self, stored: StoredSource) -> SyncReport:
        source = stored.source
        if source is None:
            return _left(stored, SyncState.STALLED, "InvalidSource", f"{stored.error}; {staying(stored.status.commit)}")
        try:
            credentials = await self._sources.credentials(source)
            head = await self._git.head(source, credentials)
            known = self._known(stored, head)
            if known is not None:
                return known
            snapshot = await self._git.read(source, credentials, head)
        except LeaseLost:
            raise
        except PortError as error:
            return failed(stored, error)
        report = await self._taken(stored, source, snapshot)
        if report.state is not SyncState.RETRYING:
            self._settled[stored.key] = _Settled(
                generation=stored.generation, allow_prune=stored.allow_prune, report=_told_before(report)
            )
        return report

    def _known(self, stored: StoredSource, head: str) -> SyncReport | None:
        """The report on this commit if nothing that could change it has changed."""
        status = stored.status
        if stored.request != status.handled_request:
            return None
        settled = self._settled.get(stored.key)
        if settled is not None:
            same = (settled.generation, settled.allow_prune) == (stored.generation, stored.allow_prune)
            return settled.report if same and settled.report.attempted == head else None
        ready = next((condition for condition in status.conditions if condition.type == "Ready"), None)
        if ready is None or ready.status != "True" or status.observed_generation != stored.generation:
            return None
        return _left(stored, SyncState.READY, ready.reason, ready.message) if status.commit == head else None

    async def _taken(self, stored: StoredSource, source: GitSource, snapshot: Snapshot) -> SyncReport:
        """Bring one commit into the cluster."""
        reading = await asyncio.to_thread(read, snapshot, source.key.namespace)
        want = wanted(reading, source, self._home, self._other_owner)
        start = _Start(stored=stored, commit=snapshot.commit, want=want)
        if want.errors and not want.skipped:
            return start.kept_out()
        allowed = stored.allow_prune == snapshot.commit
        todo = plan(want, self._specs.owned(source.key), prune=source.prune, allowed=allowed)
        applied, refused = [], []
        try:
            for spec in todo.apply:
                try:
                    if await self._specs.apply(spec, source.key):
                        applied.append(spec.ref)
                except Rejected as error:
                    refused.append(refusal(spec, str(error)))
            pruned = await self._pruned(todo, source.key) if not refused else ()
        except LeaseLost:
            raise
        except PortError as error:
            return start.broken_off(error, tuple(applied))
        return start.taken(todo, tuple(applied), pruned, tuple(refused))

    async def _pruned(self, todo: SyncPlan, source: Key) -> tuple[ObjectRef, ...]:
        for ref in todo.prune:
            await self._specs.delete(ref, source)
        return todo.prune

    def _other_owner(self, ref: ObjectRef) -> Key | None:
        """The source that applies the object; one that is gone has left it to whoever wants it."""
        owner = self._specs.owner(ref)
        return owner if owner is not None and self._sources.get(owner) is not None else None

    def _timed(self, source: GitSource | None, report: SyncReport, now: datetime) -> SyncReport:
        """The report with the time of the next look; only a person mends a source that cannot be read."""
        if source is None:
            return report
        troubled = report.reason in TROUBLES
        failures = self._failures.get(report.key, 0) + 1 if troubled else 0
        self._failures[report.key] = failures
        return replace(report, wake_at=wake_at(report, source.interval, failures, now))

    def _forget(self, key: Key) -> None:
        self._settled.pop(key, None)
        self._failures.pop(key, None)
