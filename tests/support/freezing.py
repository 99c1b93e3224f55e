"""How does a test freeze a Rollout, and which freeze lets nothing of it be raised?"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from rollout.model.commands import Verb
from rollout.model.freeze import FreezeWindow, Once, Overrun
from rollout.model.names import Key
from rollout.model.status import RolloutStatus
from tests.support.builders import a_freeze, a_freeze_manifest
from tests.support.controllers import HOME
from tests.support.pure_world import PureWorld
from tests.support.world import World

MINUTE = timedelta(minutes=1)


async def freeze(world: World, name: str, **spec: Any) -> None:
    """Apply a FreezeWindow of the controller's namespace that reaches all others."""
    world.cluster.seed({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": HOME}})
    await world.put(a_freeze_manifest(name, HOME, **spec))


def frozen_by(
    freezes: Iterable[FreezeWindow], before: RolloutStatus, after: RolloutStatus, now: datetime
) -> tuple[str, ...]:
    """The windows that let nothing be raised now: not those that were overridden for the run since they began.

    Only those between two moments are looked at, as they are written: nothing is asked of the product.
    """
    old, new = before.run, after.run
    if new is None or (new.straight and after.stable is not None):
        return ()
    begins = old is None or before.runs != after.runs or not old.weight
    over = new.override
    return tuple(
        one.key.name
        for one in freezes
        for window in one.windows
        if isinstance(window, Once) and window.start <= now < window.end
        if one.overrun is Overrun.HOLD or begins
        if over is None or str(one.key) not in over.windows or over.at < window.start
    )


def raises(before: RolloutStatus, after: RolloutStatus) -> bool:
    """Whether more is wanted for the revision on trial than before."""
    old = before.run.weight if before.run is not None and before.runs == after.runs else 0
    return after.run is not None and after.run.weight > old


class Freezing(RuleBasedStateMachine):
    """Windows come and go, and people override them, some of whom may."""

    world: PureWorld

    @rule(
        name=st.sampled_from(("weekend", "year-end")),
        minutes=st.sampled_from((0, 4)),
        length=st.sampled_from((1, 8, 60)),
        overrun=st.sampled_from(Overrun),
    )
    def platform_freezes(self, name: str, minutes: int, length: int, overrun: Overrun) -> None:
        """A window begins now or soon."""
        start, key = self.world.now + minutes * MINUTE, Key(namespace="platform", name=name)
        window = a_freeze(start=start, length=length * MINUTE, overrun=overrun, key=key)
        self.world.freezes = (*(one for one in self.world.freezes if one.key != key), window)

    @rule()
    def platform_thaws(self) -> None:
        """All windows are taken away."""
        self.world.freezes = ()

    @rule(actor=st.sampled_from(("ana", "ana", "ben")), reason=st.sampled_from(("", "an urgent fix")))
    def somebody_overrides(self, actor: str, reason: str) -> None:
        """One who may, or one who may not."""
        self.world.command(Verb.OVERRIDE, actor=actor, reason=reason)
