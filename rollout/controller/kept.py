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
    """GitSources: looked at when their interval is over, when they or what they applied changes, and when somebody asks."""

    sources: Sources
    sync: Sync
    notices: Notices
    clock: Clock
    name: str = "GitSource"
    _said: dict[Key, tuple[object, ...]] = field(default_factory=dict)

    def objects(self) -> tuple[Key, ...]:
        """All GitSources."""
        return self.sources.keys()

    async def tick(self, key: Key) -> Worked:
        """One look at git, or at what came from there."""
        report = await self.sync.sync(key, self.clock.now())
        said = (report.state, report.message)
        is_new = self._said.get(key) != said
        if report.changed or is_new or report.news:
            log.info(
                "synced",
                key=str(key),
                commit=report.commit,
                state=report.state.value,
                applied=[str(ref) for ref in report.applied],
                pruned=[str(ref) for ref in report.pruned],
                message=report.message,
                news=[reason.message for reason in report.news],
            )
        trouble = report.state in (SyncState.RETRYING, SyncState.STALLED)
        outcome = Reason(code=report.reason, message=report.message, warning=trouble)
        await self._tell(key, report, (*((outcome,) if is_new else ()), *report.news))
        gone = self.sources.get(key) is None
        self._said[key] = said
        if gone:
            del self._said[key]
        return Worked(wake_at=report.wake_at, gone=gone, also=report.also)

    async def _tell(self, key: Key, report: SyncReport, reasons: tuple[Reason, ...]) -> None:
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
        for reason in reasons:
            await self.notices.tell(about, reason)
