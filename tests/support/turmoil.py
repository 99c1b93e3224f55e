"""How does a test live with a whole controller among faults, and see every write and tick of it?

Time is lived like the loop does it: at `wake_at`, after a failure with a back-off, and again when something changed.
"""

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from fnmatch import fnmatchcase
from typing import Any

from rollout.model.freeze import FreezeWindow
from rollout.ports.errors import LeaseLost, PortError
from tests.support.controllers import Services, show
from tests.support.fate import Fate, KilledError
from tests.support.vowed import ROLLOUTS, SHOP, Saved, Ticked, Truth, Weather, Write, truth_of
from tests.support.vows_of_statuses import OF_STATUSES
from tests.support.vows_of_ticks import OF_TICKS
from tests.support.vows_of_writes import OF_WRITES
from tests.support.world import World

SECOND = timedelta(seconds=1)
LONGEST = timedelta(minutes=2)  # of the back-off
AT_ONE_TIME = 40  # ticks; who needs more never comes to rest


@dataclass(slots=True, kw_only=True)
class Strike:
    """A write that will go wrong. path: a pattern; after: how many that match pass before; stored: only its answer is lost."""

    path: str
    error: PortError
    after: int = 0
    stored: bool = False


@dataclass(slots=True)
class Witness(Fate):
    """Fate that tells of each write what was before and after it.

    leads: whether the lease is held. meanwhile: what somebody does right before the next write but so many.
    """

    look: Callable[[], Truth] | None = None
    seen: Callable[[str, str, Truth, Truth], None] | None = None
    leads: bool = True
    meanwhile: tuple[int, Callable[[], Awaitable[None]]] | None = None
    strikes: list[Strike] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)

    async def write(self, verb: str, path: str, send: Callable[[], Awaitable[dict[str, Any]]]) -> dict[str, Any]:
        """As fate wants; what is stored is seen whether the answer arrives or not."""
        if self.look is None or self.seen is None:
            return await send()
        if not self.leads:
            self.failed.append(path)
            raise LeaseLost(f"{path}: the lease may be lost")
        if self.meanwhile is not None:
            (left, act), self.meanwhile = self.meanwhile, None
            if left:
                self.meanwhile = left - 1, act
            else:
                await act()
        before, strike = self.look(), self._strike(path)
        try:
            if strike is not None and not strike.stored:
                raise strike.error
            answer = await Fate.write(self, verb, path, send)
            if strike is not None:
                raise strike.error
        except (PortError, KilledError):
            self.failed.append(path)
            raise
        else:
            return answer
        finally:
            after = self.look()
            if before.revision != after.revision:
                self.seen(verb, path, before, after)

    def _strike(self, path: str) -> Strike | None:
        meant = [one for one in self.strikes if fnmatchcase(path, one.path)]
        fallen = next((one for one in meant if not one.after), None)
        for one in meant:
            one.after -= 1 if one.after and fallen is None else 0
        if fallen is not None:
            self.strikes.remove(fallen)
        return fallen


