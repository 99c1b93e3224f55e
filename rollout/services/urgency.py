"""What has to be done for a Rollout at once, though an answer from outside is still awaited?

A metrics server that hangs holds a look for as long as one query may take. Nobody who wants to go back waits for that.
"""

import asyncio
from dataclasses import dataclass, field, replace
from typing import TypeVar

from rollout.model.actions import SetSplit
from rollout.model.decision import Decision
from rollout.model.names import Key
from rollout.model.observation import Observation
from rollout.model.status import RolloutStatus
from rollout.progression.needs import needs_authors
from rollout.services.perform import lowering
from rollout.traffic import shares

Stirred = asyncio.Future[None]
T = TypeVar("T")


@dataclass(slots=True)
class Stirrings:
    """Whom something happened to while a tick of it is in hand."""

    _ticks: dict[Key, Stirred] = field(default_factory=dict)

    def stir(self, key: Key) -> None:
        """Something happened to `key`; nothing is remembered where no tick of it is in hand."""
        stirred = self._ticks.get(key)
        if stirred is not None and not stirred.done():
            stirred.set_result(None)

    def next(self, key: Key) -> Stirred:
        """What is done when something happens to `key` from now on."""
        stirred: Stirred = asyncio.get_running_loop().create_future()
        self._ticks[key] = stirred
        return stirred

    def end(self, key: Key) -> None:
        """No tick of `key` is in hand any more."""
        self._ticks.pop(key, None)


async def either(answer: asyncio.Future[T], stirred: Stirred, within_s: float | None = None) -> None:
    """Return when the answer is there, or something happened, or so much time is over."""
    waited: list[asyncio.Future[T] | Stirred] = [answer, stirred]
    await asyncio.wait(waited, timeout=within_s, return_when=asyncio.FIRST_COMPLETED)


def is_urgent(status: RolloutStatus, glanced: Observation, decision: Decision) -> bool:
    """Whether what was decided without any answer from outside is to be done without waiting for one.

    So it is where something fired, a command was answered, weight is to go down, or a canary's endpoints went or came.
    An approval waits for git where git is to be asked whose change it is: without that it would be refused.
    """
    if decision.trigger or any(lowers_now(glanced, action) for action in lowering(decision.actions)):
        return True
    if decision.status.handled != status.handled and not needs_authors(status, glanced.approvals):
        return True
    after, before = decision.status.run, status.run
    return after is not None and before is not None and after.dark_since != before.dark_since


def answered(glanced: Observation, seen: Observation) -> Observation:
    """What the cluster looks like now, and the answers that an older look had to wait for."""
    return replace(
        glanced,
        measurements=seen.measurements,
        authors=seen.authors,
        hooks=seen.hooks,
        calling=seen.calling,
    )


def lowers_now(glanced: Observation, action: object) -> bool:
    """Whether some route gives the canary more than this action wants: else it only says again what is so."""
    if not isinstance(action, SetSplit):
        return False
    found = (route.pools for route in glanced.routes if route.ref == action.route)
    return any(shares.seen(pools, action.split)[1] > action.split.weight for pools in found)
