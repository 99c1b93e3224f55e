"""What is told of one Rollout by what this replica's caches hold?

The same account as the CLI's, which lists everything first: here nothing is asked of the cluster. Events are not told,
because the controller may only write them.
"""

from collections.abc import Callable, Iterable
from contextlib import nullcontext
from dataclasses import dataclass

from rollout.model.names import Key
from rollout.ports.clock import Clock
from rollout.ports.objects import Obj
from rollout.services.account import Account, accounted
from rollout.services.auditing import Audit, audited
from rollout.services.observe import Observer
from rollout.services.queries import Standing, standing
from rollout.services.traces import Traces


@dataclass(frozen=True, slots=True, kw_only=True)
class Accounts:
    """Tells of Rollouts. known: the object, None where there is none; commands: the RolloutCommands for it.

    eyes: somebody who looks, anew for each look: what he was told is not kept.
    """

    known: Callable[[Key], Obj | None]
    commands: Callable[[Key], Iterable[Obj]]
    eyes: Callable[[], Observer]
    traces: Traces
    clock: Clock

    def standing(self, key: Key) -> Standing | None:
        """How it stands; None when there is none."""
        obj = self.known(key)
        return standing(obj) if obj is not None else None

    async def why(self, found: Standing) -> Account:
        """All that is known of it now."""
        return await accounted(found, nullcontext(self.eyes()), self.clock.now())

    def audit(self, found: Standing, *, unread: str = "") -> Audit:
        """Who did what to it. unread: why the commands may not be told, "" when they may."""
        return audited(found, () if unread else self.commands(found.key), unread=unread)
