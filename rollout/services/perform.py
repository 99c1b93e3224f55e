"""How does a decision become true?"""

from dataclasses import dataclass

from rollout.model.actions import Action, Answer, ReleaseFinalizer, ReleaseRoute, SetSplit, SetSubsets
from rollout.model.names import Key
from rollout.model.observation import RouteSeen
from rollout.ports.errors import Conflict, PortError
from rollout.ports.rollouts import Commands, Rollouts, Stored
from rollout.ports.routes import Routes
from rollout.services.answered import answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Performer:
    """Performs actions one by one; one that fails does not stop the others."""

    rollouts: Rollouts
    commands: Commands
    routes: Routes

    async def perform(
        self, stored: Stored, actions: tuple[Action, ...], looked: tuple[RouteSeen, ...] = ()
    ) -> tuple[tuple[Action, ...], tuple[PortError, ...]]:
        """The actions that changed something, and what went wrong with others.

        A finalizer is released only when everything before it went well. looked: the routes on which the actions were
        decided; what raises weight needs them.
        """
        changed: list[Action] = []
        failed: list[PortError] = []
        for number, action in enumerate(actions):
            if isinstance(action, ReleaseFinalizer) and failed:
                continue
            try:
                if _raises(action):
                    self._check_unspoilt(stored.key, actions[number:], looked)
                if await self._one(stored, action):
                    changed.append(action)
            except PortError as error:
                failed.append(error)
        return tuple(changed), tuple(failed)

    def _check_unspoilt(self, key: Key, left: tuple[Action, ...], looked: tuple[RouteSeen, ...]) -> None:
        """Raise Conflict where somebody wrote weights of a route that is still to be raised since it was looked at.

        A person who lowered one while a metrics server, a saving or another write was waited for is not overruled on any
        route, but seen by the next tick. Nothing may be awaited between this and the write.
        """
        for action in left:
            if isinstance(action, SetSplit) and _raises(action):
                seen = self.routes.look(key, action.route).pools
                if not any(route.ref == action.route and route.pools == seen for route in looked):
                    raise Conflict(
                        f"{key.namespace}/{action.route}: changed since it was looked at; raised by the next tick"
                    )

    async def _one(self, stored: Stored, action: Action) -> bool:
        match action:
            case SetSplit():
                return await self.routes.set_split(stored.key, action)
            case ReleaseRoute():
                return await self.routes.release(stored.key, action)
            case SetSubsets():
                return await self.routes.set_subsets(stored.key, action)
            case Answer():
                await answer(self.commands, stored.key, action)
                return True
            case ReleaseFinalizer():
                await self.rollouts.set_finalizer(stored, present=False)
                return True


def _raises(action: Action) -> bool:
    return isinstance(action, SetSplit) and not action.lowers


def lowering(actions: tuple[Action, ...]) -> tuple[Action, ...]:
    """Those of the actions that only lower risk: they do not wait for a saved status."""
    return tuple(action for action in actions if isinstance(action, SetSplit) and action.lowers)