@dataclass(slots=True, kw_only=True)
class Turmoil:
    """A world in which every write and tick is held against the invariants. broken: those that did not hold.

    shut and back: since when webhooks hold steps, or roll back. lived: time that passed, whatever the clock was set to. planted: what every fresh life of the controller is made into.
    """

    world: World
    witness: Witness = field(default_factory=Witness)
    mood: str = "good"
    since: timedelta = timedelta(0)
    stood: tuple[object, timedelta] = (None, timedelta(0))
    lived: timedelta = timedelta(0)
    shut: timedelta | None = None
    back: timedelta | None = None
    fresh: bool = True
    freezes: dict[str, FreezeWindow] = field(default_factory=dict)
    planted: Callable[[Services], Services] = lambda services: services
    broken: list[str] = field(default_factory=list)
    ticks: int = 0

    async def begin(self) -> None:
        """A controller whose writes are seen starts in the place of the world's own."""
        self.witness.look, self.witness.seen = self.truth, self._wrote
        self.world.outside = replace(self.world.outside, fate=self.witness)
        await self.restart()

    async def restart(self) -> None:
        """The controller is killed, and a fresh one starts: it has listed everything."""
        self.world.cluster.faults.recover()
        self.world.cluster.faults.release()
        await self.world.restart()
        self.world.services = self.planted(self.world.services)

    def truth(self) -> Truth:
        """The cluster at this moment."""
        weather = Weather(
            now=self.world.clock.now(),
            mood=self.mood,
            lasts=self.lived - self.since,
            stands=self.lived - self.stood[1],
            shut=self.lived - self.shut if self.shut is not None else None,
            back=self.lived - self.back if self.back is not None else None,
            fresh=self.fresh,
            freezes=tuple(self.freezes.values()),
        )
        return truth_of(self.world.cluster, weather)

    def says(self, mood: str) -> None:
        """The metrics change; a mood that was there already lasts."""
        if mood != self.mood:
            self.mood, self.since = mood, self.lived

    async def live(self, duration: timedelta) -> None:
        """Let time pass as the controller's loop would."""
        end, failures = self.world.clock.now() + duration, 0
        while True:
            wait = await self._rested(failures)
            failures = failures + 1 if wait.failed else 0
            now = self.world.clock.now()
            if now >= end:
                return
            self.pass_by(min(wait.at or end - now, end - now))

    def pass_by(self, by: timedelta) -> None:
        """The clock goes on."""
        self.world.clock.advance(by)
        self.lived += by

    async def tick(self) -> "Wait":
        """One look by what the controller has been shown, with faults as they fall."""
        before, reads, stored = self.truth(), len(self.witness.reads), self.world.cluster.store.revision
        self.witness.failed.clear()
        self.ticks += 1
        try:
            told = await self.world.reconciler.tick(self.world.key, self.world.clock.now())
        except KilledError:
            await self.restart()
            return Wait(at=timedelta(0))
        except PortError:
            return Wait(failed=True)
        if told is None:
            self._gone(before)
            return Wait()
        ticked = Ticked(
            before=before,
            after=self.truth(),
            told=told,
            failed=tuple(self.witness.failed),
            asked=tuple(self.witness.reads[reads:]),
            wrote=self.world.cluster.store.revision - stored,
        )
        self._held(OF_TICKS, ticked)
        run = told.after.run
        stands = (told.after.runs, run.step, run.weight, run.confirmed, run.in_force_at) if run is not None else None
        self.stood = self.stood if stands == self.stood[0] else (stands, self.lived)
        again = ticked.wrote and not self.world.cluster.faults.is_held  # the watch shows the controller its own writes
        wake = told.wake_at - self.world.clock.now() if told.wake_at is not None else None
        return Wait(at=timedelta(0) if again and not told.errors else wake, failed=bool(told.errors))

    async def _rested(self, failures: int) -> "Wait":
        """Tick until nothing moves at this moment; how long to wait then."""
        for _ in range(AT_ONE_TIME):
            try:
                await self._show()
            except PortError:
                return Wait(at=backoff(failures), failed=True)
            wait = await self.tick()
            if wait.failed:
                soon = [at for at in (wait.at, backoff(failures)) if at is not None and at > timedelta(0)]
                return Wait(at=min(soon), failed=True)
            if wait.at is None or wait.at > timedelta(0):
                return wait
        raise AssertionError(f"{AT_ONE_TIME} ticks at one moment: {self.truth().status}")

    async def _show(self) -> None:
        self.fresh = not self.world.cluster.faults.is_held
        if self.fresh:
            store = self.world.cluster.store
            await show(self.world.cache, store, since=self.world.shown)
            self.world.shown = store.revision

    def _wrote(self, verb: str, path: str, before: Truth, after: Truth) -> None:
        self._held(OF_WRITES, Write(verb=verb, path=path, before=before, after=after))
        if path.endswith("/rollouts/checkout/status"):
            self._held(OF_STATUSES, Saved(verb=verb, path=path, before=before, after=after))

    def _gone(self, before: Truth) -> None:
        if self.world.cluster.store.find(ROLLOUTS, (SHOP, "checkout")) is None and before.rollout is not None:
            self.broken.append(f"the Rollout vanished under a tick: {before.status.phase}")

    def _held(self, vows: Iterator[Any] | tuple[Any, ...], what: Any) -> None:
        said = [(vow.__name__, vow(what)) for vow in vows]
        self.broken += [f"{self.world.clock.now():%d %H:%M:%S} {name}: {why}" for name, why in said if why]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """How long until the next tick. at: None until something happens; failed: after a failure, which has a back-off."""

    at: timedelta | None = None
    failed: bool = False


def backoff(failures: int) -> timedelta:
    """As the queue has it, without jitter."""
    return min(SECOND * (1 << min(failures, 10)), LONGEST)
