"""What happens in one tick of a Rollout?

load -> observe -> decide (pure) -> save -> perform. A weight is raised only after the status that says so was saved;
a weight is lowered even when it could not be.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from rollout.model.actions import Action, Answer, ReleaseFinalizer
from rollout.model.commands import Result
from rollout.model.decision import Decision
from rollout.model.names import Key
from rollout.model.observation import Observation
from rollout.model.rollout import RolloutSpec
from rollout.model.status import Reason, RolloutStatus
from rollout.ports.errors import NotFound, PortError
from rollout.ports.notices import Notices, about_rollout
from rollout.ports.rollouts import Rollouts, Stored
from rollout.progression.decide import decide, decide_deletion
from rollout.progression.moments import grounded
from rollout.services.again import look_again, soon
from rollout.services.answered import answer
from rollout.services.observe import Observer
from rollout.services.perform import Performer, lowering
from rollout.services.unreadable import of_stored, unreadable
from rollout.services.unsaved import Unsaved
from rollout.services.urgency import Stirrings, answered, either, is_urgent, lowers_now

# One look: None when something is to be done before it is complete.
Look = Callable[[RolloutSpec, RolloutStatus, datetime], Awaitable[Observation | None]]

SHORTEST = timedelta(milliseconds=100)  # between two looks at what time alone makes urgent


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

    saved_within: a status that is not answered by then holds no lowering up any longer. answered_within: where an answer
    from outside is not there by then, the tick looks up whether something needs none, whenever something happens.
    """

    rollouts: Rollouts
    observer: Observer
    performer: Performer
    notices: Notices
    saved_within: timedelta = timedelta(seconds=2)
    answered_within: timedelta = timedelta(milliseconds=100)
    stirrings: Stirrings = field(default_factory=Stirrings)
    unsaved: Unsaved = field(default_factory=Unsaved)

    async def tick(self, key: Key, now: datetime) -> Told | None:
        """What one look led to; None when the Rollout is gone."""
        try:
            return await self._tick(key, now, self._patient)
        finally:
            self.stirrings.end(key)

    def stir(self, key: Key) -> None:
        """Something happened to this Rollout: a tick that waits for an answer looks whether it still needs one."""
        self.stirrings.stir(key)

    async def _tick(self, key: Key, now: datetime, look: Look) -> Told | None:
        stored = self.rollouts.get(key)
        if stored is None:
            self.observer.forget(key)
            self.unsaved.forget(key)
            await self._refuse(key, f"there is no Rollout {key}")
            return None
        if stored.spec is None:
            return await self._refused(stored, now)
        if stored.deleting:
            return await self._deleted(stored, now)
        if not stored.finalizer:
            stored = await self._with_finalizer(stored)
        return await self._advanced(stored, now, look)

    async def _with_finalizer(self, stored: Stored) -> Stored:
        """The finalizer comes before the first write to anything else."""
        return await self.rollouts.set_finalizer(stored, present=True)

    async def _patient(self, spec: RolloutSpec, status: RolloutStatus, now: datetime) -> Observation | None:
        """A look with all answers from outside; None when something is to be done meanwhile that needs none of them."""
        stirred = self.stirrings.next(spec.key)
        looking = asyncio.ensure_future(self.observer.observe(spec, status, now))
        try:
            await asyncio.wait([looking], timeout=self.answered_within.total_seconds())
            was_quick = looking.done()
            while not looking.done():
                stored, again = self.rollouts.get(spec.key), None
                if stored is None or stored.spec is None or stored.deleting:
                    return None
                glanced, decision = await self._glanced(stored, stored.spec)
                if is_urgent(self._standing(stored, self.observer.clock.now()), glanced, decision):
                    return None
                if decision.wake_at is not None:
                    left = decision.wake_at - self.observer.clock.now()
                    again = max(left, SHORTEST).total_seconds()
                await either(looking, stirred, again)
                stirred = self.stirrings.next(spec.key) if stirred.done() else stirred
            seen = await looking
            return seen if was_quick else answered(await self.observer.glance(spec, status, now), seen)
        finally:
            looking.cancel()

    async def _glanced(self, stored: Stored, spec: RolloutSpec) -> tuple[Observation, Decision]:
        """What is seen without an answer from outside, and what would be decided on that alone."""
        now = self.observer.clock.now()
        known = self._standing(stored, now)
        glanced = await self.observer.glance(spec, known, now)
        rules = decide_deletion if stored.deleting else decide
        return glanced, rules(spec, known, glanced, now)

    def _standing(self, stored: Stored, now: datetime) -> RolloutStatus:
        """What is known of it, saved or not, with no moment later than now."""
        return grounded(self.unsaved.known(stored), now)

    async def _advanced(self, stored: Stored, now: datetime, look: Look) -> Told | None:
        spec = stored.spec
        if spec is None:
            raise ValueError(f"{stored.key}: no spec to act on")
        standing = self._standing(stored, now)
        seen = await look(spec, standing, now)
        if seen is None:
            return await self._tick(stored.key, self.observer.clock.now(), self.observer.glance)
        decision = of_stored(stored, decide(spec, standing, seen, now), now)
        try:
            saved = await self._saved_or_lowered(stored, decision.status, decision.actions)
        except PortError as error:
            self.unsaved.remember(stored, decision.status)
            changed, errors = await self.performer.perform(stored, lowering(decision.actions))
            return Told(
                key=stored.key,
                before=stored.status,
                after=stored.status,
                decision=decision,
                changed=changed,
                errors=(error, *errors),
                wake_at=look_again(stored, decision, errors, now),
            )
        changed, errors = await self.performer.perform(saved, decision.actions, seen.routes)
        await self._tell(saved, decision.events)
        return Told(
            key=stored.key,
            before=stored.status,
            after=decision.status,
            decision=decision,
            changed=changed,
            errors=errors,
            wake_at=soon(decision.wake_at, decision, errors, now),
        )

    async def _saved_or_lowered(self, stored: Stored, status: RolloutStatus, actions: tuple[Action, ...]) -> Stored:
        """As `_saved`; where the answer is late, weight is lowered before it comes, also where that is wanted only now."""
        saving = asyncio.ensure_future(self._saved(stored, status))
        try:
            await asyncio.wait([saving], timeout=self.saved_within.total_seconds())
            if not saving.done():
                await self.performer.perform(stored, lowering(actions))
            while not saving.done():
                stirred = self.stirrings.next(stored.key)
                await self._lower_meanwhile(stored.key)
                await either(saving, stirred)
            return await saving
        finally:
            saving.cancel()

    async def _lower_meanwhile(self, key: Key) -> None:
        """Lower what is to be lowered by now, as far as no answer from outside is needed to know it."""
        stored = self.rollouts.get(key)
        if stored is None or stored.spec is None:
            return
        glanced, decision = await self._glanced(stored, stored.spec)
        lower = tuple(action for action in lowering(decision.actions) if lowers_now(glanced, action))
        await self.performer.perform(stored, lower)

    async def _saved(self, stored: Stored, status: RolloutStatus) -> Stored:
        if status == stored.status:
            return stored
        return await self.rollouts.save(stored, status)

    async def _deleted(self, stored: Stored, now: datetime) -> Told | None:
        if stored.spec is None or not stored.finalizer:
            return None
        standing = grounded(stored.status, now)
        seen = await self.observer.glance(stored.spec, standing, now)
        decision = decide_deletion(stored.spec, standing, seen, now)
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
            wake_at=soon(decision.wake_at, decision, failed, now),
        )

    async def _refused(self, stored: Stored, now: datetime) -> Told:
        """A spec that cannot be read moves nothing; a person must mend it."""
        if stored.deleting and stored.finalizer and stored.is_status_readable and stored.status.run is None:
            # Nothing is on trial, so stable has all traffic: a policy that went first must not keep a namespace.
            changed, errors = await self.performer.perform(stored, (ReleaseFinalizer(),))
            return Told(key=stored.key, before=stored.status, after=stored.status, changed=changed, errors=errors)
        await self._refuse(stored.key, f"the spec cannot be read: {stored.error}")
        status = unreadable(stored, stored.status, now)
        if status == stored.status:
            return Told(key=stored.key, before=status, after=status)
        saved = await self._saved(stored, status)
        await self._tell(saved, status.reasons[:1])
        return Told(key=stored.key, before=stored.status, after=status)

    async def _refuse(self, key: Key, words: str) -> None:
        """Nobody waits in vain, nor is obeyed later by another Rollout of this name."""
        for command in self.performer.commands.pending(key):
            await answer(
                self.performer.commands, key, Answer(command=command.uid, result=Result.REFUSED, message=words)
            )

    async def _tell(self, stored: Stored, events: tuple[Reason, ...]) -> None:
        for event in events:
            await self.notices.tell(about_rollout(stored), event)
