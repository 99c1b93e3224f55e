"""What is told of one Rollout by what this replica's caches hold?

The same account as the CLI's, which lists everything first: here nothing is asked of the cluster. Events are not told,
because the controller may only write them.
"""

from collections.abc import Callable, Iterable
from contextlib import nullcontext
from dataclasses import dataclass, replace

from rollout.model.names import Key
from rollout.model.rollout import RouteRef
from rollout.ports.clock import Clock
from rollout.ports.objects import Obj
from rollout.progression.view import View
from rollout.services.account import Account, accounted
from rollout.services.auditing import Audit, audited
from rollout.services.looking import look_at
from rollout.services.observe import Observer
from rollout.services.owners import owned_route
from rollout.services.planning import RolloutPlan, planned
from rollout.services.queries import Standing, standing
from rollout.services.traces import Traces


@dataclass(frozen=True, slots=True, kw_only=True)
class Accounts:
    """Tells of Rollouts. known: the object, None where there is none; commands: the RolloutCommands for it.

    route: an object of a route by namespace, None where there is none.
    eyes: somebody who looks, anew for each look: what he was told is not kept.
    """

    known: Callable[[Key], Obj | None]
    commands: Callable[[Key], Iterable[Obj]]
    route: Callable[[str, RouteRef], Obj | None]
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

    async def look(self, found: Standing) -> View:
        """What its rules see now; Rejected when its spec cannot be read, NotFound when it is gone."""
        return await look_at(self.eyes(), found, self.clock.now())

    async def plan(self, found: Standing) -> RolloutPlan:
        """The weights of every object at every step, without stable's history: no metrics server is asked."""
        view = await self.look(found)
        routes = (self.route(found.key.namespace, ref) for ref in view.spec.routes)
        owned = (owned_route(obj) for obj in routes if obj is not None)
        return replace(planned(view), owned=tuple(one for one in owned if one is not None))

    def audit(self, found: Standing, *, unread: str = "") -> Audit:
        """Who did what to it. unread: why the commands may not be told, "" when they may."""
        return audited(found, () if unread else self.commands(found.key), unread=unread)
