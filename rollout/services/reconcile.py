"""What happens in one tick of a Rollout?

load -> observe -> decide (pure) -> save -> perform. A weight is raised only after the status that says so was saved;
a weight is lowered even when it could not be.
"""

import asyncio
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from rollout.model.actions import Action, Answer, ReleaseFinalizer
from rollout.model.commands import Result
from rollout.model.decision import Decision
from rollout.model.names import Key
from rollout.model.status import Condition, Reason, RolloutStatus
from rollout.ports.errors import NotFound, PortError
from rollout.ports.notices import Notices, about_rollout
from rollout.ports.rollouts import Rollouts, Stored
from rollout.progression.decide import decide, decide_deletion
from rollout.progression.moments import grounded
from rollout.services.answered import answer
from rollout.services.observe import Observer
from rollout.services.perform import Performer, lowering

LOWERED_AGAIN = timedelta(seconds=5)  # a lowering that failed is tried again so soon, whatever back-off would say


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One tick in numbers and words: for the log line, the transcripts and the queue.

    changed: actions that changed something. errors: what went wrong; the tick is to be repeated. wake_at: None when
    only an event can matter.
    """

    key: Key
    before: RolloutStatus
    after: RolloutStatus
    decision: Decision | None = None
    changed: tuple[Action, ...] = ()
    errors: tuple[PortError, ...] = ()
    wake_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciler:
    """Ticks one Rollout at a time; the caller sees to it that no two ticks of one key overlap.

    saved_within: a status that is not answered by then holds no lowering up any longer.
    """

    rollouts: Rollouts
    observer: Observer
    performer: Performer
    notices: Notices
    saved_within: timedelta = timedelta(seconds=2)

    async def tick(self, key: Key, now: datetime) -> Told | None:
        """What one look led to; None when the Rollout is gone."""
        stored = self.rollouts.get(key)
        if stored is None:
            self.observer.forget(key)
            return None
        if stored.spec is None:
            return await self._refused(stored, now)
        if stored.deleting:
            return await self._deleted(stored, now)
        if not stored.finalizer:
            stored = await self._with_finalizer(stored)
        return await self._advanced(stored, now)

    async def _with_finalizer(self, stored: Stored) -> Stored:
        """The finalizer comes before the first write to anything else."""
        return await self.rollouts.set_finalizer(stored, present=True)

    async def _advanced(self, stored: Stored, now: datetime) -> Told:
        spec = stored.spec
        if spec is None:
            raise ValueError(f"{stored.key}: no spec to act on")
        before = grounded(stored.status, now)
        seen = await self.observer.observe(spec, before, now)
        decision = decide(spec, before, seen, now)
        status = replace(
            decision.status,
            observed_generation=stored.generation,
            source_commit=stored.commit or decision.status.source_commit,
            last_spec=_remembered(stored, decision.status),
        )
        events = decision.events
        if stored.error:
            status = _unreadable(stored, status, now)
            known = {reason.code for reason in stored.status.reasons}
            events = tuple(event for event in events if event.code != "Suspended")
            events += tuple(reason for reason in status.reasons[:1] if reason.code not in known)
        decision = replace(decision, status=status, events=events)
        try:
            saved = await self._saved_or_lowered(stored, status, decision.actions)
        except PortError as error:
            changed, errors = await self.performer.perform(stored, lowering(decision.actions))
            return Told(
                key=stored.key,
                before=stored.status,
                after=stored.status,
                decision=decision,
                changed=changed,
                errors=(error, *errors),
                wake_at=_look_again(stored, decision, errors, now),
            )
        changed, errors = await self.performer.perform(saved, decision.actions)
        await self._tell(saved, decision.events)
        return Told(
            key=stored.key,
            before=stored.status,
            after=status,
            decision=decision,
            changed=changed,
            errors=errors,
            wake_at=_soon(decision.wake_at, decision, errors, now),
        )

    async def _saved_or_lowered(self, stored: Stored, status: RolloutStatus, actions: tuple[Action, ...]) -> Stored:
        """As `_saved`; where the answer is late, weight is lowered before it comes."""
        saving = asyncio.ensure_future(self._saved(stored, status))
        try:
            await asyncio.wait([saving], timeout=self.saved_within.total_seconds())
            if not saving.done():
                await self.performer.perform(stored, lowering(actions))
            return await saving
        finally:
            saving.cancel()

    async def _saved(self, stored: Stored, status: RolloutStatus) -> Stored:
        if status == stored.status:
            return stored
        return await self.rollouts.save(stored, status)

    async def _deleted(self, stored: Stored, now: datetime) -> Told | None:
        if stored.spec is None or not stored.finalizer:
            return None
        before = grounded(stored.status, now)
        seen = await self.observer.observe(stored.spec, before, now)
        decision = decide_deletion(stored.spec, before, seen, now)
        errors: tuple[PortError, ...] = ()
        before = stored.status
        try:
            stored = await self._saved_or_lowered(stored, decision.status, decision.actions)
        except NotFound:
            return None
        except PortError as error:
            errors = (error,)
        actions = decision.actions
        if errors:
            actions = tuple(action for action in actions if not isinstance(action, ReleaseFinalizer))
        changed, failed = await self.performer.perform(stored, actions)
        await self._tell(stored, decision.events)
        return Told(
            key=stored.key,
            before=before,
            after=decision.status,
            decision=decision,
            changed=changed,
            errors=(*errors, *failed),
            wake_at=_soon(decision.wake_at, decision, failed, now),
        )

    async def _refused(self, stored: Stored, now: datetime) -> Told:
        """A spec that cannot be read moves nothing; a person must mend it."""
        if stored.deleting and stored.finalizer and stored.is_status_readable and stored.status.run is None:
            # Nothing is on trial, so stable has all traffic: a policy that went first must not keep a namespace.
            changed, errors = await self.performer.perform(stored, (ReleaseFinalizer(),))
            return Told(key=stored.key, before=stored.status, after=stored.status, changed=changed, errors=errors)
        for command in self.performer.commands.pending(stored.key):
            words = f"the spec cannot be read: {stored.error}"
            refusal = Answer(command=command.uid, result=Result.REFUSED, message=words)
            await answer(self.performer.commands, stored.key, refusal)
        status = _unreadable(stored, stored.status, now)
        if status == stored.status:
            return Told(key=stored.key, before=status, after=status)
        saved = await self._saved(stored, status)
        await self._tell(saved, status.reasons[:1])
        return Told(key=stored.key, before=stored.status, after=status)

    async def _tell(self, stored: Stored, events: tuple[Reason, ...]) -> None:
        for event in events:
            await self.notices.tell(about_rollout(stored), event)


def _look_again(stored: Stored, decision: Decision, errors: tuple[PortError, ...], now: datetime) -> datetime | None:
    """When to look again though no status can be saved: in time while a canary has weight, else when back-off says.

    errors: of the lowering that was done all the same.
    """
    run, spec = stored.status.run, stored.spec
    if run is None or spec is None or not run.weight:
        return _soon(None, decision, errors, now)
    return _soon(_earlier(decision.wake_at, now + spec.analysis.interval, now), decision, errors, now)


def _soon(
    wake_at: datetime | None, decision: Decision, errors: tuple[PortError, ...], now: datetime
) -> datetime | None:
    """When to look again: soon, if anything failed and a run's weight is to be lowered."""
    if not errors or decision.status.run is None or not lowering(decision.actions):
        return wake_at
    return _earlier(wake_at, now + LOWERED_AGAIN, now)


