"""Does a shard keep its own objects alone, and take those that a label gives it only once the other must be done?"""

from dataclasses import dataclass
from datetime import timedelta

from structlog.testing import capture_logs

from rollout.controller.divided import HANDOVER, Divided
from rollout.model.names import Key
from rollout.model.shard import Shard, home_of
from tests.support.divided import Objects, Told, division

ONE, TWO = (Shard(number=number, count=2) for number in (1, 2))
KEYS = [Key(namespace="shop", name=f"n{number}") for number in range(8)]
MINE = next(key for key in KEYS if home_of("Rollout", key, "", 2) == 1)
THEIRS = next(key for key in KEYS if home_of("Rollout", key, "", 2) == 2)


@dataclass(slots=True, kw_only=True)
class Shards:
    """One shard, what it has ticked, and its time."""

    clock: Told
    kept: Objects
    shard: Divided


def a_shard(shard: Shard, *keys: Key) -> Shards:
    """It leads already."""
    clock = Told()
    made = division(shard, "Rollout", dict.fromkeys(keys, ""), clock)
    made.objects()
    assert isinstance(made.kept, Objects)
    return Shards(clock=clock, kept=made.kept, shard=made)


async def test_what_is_of_another_shard_is_not_touched() -> None:
    on = a_shard(ONE, MINE, THEIRS)

    worked = [await on.shard.tick(key) for key in (MINE, THEIRS)]

    assert on.kept.ticked == [MINE]
    assert [one.gone for one in worked] == [False, True]


async def test_a_label_gives_an_object_to_another_shard_once_its_old_one_must_be_done() -> None:
    on = a_shard(ONE, MINE, THEIRS)

    on.kept.labels[THEIRS] = "1"
    waits = await on.shard.tick(THEIRS)
    early = list(on.kept.ticked)
    on.clock.passes(HANDOVER)
    await on.shard.tick(THEIRS)

    assert waits.wake_at == Told().now() + HANDOVER
    assert early == []
    assert on.kept.ticked == [THEIRS]


async def test_a_label_takes_an_object_away_at_once_and_its_loss_gives_it_back_later() -> None:
    on = a_shard(ONE, MINE)

    on.kept.labels[MINE] = "2"
    await on.shard.tick(MINE)
    on.kept.labels[MINE] = ""
    back = await on.shard.tick(MINE)
    on.clock.passes(HANDOVER)
    await on.shard.tick(MINE)

    assert back.wake_at == Told().now() + HANDOVER
    assert on.kept.ticked == [MINE]


async def test_who_begins_to_lead_does_not_wait_for_what_is_labelled_long_since() -> None:
    made = division(ONE, "Rollout", {THEIRS: "1"})

    objects = made.objects()
    worked = await made.tick(THEIRS)

    assert objects == (THEIRS,)
    assert worked.wake_at is None


async def test_a_label_without_such_a_shard_is_told_once() -> None:
    on = a_shard(ONE, MINE)
    on.kept.labels[MINE] = "3"

    with capture_logs() as logs:
        await on.shard.tick(MINE)
        await on.shard.tick(MINE)

    assert on.kept.ticked == [MINE, MINE]
    assert [(line["event"], line["label"], line["shard"]) for line in logs] == [
        ("shard_unknown", "rollout.dev/shard=3", 1)
    ]


async def test_what_is_gone_is_forgotten() -> None:
    on = a_shard(ONE, MINE, THEIRS)
    on.kept.labels |= {MINE: "2", THEIRS: "x"}
    for key in (MINE, THEIRS):
        await on.shard.tick(key)

    on.kept.labels.clear()
    for key in (MINE, THEIRS):
        await on.shard.tick(key)

    assert (on.shard._seen, on.shard._told) == ({}, {})


async def test_a_round_of_a_kind_that_stays_together_is_begun_by_one_shard_alone() -> None:
    every = [division(shard, "Notifier", {MINE: "1", THEIRS: "2"}) for shard in (ONE, TWO)]

    rounds = [shard.objects() for shard in every]

    assert sorted(map(len, rounds)) == [0, 2]


async def test_a_clock_that_goes_back_holds_nothing_up() -> None:
    on = a_shard(ONE, THEIRS)
    on.kept.labels[THEIRS] = "1"
    await on.shard.tick(THEIRS)

    on.clock.passes(-timedelta(hours=1))
    await on.shard.tick(THEIRS)

    assert on.kept.ticked == [THEIRS]
