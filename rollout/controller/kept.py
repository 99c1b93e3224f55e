"""What does the controller do with one Rollout, and with one GitSource?"""

from dataclasses import dataclass, field

import structlog

from rollout.controller.loop import Worked
from rollout.model.names import Key
from rollout.model.status import Reason
from rollout.ports.clock import Clock
from rollout.ports.notices import About, Notices
from rollout.ports.rollouts import Rollouts
from rollout.ports.specs import Sources
from rollout.services.reconcile import Reconciler, Told
from rollout.services.sync import Sync
from rollout.services.sync_report import SyncReport, SyncState

log = structlog.get_logger("rollout")


@dataclass(slots=True)
class KeptRollouts:
    """Rollouts: one tick at a time, one log line for each tick that changed something."""

    rollouts: Rollouts
    reconciler: Reconciler
    clock: Clock
    name: str = "Rollout"

    def objects(self) -> tuple[Key, ...]:
        """All Rollouts."""
        return self.rollouts.keys()

    def changed(self) -> tuple[Key, ...]:
        """None: the watch tells."""
        return ()

    async def tick(self, key: Key) -> Worked:
        """One tick."""
        started = self.clock.now()
        told = await self.reconciler.tick(key, started)
        if told is None:
            return Worked(gone=True)
        if told.changed or told.after != told.before:
            _write(told, (self.clock.now() - started).total_seconds())
        if told.errors:
            first = told.errors[0]
            return Worked(failure=str(first), retry_after=first.retry_after, wake_at=told.wake_at)
        return Worked(wake_at=told.wake_at)


def _write(told: Told, seconds: float) -> None:
    status = told.after
    run = status.run
    log.info(
        told.decision.trigger if told.decision and told.decision.trigger else "ticked",
        key=str(told.key),
        phase=status.phase.value,
        revision=run.canary.name if run else (status.stable.name if status.stable else ""),
        step=run.step if run else 0,
        weight=run.weight if run else 0,
        did=[type(action).__name__ for action in told.changed],
        why="; ".join(event.message for event in told.decision.events) if told.decision else "",
        seconds=round(seconds, 3),
    )


@dataclass(slots=True)
class KeptSources:
    """GitSources: looked at when their interval is over, when they change, and when somebody asks."""

    sources: Sources
    sync: Sync
    notices: Notices
    clock: Clock
    name: str = "GitSource"
    _seen: dict[Key, tuple[object, ...]] = field(default_factory=dict)
    _said: dict[Key, tuple[object, ...]] = field(default_factory=dict)

    def objects(self) -> tuple[Key, ...]:
        """All GitSources."""
        return self.sources.keys()

    def changed(self) -> tuple[Key, ...]:
        """Those whose spec or whose request to look now is another than at the last call."""
        found: dict[Key, tuple[object, ...]] = {}
        for key in self.sources.keys():
            stored = self.sources.get(key)
            if stored is not None:
                found[key] = (stored.generation, stored.request, stored.allow_prune, stored.deleting)
        changed = tuple(key for key, what in found.items() if self._seen.get(key) != what)
        self._seen = found
        return changed

    async def tick(self, key: Key) -> Worked:
        """One look at git."""
        report = await self.sync.sync(key, self.clock.now())
        said = (report.state, report.message)
        if report.changed or self._said.get(key) != said:
            self._said[key] = said
            log.info(
                "synced",
                key=str(key),
                commit=report.commit,
                state=report.state.value,
                applied=[str(ref) for ref in report.applied],
                pruned=[str(ref) for ref in report.pruned],
                message=report.message,
            )
            await self._tell(key, report)
        return Worked(wake_at=report.wake_at, gone=self.sources.get(key) is None)

    async def _tell(self, key: Key, report: SyncReport) -> None:
        stored = self.sources.get(key)
        if stored is None:
            return
        about = About(
            kind="GitSource",
            key=key,
            uid=stored.uid,
            version=stored.version,
            state=report.state.value,
            details={"commit": report.commit} if report.commit else {},
        )
        trouble = report.state in (SyncState.RETRYING, SyncState.STALLED)
        await self.notices.tell(about, Reason(code=report.reason, message=report.message, warning=trouble))
