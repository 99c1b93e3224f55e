"""Does each invariant of the whole controller see the bug that it is there for? Every one is planted here."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from adapters.kube.api import KubeApi, Patch
from adapters.memory.cluster import DirectApi
from adapters.memory.metrics import counted
from rollout.model.actions import Answer, SetSplit
from rollout.model.names import BackendName
from rollout.model.observation import Observation
from rollout.model.rollout import RolloutSpec
from rollout.model.status import Phase, RolloutStatus
from rollout.ports.rollouts import Stored
from rollout.services.reconcile import Told
from tests.support.controllers import USER
from tests.support.fate import MortalApi
from tests.support.plants import Plant, planted
from tests.support.troubled_scenes import (
    a_dead_canary,
    a_deletion,
    a_failure,
    a_freeze,
    a_gate,
    a_late_deletion,
    a_lowering,
    a_pause,
    a_release,
    a_shut_gate,
    a_slow_failure,
    a_suspension,
    a_yes_to_go_back,
    an_outage,
    three_steps,
    two_runs,
)
from tests.support.troubled_shop import MINUTE, Shape, TroubledShop, a_troubled_shop
from tests.support.vows_of_statuses import OF_STATUSES
from tests.support.vows_of_ticks import OF_TICKS
from tests.support.vows_of_writes import OF_WRITES

Scene = Callable[[TroubledShop], Awaitable[None]]
VS = "/apis/networking.istio.io/v1/namespaces/shop/virtualservices/checkout"


def merges(spec: dict[str, Any], path: str = VS) -> Callable[[KubeApi], Awaitable[object]]:
    """A write that has nothing to do with weights."""
    return lambda api: api.patch(path, Patch.MERGE, {"spec": spec})


def at_the_second(meddle: Callable[[KubeApi], Awaitable[object]]) -> Callable[[KubeApi], Awaitable[object]]:
    """The same, only when it is called for the second time."""
    calls: list[KubeApi] = []

    async def meddles(api: KubeApi) -> object:
        calls.append(api)
        return await meddle(api) if len(calls) == 2 else None

    return meddles


def run_with(change: Callable[[RolloutStatus, RolloutStatus], RolloutStatus]) -> Plant:
    """What is saved while a run is in hand."""
    return Plant(saved=lambda before, after: change(before, after) if before.run and after.run else after)


def hurried(by: int) -> Plant:
    """Further by so many steps than was decided."""

    def change(before: RolloutStatus, after: RolloutStatus) -> RolloutStatus:
        if before.run is None or after.run is None or (before.run.step, after.run.step) != (1, 1):
            return after
        return replace(after, run=replace(after.run, step=1 + by))

    return run_with(change)


def rosy(seen: Observation) -> Observation:
    """Everything is ready, nothing fails or is frozen, and webhooks let a run go on."""
    return replace(
        seen,
        backends={name: replace(one, ready=2) for name, one in seen.backends.items()},
        workloads={name: replace(one, ready=2, settled=True) for name, one in seen.workloads.items()},
        measurements=tuple(replace(one, answer=counted(one.question, total=1000, bad=0)) for one in seen.measurements),
        freezes=(),
        hooks={name: replace(one, passed=name == "gate") for name, one in seen.hooks.items()},
    )


def blind_to_subsets(seen: Observation) -> Observation:
    """Every subset seems to be defined."""
    return replace(seen, backends={name: replace(one, subset_defined=True) for name, one in seen.backends.items()})


def speechless(told: Told) -> Told:
    """No status says anything."""
    before, after = (replace(status, reasons=(), next="") for status in (told.before, told.after))
    return replace(told, before=before, after=after)


def mistaken(told: Told) -> Told:
    """What moved seems to have come from another phase."""
    moved = told.decision is not None and told.decision.trigger
    return replace(told, before=replace(told.before, phase=Phase.FAILED)) if moved else told


def forgetful(stored: Stored) -> Stored:
    """What failed is forgotten."""
    return (
        replace(stored, status=replace(stored.status, failed=None, phase=Phase.IDLE))
        if stored.status.failed
        else stored
    )


def unsuspended(stored: Stored) -> Stored:
    """`suspend` is overlooked."""
    spec: RolloutSpec | None = stored.spec
    return replace(stored, spec=replace(spec, suspend=False)) if spec is not None else stored


def raised_to(weight: int, phase: Phase | None = None) -> Plant:
    """Routes get another weight than was saved, in one phase or in all."""

    def split(action: SetSplit, status: RolloutStatus) -> SetSplit:
        meant = phase is None or status.phase is phase
        return replace(action, split=replace(action.split, weight=weight), lowers=False) if meant else action

    return Plant(split=split)


def misled(action: SetSplit, _: RolloutStatus) -> SetSplit:
    """Somebody else gets the canary's traffic."""
    return replace(action, split=replace(action.split, canary=BackendName(service="checkout-v3")))


async def answers_again(api: KubeApi, answer: Answer) -> object:
    """Another answer to a command that has one."""
    folder = VS.replace("networking.istio.io/v1", "rollout.dev/v1alpha1").replace("virtualservices/checkout", "")
    listed = await api.get(f"{folder}rolloutcommands", {"limit": "50"})
    name = next(one["metadata"]["name"] for one in listed["items"] if one["metadata"]["uid"] == answer.command)
    path = f"{folder}rolloutcommands/{name}/status"
    return await api.patch(path, Patch.MERGE, {"status": {"message": "no, the other way round"}})


