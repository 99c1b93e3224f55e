"""How do git's specs come into the cluster, and stay there?

One look at one GitSource: when its time has come ask git for the ref's commit and read it if it is new; take it whole or
not at all, apply what differs, delete what is gone, say how it went. In between, the last reading is held against
edits without asking git. Stopped at any point, the next look does the rest.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from rollout.model.names import Key
from rollout.model.source import DeletionPolicy, GitSource
from rollout.ports.errors import LeaseLost, PortError
from rollout.ports.rollouts import Commands
from rollout.ports.sources import SpecSource
from rollout.ports.specs import ObjectRef, Sources, SourceSecrets, Specs, StoredSource
from rollout.services.sync_apply import edit_news, written
from rollout.services.sync_claims import Contests
from rollout.services.sync_commands import Confirmations
from rollout.services.sync_git import Eyes, Seen, origin_of
from rollout.services.sync_memory import InForce, Memory
from rollout.services.sync_plan import SyncPlan, Wanted, plan, uncontested, wanted
from rollout.services.sync_report import Look, SyncReport, SyncState
from rollout.services.sync_status import news_of, status_of, wake_at

_LEAVING_AGAIN = timedelta(seconds=60)  # the watch tells earlier when something is gone


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncPorts:
    """What sync reads and writes."""

    sources: Sources
    secrets: SourceSecrets
    commands: Commands
    specs: Specs
    git: SpecSource


class Sync:
    """Brings GitSources' specs into the cluster. home: the controller's namespace, whose sources may write everywhere.

    The caller sees to it that no two looks at one source overlap.
    """

    def __init__(self, ports: SyncPorts, home: str) -> None:
        self._sources = ports.sources
        self._specs = ports.specs
        self._home = home
        self._eyes = Eyes(ports.git, ports.secrets)
        self._confirmations = Confirmations(ports.sources, ports.commands)
        self._contests = Contests(ports.sources, ports.specs)
        self._memories: dict[Key, Memory] = {}

    async def sync(self, key: Key, now: datetime) -> SyncReport:
        """Look at the source once and say in its status how it went.

        Raises LeaseLost, and the PortError of a source that could not be written.
        """
        stored = self._sources.get(key)
        if stored is None or (stored.deleting and not stored.finalizer):
            return self._gone(key)
        stored, answers = await self._confirmations.handled(stored)
        stored = await self._with_finalizer(stored)
        report = await self._looked(stored, now)
        if report.state is not SyncState.SUSPENDED:
            status = status_of(stored, report, now)
            if status != stored.status:
                await self._sources.report(key, status)
            report = replace(report, news=(*report.news, *news_of(stored.status, status)))
        also = tuple(sorted({*report.also, *self._contests.outdated()}))
        return replace(report, news=(*answers, *report.news), also=also)

    async def _looked(self, stored: StoredSource, now: datetime) -> SyncReport:
        source = stored.source
        if stored.deleting:
            return await self._left(stored, now)
        if source is None:
            return replace(Look(stored=stored).unreadable(), contests=self._contests.tell(stored.key))
        memory = self._memories.setdefault(stored.key, Memory())
        if source.suspend:
            memory.failures, memory.due = 0, None
            return Look(stored=stored).suspended()
        asked = memory.is_due(stored, now)
        if not asked and memory.last is not None and memory.rests_until is not None and now < memory.rests_until:
            quiet = replace(memory.last, applied=(), pruned=(), news=(), wake_at=memory.rests_until)
            return replace(quiet, contests=self._contests.tell(stored.key))
        sight = memory.sight
        if asked or sight is None:
            sight = memory.sight = await self._asked(memory, stored, source)
        report = await self._brought(memory, stored, source, sight)
        memory.reported(report, now)
        if asked or (report.trouble and isinstance(sight, Seen)):
            memory.failures = memory.failures + 1 if report.trouble else 0
            memory.due = wake_at(report, source.interval, memory.failures, now)
        return replace(report, wake_at=memory.rests_until or memory.due, contests=self._contests.tell(stored.key))

    async def _asked(self, memory: Memory, stored: StoredSource, source: GitSource) -> Seen | PortError:
        """What git has now, or why it does not say; where that is not remembered, also what the commit in force says."""
        known = memory.asks(stored)
        sight: Seen | PortError
        try:
            sight = await self._eyes.look(stored, source, known)
        except PortError as error:
            sight = error
        status = stored.status
        is_seen = isinstance(sight, Seen) and sight.commit == status.commit
        if memory.in_force is not None and memory.in_force.commit != status.commit:
            memory.in_force = None  # another replica has taken a commit meanwhile
        same = status.origin == origin_of(source) and status.observed_generation == stored.generation
        if memory.in_force is None and status.commit and same and not is_seen:
            reading = await self._eyes.again(source, status.commit)
            if reading is not None:
                specs = wanted(reading, source, self._home).specs
                memory.in_force = InForce(commit=status.commit, specs=specs)
        return sight

    async def _brought(
        self, memory: Memory, stored: StoredSource, source: GitSource, sight: Seen | PortError
    ) -> SyncReport:
        """Take what git has now; where that may not be, hold what was taken before."""
        if isinstance(sight, PortError):
            return await self._held(memory, stored, Look(stored=stored).not_fetched(sight))
        look = Look(stored=stored, seen=sight)
        if sight.unsigned:
            return await self._held(memory, stored, look.not_verified(sight))
        if sight.reading is None:
            return await self._held(memory, stored, look.rewritten(sight))
        all_wanted = wanted(sight.reading, source, self._home)
        self._claim(memory, stored, sight.commit, all_wanted)
        want = uncontested(all_wanted, source, lambda ref: self._contests.rival(ref, stored.key))
        look = replace(look, want=want)
        if want.errors and not want.skipped:
            return await self._held(memory, stored, look.kept_out())
        allowed = stored.status.confirmed == sight.commit
        todo = plan(want, self._own(stored.key), prune=source.prune, allowed=allowed)
        if todo.held:
            return await self._held(memory, stored, look.prune_held(todo))
        report = await self._taken(look, sight, source, todo)
        if report.commit == sight.commit and not report.trouble:
            memory.in_force = InForce(commit=sight.commit, specs=todo.apply)
            self._claim(memory, stored, sight.commit, all_wanted)
        return report

    async def _taken(self, look: Look, seen: Seen, source: GitSource, todo: SyncPlan) -> SyncReport:
        """Bring one commit into the cluster, or keep it there."""
        done = await written(self._specs, todo.apply, source.key)
        status = look.stored.status
        was_in_force = status.commit == seen.commit and status.observed_generation == look.stored.generation
        news = edit_news(done, seen.commit, was_in_force=was_in_force)
        if done.refused:
            return replace(look.refused(done), news=news)
        if done.failure is not None:
            return replace(look.broken_off(done, done.failure), news=news)
        try:
            for ref in todo.prune:
                await self._specs.delete(ref, source.key)
        except LeaseLost:
            raise
        except PortError as error:
            return replace(look.broken_off(done, error), news=news)
        return replace(look.taken(source, seen, todo, done), news=news)

    async def _held(self, memory: Memory, stored: StoredSource, report: SyncReport) -> SyncReport:
        """Keep the commit in force as it is, while the report says why no newer one is."""
        held = memory.in_force
        if held is None:
            return report
        mine = (spec for spec in held.specs if self._contests.rival(spec.ref, stored.key) is None)
        done = await written(self._specs, mine, stored.key)
        news = edit_news(done, held.commit, was_in_force=True)
        failed = bool(done.refused or done.failure)
        return replace(report, applied=done.refs, news=news, trouble=report.trouble or failed)

    def _claim(self, memory: Memory, stored: StoredSource, commit: str, want: Wanted) -> None:
        """What a commit wants counts once nothing else is wrong with it, and what is in force until another one is.

        Where that is not known, all that the source has applied counts, as long as nothing is claimed.
        """
        held = memory.in_force
        if held is None and stored.status.commit not in ("", commit):
            return
        before = held.specs if held is not None and held.commit != commit else ()
        self._contests.claim(stored.key, (spec.ref for spec in (*want.specs, *before)))

    async def _with_finalizer(self, stored: StoredSource) -> StoredSource:
        """The source with a finalizer where it is to delete what it applied: it comes before the first object."""
        if stored.source is None or stored.deleting:
            return stored
        wanted_one = stored.source.deletion_policy is DeletionPolicy.DELETE
        if stored.finalizer is wanted_one:
            return stored
        await self._sources.set_finalizer(stored, present=wanted_one)
        return self._sources.get(stored.key) or stored

    async def _left(self, stored: StoredSource, now: datetime) -> SyncReport:
        """Delete what the source applied, whether git can be read or not; what another one wants is left to that one."""
        self._contests.drop(stored.key)
        look = Look(stored=stored)
        if stored.source is None or stored.source.deletion_policy is DeletionPolicy.DELETE:
            try:
                for ref in self._own(stored.key):
                    await self._specs.delete(ref, stored.key)
            except LeaseLost:
                raise
            except PortError as error:
                return replace(look.not_left(error), wake_at=now + _LEAVING_AGAIN)
            going = (ref for ref in self._specs.leaving(stored.key) if self._reaches(stored.key, ref))
            left = tuple(sorted((*self._own(stored.key), *going)))
            if left:
                return replace(look.leaving(left), wake_at=now + _LEAVING_AGAIN)
        await self._sources.set_finalizer(stored, present=False)
        return self._gone(stored.key)

    def _gone(self, key: Key) -> SyncReport:
        self._memories.pop(key, None)
        self._contests.drop(key)
        also = self._contests.outdated()
        return SyncReport(key=key, state=SyncState.SUSPENDED, reason="Gone", message="the GitSource is gone", also=also)

    def _own(self, source: Key) -> tuple[ObjectRef, ...]:
        """What the source applied, may delete, and nobody else wants: what another one wants is handed over."""
        return tuple(
            ref
            for ref in self._specs.owned(source)
            if self._reaches(source, ref) and not self._contests.others(ref, source)
        )

    def _reaches(self, source: Key, ref: ObjectRef) -> bool:
        """Whether the source may write there: a label that somebody put on an object elsewhere gives no right to it."""
        return source.namespace in (ref.key.namespace, self._home)
