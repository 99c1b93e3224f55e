"""How does a decision become true?"""

from dataclasses import dataclass

from rollout.model.actions import Action, Answer, ReleaseFinalizer, ReleaseRoute, SetSplit, SetSubsets
from rollout.ports.errors import PortError
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
        self, stored: Stored, actions: tuple[Action, ...]
    ) -> tuple[tuple[Action, ...], tuple[PortError, ...]]:
        """The actions that changed something, and what went wrong with others.

        A finalizer is released only when everything before it went well.
        """
        changed: list[Action] = []
        failed: list[PortError] = []
        for action in actions:
            if isinstance(action, ReleaseFinalizer) and failed:
                continue
            try:
                if await self._one(stored, action):
                    changed.append(action)
            except PortError as error:
                failed.append(error)
        return tuple(changed), tuple(failed)

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


def lowering(actions: tuple[Action, ...]) -> tuple[Action, ...]:
    """Those of the actions that only lower risk: they do not wait for a saved status."""
    return tuple(action for action in actions if isinstance(action, SetSplit) and action.lowers)