PLANTS: dict[str, tuple[Plant, Scene]] = {
    "raised_only_once_it_was_saved": (Plant(hasty=True), a_release),
    "never_above_the_step": (raised_to(35), a_release),
    "only_the_canary_rises": (Plant(split=misled), a_release),
    "what_stands_raises_nothing": (raised_to(70, Phase.PAUSED), a_pause),
    "what_a_person_lowered_stays": (Plant(split=lambda action, _: replace(action, lowers=False)), a_lowering),
    "suspended_raises_nothing": (Plant(stored=unsuspended), a_suspension),
    "nobody_is_sent_to_the_dead": (Plant(seen=rosy), a_dead_canary),
    "every_subset_is_there": (Plant(seen=blind_to_subsets, subsets=False), a_release),
    "no_subset_in_use_goes": (
        Plant(
            meddles=at_the_second(merges({"subsets": []}, VS.replace("virtualservices/", "destinationrules/rollout-")))
        ),
        a_release,
    ),
    "what_is_not_ours_stays": (Plant(meddles=merges({"exportTo": None})), a_release),
    "weights_add_up": (
        Plant(meddles=merges({"http": [{"route": [{"destination": {"host": "checkout-v1"}, "weight": 95}]}]})),
        a_release,
    ),
    "routes_keep_an_entry": (Plant(meddles=merges({"http": [{"route": []}]})), a_release),
    "only_what_it_may_write_is_written": (
        Plant(meddles=merges({"replicas": 0}, "/apis/apps/v1/namespaces/shop/deployments/checkout-v1")),
        a_release,
    ),
    "the_finalizer_comes_first": (Plant(bare=True), a_release),
    "an_answer_stays": (Plant(answers=answers_again), a_pause),
    "no_step_is_skipped": (hurried(2), three_steps),
    "no_gate_is_jumped": (hurried(1), a_gate),
    "the_soak_is_kept": (hurried(1), a_release),
    "nothing_passes_on_a_guess": (Plant(seen=rosy), an_outage),
    "no_webhook_is_passed_by": (Plant(seen=rosy), a_shut_gate),
    "a_rollback_hook_is_obeyed": (Plant(seen=rosy), a_yes_to_go_back),
    "frozen_raises_nothing": (Plant(seen=rosy), a_freeze),
    "weight_comes_after_capacity": (Plant(seen=rosy), a_dead_canary),
    "runs_are_counted_upwards": (run_with(lambda _, after: replace(after, runs=after.runs + 5)), a_release),
    "history_is_not_rewritten": (
        Plant(saved=lambda _, after: replace(after, history=after.history[:1])),
        two_runs,
    ),
    "a_status_is_bounded": (Plant(saved=lambda _, after: replace(after, handled=after.handled * 2)), a_pause),
    "stable_is_what_has_the_traffic": (
        run_with(lambda _, after: replace(after, stable=after.run.canary if after.run else None)),
        a_release,
    ),
    "a_failed_run_is_not_tried_again": (Plant(stored=forgetful), a_failure),
    "no_run_is_forgotten": (Plant(saved=lambda _, after: replace(after, history=())), a_failure),
    "moves_are_in_the_table": (
        Plant(told=mistaken),
        a_release,
    ),
    "lowering_is_never_held": (Plant(split=lambda action, _: None if action.lowers else action), a_failure),
    "a_failing_canary_goes_back": (Plant(seen=rosy), a_slow_failure),
    "kstatus_is_not_misled": (
        Plant(told=lambda told: replace(told, after=replace(told.after, conditions=told.before.conditions))),
        a_release,
    ),
    "it_says_what_it_waits_for": (
        Plant(told=speechless),
        a_release,
    ),
    "somebody_looks_again": (Plant(told=lambda told: replace(told, wake_at=None)), a_release),
    "rest_costs_nothing": (Plant(looks=lambda api: api.get(VS)), a_release),
    "a_deleted_rollout_leaves_stable": (Plant(flees=True), a_deletion),
    "a_deleted_rollout_takes_its_rules_along": (Plant(flees=True), a_late_deletion),
}
WITH_SUBSETS = ("every_subset_is_there", "no_subset_in_use_goes", "a_deleted_rollout_takes_its_rules_along")
VOWS = [vow.__name__ for vow in (*OF_WRITES, *OF_STATUSES, *OF_TICKS)]


@pytest.mark.slow
@pytest.mark.parametrize("name", PLANTS)
async def test_a_planted_bug_is_seen_by_the_invariant_against_it(name: str) -> None:
    plant, scene = PLANTS[name]
    async with a_troubled_shop(Shape(subsets=name in WITH_SUBSETS)) as shop:
        api = MortalApi(DirectApi(shop.world.cluster, user=USER), shop.witness)
        shop.planted = lambda services: planted(services, plant, api)
        await shop.restart()
        if plant.bare:
            await shop.remove()
            await shop.live(MINUTE)
        assert shop.broken == []

        await scene(shop)

        assert name in {one.split(" ", 2)[2].partition(":")[0] for one in shop.broken}, shop.broken


@pytest.mark.slow
@pytest.mark.parametrize("scene", dict.fromkeys(scene for _, scene in PLANTS.values()))
async def test_nothing_is_seen_where_nothing_is_planted(scene: Scene) -> None:
    for shape in (Shape(), Shape(subsets=True)):
        async with a_troubled_shop(shape) as shop:
            await scene(shop)

            assert shop.broken == []


def test_every_invariant_has_its_planted_bug() -> None:
    assert sorted(PLANTS) == sorted(VOWS)
