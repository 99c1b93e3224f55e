"""Is what history taught known before the first weight, and does a run without it wait or go on as it should?"""

from datetime import timedelta

from rollout.model.measurement import Answer, Arm, Failed, NoData, Partial, Question
from rollout.model.status import Run
from rollout.progression.learning import SOAK
from tests.sequences.test_judged import AUTO, ERRORS, JUDGED, SLOW, release
from tests.support.scenes import MINUTE
from tests.support.series import Traffic
from tests.support.world import World, a_release

OBSERVED = {**SLOW, "mode": "observe"}


def run_of(world: World) -> Run:
    assert world.status.run is not None
    return world.status.run


def no_history(traffic: Traffic, answer: Answer) -> None:
    """Questions about history are answered so, all others by the traffic."""

    def told(question: Question) -> Answer:
        return answer if question.arm is Arm.HISTORY else traffic.answer(question)

    for name in ("errors", "slow"):
        traffic.world.metrics.tell(name, told)


async def test_what_was_learnt_is_saved_no_later_than_the_first_weight() -> None:
    async with a_release(**JUDGED) as world:
        Traffic(world)
        await release(world, 0)

        first = next(told.after.run for told in world.told if told.after.run and told.after.run.weight)

    assert [kept.objective for kept in first.judged] == ["errors"]
    assert first.judged[0].learnt.endswith("varies by 10%")
    assert first.outlook.startswith("can prove <= ")


async def test_history_is_asked_for_once() -> None:
    async with a_release(objectives=[ERRORS, SLOW]) as world:
        Traffic(world)
        await release(world, 3)

        asked = [question for question in world.metrics.asked if question.arm is Arm.HISTORY]

    assert [question.objective.name for question in asked] == ["errors", "slow"]
    assert {question.revision for question in asked} == {"v1"}
    assert {question.window.end - question.window.start for question in asked} == {timedelta(hours=1)}


async def test_both_arms_are_asked_at_most_once_an_interval_over_one_window() -> None:
    async with a_release(**JUDGED, analysis={"interval": "30s"}) as world:
        Traffic(world)
        await release(world, 1)
        world.metrics.asked.clear()

        await world.pass_time(5 * MINUTE - timedelta(seconds=1))

        canary, stable = (
            [question.window for question in world.metrics.asked if question.arm is arm]
            for arm in (Arm.CANARY, Arm.STABLE)
        )
    assert canary == stable
    assert 9 <= len(canary) <= 10


async def test_a_history_that_is_not_whole_holds_the_run() -> None:
    async with a_release(**JUDGED) as world:
        no_history(Traffic(world), Partial(query="q", warning="a store is down"))

        await release(world, 2)

        assert run_of(world).weight == 0
        assert [(reason.code, "a store is down" in reason.message) for reason in world.status.reasons] == [
            ("HistoryUnread", True)
        ]


async def test_an_objective_that_only_observes_holds_nothing() -> None:
    async with a_release(
        objectives=[{**ERRORS, "mode": "observe"}, {**ERRORS, "name": "other", "method": "threshold"}]
    ) as world:
        no_history(Traffic(world), Failed(query="q", error="refused"))

        await release(world, 2)

        assert run_of(world).weight == 5


async def test_promote_full_does_not_wait_for_history() -> None:
    async with a_release(**JUDGED) as world:
        no_history(Traffic(world), Failed(query="q", error="refused"))
        await release(world, 1)

        await world.command("promote-full")
        await world.pass_time(MINUTE)

        assert world.status.stable is not None
        assert world.status.stable.name == "v2"


async def test_the_plan_of_auto_is_pinned_before_its_first_weight_and_rises_to_its_highest() -> None:
    async with a_release(**{**AUTO, "auto": {"max": 30, "minDuration": "5m"}}) as world:
        Traffic(world)
        await release(world, 0)

        plan = run_of(world).plan

    weights = [step.weight for step in plan]
    assert weights == sorted(weights)
    assert weights[-1] == 30
    assert {step.soak for step in plan} == {SOAK}


async def test_auto_without_history_begins_with_care() -> None:
    async with a_release(**AUTO) as world:
        no_history(Traffic(world), NoData(query="q"))

        await release(world, 0)

        assert run_of(world).plan[0].weight == 5


async def test_auto_is_not_promoted_before_its_least_duration() -> None:
    async with a_release(**{**AUTO, "auto": {"max": 50, "minDuration": "20m"}}) as world:
        Traffic(world)

        await release(world, 19)

        assert run_of(world).weight == 50
        assert [reason.code for reason in world.status.reasons] == ["LeastDuration"]


async def test_a_spec_that_turns_to_auto_in_mid_run_keeps_the_plan_of_the_run() -> None:
    async with a_release(**JUDGED) as world:
        Traffic(world)
        await release(world, 2)

        await world.commit(steps=None, auto={"max": 30, "minDuration": "5m"})
        await world.pass_time(4 * MINUTE)

        assert [step.weight for step in run_of(world).plan] == [5, 50]
        assert "PlanRefused" not in {reason.code for reason in world.status.reasons}


async def test_a_run_of_auto_takes_the_steps_that_git_names_from_the_next_one_on() -> None:
    async with a_release(**AUTO) as world:
        Traffic(world)
        await release(world, 0)

        await world.commit(auto=None, steps=[{"weight": 3}, {"weight": 40, "soak": "1h"}])
        await world.pass_time(5 * MINUTE)

        assert run_of(world).weight == 40


async def test_an_objective_that_comes_in_mid_run_is_judged_from_then_on() -> None:
    async with a_release(**JUDGED) as world:
        traffic = Traffic(world)
        await release(world, 2)
        await world.commit(objectives=[ERRORS, SLOW])
        await world.pass_time(MINUTE)
        traffic.slow_down(20.0)

        await world.pass_time(4 * MINUTE)

        assert any("slow: what the judge knew is not there" in line for line in world.story)
        assert world.status.history[0].message.startswith("slow: ")