def _earlier(wake_at: datetime | None, bound: datetime, now: datetime) -> datetime:
    """The earlier of both; "at once" is none after a failure, as the loop would leave it to back-off."""
    return bound if wake_at is None or wake_at <= now else min(wake_at, bound)


def _remembered(stored: Stored, status: RolloutStatus) -> str:
    """The spec that this run could go back by if the next one cannot be read."""
    if status.run is None:
        return ""
    return stored.status.last_spec if stored.error else stored.raw


def _unreadable(stored: Stored, status: RolloutStatus, now: datetime) -> RolloutStatus:
    """The status of a Rollout whose spec cannot be read: said first, and Stalled until a person mends it."""
    reason = Reason(code="InvalidSpec", message=stored.error, warning=True)
    others = tuple(item for item in status.reasons if item.code not in ("Suspended", reason.code))
    before = {item.type: item for item in stored.status.conditions}
    conditions = tuple(
        _condition(
            before.get(kind), Condition(type=kind, status=value, reason=reason.code, message=reason.message, since=now)
        )
        for kind, value in (("Ready", "False"), ("Stalled", "True"))
    )
    return replace(
        status,
        reasons=(reason, *(others if status.run else ())),
        conditions=conditions,
        next="mend the spec; until then nothing is raised, a run still goes back when it fails or is aborted",
        observed_generation=stored.generation,
    )


def _condition(before: Condition | None, new: Condition) -> Condition:
    return replace(new, since=before.since) if before is not None and before.status == new.status else new
