"""Which bugs are planted into a controller, to see whether the invariants see them? Each lies at one port."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Any

from adapters.kube.api import KubeApi
from rollout.model.actions import Action, Answer, ReleaseRoute, SetSplit, SetSubsets
from rollout.model.names import Key
from rollout.model.observation import Observation, RouteSeen
from rollout.model.rollout import RolloutSpec, RouteRef
from rollout.model.status import RolloutStatus
from rollout.ports.rollouts import Commands, Rollouts, Stored
from rollout.ports.routes import Routes
from rollout.services.observe import Observer
from rollout.services.reconcile import Reconciler, Told
from tests.support.controllers import Services

Meddle = Callable[[KubeApi], Awaitable[object]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plant:
    """What is wrong with a controller; nothing where a field is not set.

    saved: what is saved instead, of the status before and the one decided. split: what a route is told instead, None for
    nothing. seen, stored and told: what is believed of a look, of the Rollout, and reported of a tick. meddles: a write
    before each split; looks: before each look. hasty: performs before it saves. flees: lets a deleted Rollout go at once.
    bare: no finalizer is set. subsets: whether they are defined. answers: what follows the answer to a command.
    """

    saved: Callable[[RolloutStatus, RolloutStatus], RolloutStatus] = lambda _, status: status
    split: Callable[[SetSplit, RolloutStatus], SetSplit | None] = lambda action, _: action
    seen: Callable[[Observation], Observation] = lambda seen: seen
    stored: Callable[[Stored], Stored] = lambda stored: stored
    told: Callable[[Told], Told] = lambda told: told
    meddles: Meddle | None = None
    looks: Meddle | None = None
    hasty: bool = False
    flees: bool = False
    bare: bool = False
    subsets: bool = True
    answers: Callable[[KubeApi, Answer], Awaitable[object]] | None = None


@dataclass(frozen=True, slots=True)
class PlantedRollouts:
    """`Rollouts` that believe or save something else."""

    real: Rollouts
    plant: Plant

    def get(self, key: Key) -> Stored | None:
        """As stored, or what is believed of it."""
        stored = self.real.get(key)
        return self.plant.stored(stored) if stored is not None else None

    def keys(self) -> tuple[Key, ...]:
        """As stored."""
        return self.real.keys()

    def on_route(self, namespace: str, route: RouteRef) -> tuple[Key, ...]:
        """As stored."""
        return self.real.on_route(namespace, route)

    async def save(self, stored: Stored, status: RolloutStatus) -> Stored:
        """Something else than was decided."""
        return await self.real.save(stored, self.plant.saved(stored.status, status))

    async def set_finalizer(self, stored: Stored, *, present: bool) -> Stored:
        """Perhaps not."""
        return stored if self.plant.bare and present else await self.real.set_finalizer(stored, present=present)


@dataclass(frozen=True, slots=True)
class PlantedRoutes:
    """`Routes` that do something else."""

    real: Routes
    plant: Plant
    api: KubeApi
    status: Callable[[], RolloutStatus]

    def look(self, key: Key, ref: RouteRef) -> RouteSeen:
        """As it is."""
        return self.real.look(key, ref)

    async def set_split(self, key: Key, action: SetSplit) -> bool:
        """What the plant makes of it."""
        if self.plant.meddles is not None:
            await self.plant.meddles(self.api)
        planted = self.plant.split(action, self.status())
        return planted is not None and await self.real.set_split(key, planted)

    async def release(self, key: Key, action: ReleaseRoute) -> bool:
        """As asked."""
        return await self.real.release(key, action)

    async def set_subsets(self, key: Key, action: SetSubsets) -> bool:
        """Perhaps not."""
        return self.plant.subsets and await self.real.set_subsets(key, action)


@dataclass(frozen=True, slots=True)
class PlantedCommands:
    """`Commands` that do more than answer."""

    real: Commands
    plant: Plant
    api: KubeApi

    def pending(self, key: Key) -> tuple[Any, ...]:
        """As they are."""
        return self.real.pending(key)

    async def answer(self, key: Key, answer: Answer) -> None:
        """And then something else."""
        await self.real.answer(key, answer)
        if self.plant.answers is not None:
            await self.plant.answers(self.api, answer)


@dataclass(slots=True, kw_only=True)
class PlantedObserver(Observer):
    """Looks, and believes something else."""

    plant: Plant
    api: KubeApi

    async def observe(self, spec: RolloutSpec, status: RolloutStatus, now: datetime) -> Observation:
        """What is believed."""
        if self.plant.looks is not None:
            await self.plant.looks(self.api)
        return self.plant.seen(await Observer.observe(self, spec, status, now))


@dataclass(frozen=True, slots=True, kw_only=True)
class PlantedReconciler(Reconciler):
    """Ticks in another order."""

    plant: Plant

    async def tick(self, key: Key, now: datetime) -> Told | None:
        """What is reported of it."""
        stored = self.rollouts.get(key)
        if self.plant.flees and stored is not None and stored.deleting and stored.finalizer:
            await self.rollouts.set_finalizer(stored, present=False)
            return Told(key=key, before=stored.status, after=stored.status)
        told = await Reconciler.tick(self, key, now)
        return self.plant.told(told) if told is not None else None

    async def _saved_or_lowered(self, stored: Stored, status: RolloutStatus, actions: tuple[Action, ...]) -> Stored:
        if self.plant.hasty and stored.spec is not None:
            routes = tuple(self.performer.routes.look(stored.key, ref) for ref in stored.spec.routes)
            await self.performer.perform(stored, actions, routes)
        return await Reconciler._saved_or_lowered(self, stored, status, actions)


def planted(services: Services, plant: Plant, api: KubeApi) -> Services:
    """The same controller with the bug in it."""
    real = services.reconciler
    rollouts = PlantedRollouts(real.rollouts, plant)

    def status() -> RolloutStatus:
        stored = real.rollouts.get(Key(namespace="shop", name="checkout"))
        return stored.status if stored is not None else RolloutStatus()

    routes = PlantedRoutes(real.performer.routes, plant, api, status)
    commands = PlantedCommands(real.performer.commands, plant, api)
    known = {field.name: getattr(real.observer, field.name) for field in fields(real.observer) if field.init}
    public = {name: value for name, value in known.items() if not name.startswith("_")}
    reconciler = PlantedReconciler(
        rollouts=rollouts,
        observer=PlantedObserver(**public, plant=plant, api=api),
        performer=replace(real.performer, rollouts=rollouts, routes=routes, commands=commands),
        notices=real.notices,
        plant=plant,
    )
    return replace(services, reconciler=reconciler)
