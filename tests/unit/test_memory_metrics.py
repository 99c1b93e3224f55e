"""What do the metrics in memory say of both arms?"""

from datetime import timedelta

from adapters.memory.metrics import KEPT, MemoryMetrics, Scrape
from rollout.model.measurement import Arm, Counter, Counters, NoData, Question
from tests.support.builders import NOON
from tests.support.questions import a_question, a_window


async def measured(metrics: MemoryMetrics, question: Question) -> Counters:
    found = await metrics.measure(question)
    assert isinstance(found, Counters)
    return found


def growth(counters: tuple[Counter, ...]) -> float:
    return sum(one.points[-1][1] - one.points[0][1] for one in counters)


async def test_stable_is_healthy_when_only_the_canary_was_told() -> None:
    metrics = MemoryMetrics()
    metrics.tell_requests("errors", total=100, bad=40)

    canary = await measured(metrics, a_question())
    stable = await measured(metrics, a_question(arm=Arm.STABLE))
    history = await measured(metrics, a_question(arm=Arm.HISTORY, window=a_window(seconds=3600)))

    assert (growth(canary.total), growth(canary.bad)) == (100, 40)
    assert (growth(stable.total), growth(stable.bad)) == (100, 0)
    assert (growth(history.total), growth(history.bad), len(history.total[0].points)) == (6000, 0, 241)


async def test_an_arm_tells_the_scrapes_of_its_pods_that_the_window_reaches() -> None:
    metrics = MemoryMetrics()
    ago = [NOON - timedelta(seconds=seconds) for seconds in (600, 75, 15)]
    pod = [
        Scrape(at, total, bad, (slow,))
        for at, total, bad, slow in zip(ago, (1, 10, 30), (0, 1, 3), (0, 2, 6), strict=True)
    ]
    metrics.tell_requests("errors", total=100, bad=0)
    metrics.tell_pods("errors", Arm.STABLE, {"a": pod, "gone": pod[:1]}, [timedelta(milliseconds=500)])

    found = await measured(metrics, a_question(arm=Arm.STABLE))

    assert [one.labels for one in found.total] == [(("pod", "a"),)]
    assert (growth(found.total), growth(found.bad), growth(found.slower[0].counters)) == (20, 2, 4)
    assert growth((await measured(metrics, a_question())).total) == 100


async def test_an_arm_without_a_scrape_in_reach_has_no_data() -> None:
    metrics = MemoryMetrics()
    metrics.tell_pods("errors", Arm.CANARY, {"a": [Scrape(NOON - timedelta(hours=1), 5)]})

    assert isinstance(await metrics.measure(a_question()), NoData)


async def test_what_was_asked_is_remembered_for_a_while_only() -> None:
    metrics = MemoryMetrics()
    first, last = a_question(), a_question(arm=Arm.STABLE)
    await metrics.measure(first)

    for _ in range(2 * KEPT):
        await metrics.measure(last)

    assert first not in metrics.asked
    assert metrics.asked == [last] * KEPT
