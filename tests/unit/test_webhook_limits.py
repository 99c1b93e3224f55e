"""How much is heard, how often, and how many times the same?"""

import ast
import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from tests.repo.tree import modules, where
from tests.support.builders import NOON
from webhooks.knock import Refusal, RefusedError, single
from webhooks.limits import Deliveries, Rates, read

MINUTE = timedelta(minutes=1)


async def chunks(*given: bytes) -> AsyncIterator[bytes]:
    for one in given:
        yield one


async def never() -> AsyncIterator[bytes]:
    yield b"{"
    await asyncio.Event().wait()


async def test_a_body_comes_in_pieces() -> None:
    assert await read(chunks(b"ab", b"", b"c"), 3) == b"abc"


@pytest.mark.parametrize("declared", ["4", "99999999999999999999", "00000000000"])
async def test_a_body_that_says_it_is_too_long_is_not_read(declared: str) -> None:
    with pytest.raises(RefusedError) as caught:
        await read(never(), 3, declared)

    assert caught.value.refusal is Refusal.TOO_LARGE


@pytest.mark.parametrize("declared", ["", "1", "-1", "a", "²"])
async def test_a_body_that_lies_about_its_length_is_cut_short(declared: str) -> None:
    with pytest.raises(RefusedError) as caught:
        await read(chunks(b"ab", b"cd"), 3, declared)

    assert caught.value.code == 413


async def test_whoever_drips_is_not_waited_for() -> None:
    with pytest.raises(RefusedError) as caught:
        await read(never(), 3, within=timedelta(milliseconds=10))

    assert caught.value.code == 408


def taken(rates: Rates, door: str, most: int, passed: timedelta = timedelta(0)) -> bool:
    try:
        rates.take(door, most, NOON + passed)
    except RefusedError:
        return False
    return True


def test_a_minutes_worth_may_come_at_once_and_then_as_much_as_drips_in() -> None:
    rates = Rates()

    at_once = [taken(rates, "a", 60) for _ in range(61)]
    later = [taken(rates, "a", 60, timedelta(seconds=2)) for _ in range(3)]

    assert at_once == [True] * 60 + [False]
    assert later == [True, True, False]


def test_one_receivers_flood_is_not_anothers() -> None:
    rates = Rates()
    taken(rates, "a", 1)

    assert not taken(rates, "a", 1)
    assert taken(rates, "b", 1)


def test_a_clock_that_is_turned_back_gives_nothing() -> None:
    rates = Rates()
    taken(rates, "a", 1)

    assert not taken(rates, "a", 1, -MINUTE)


def test_what_came_is_remembered_until_it_cannot_count_any_more() -> None:
    seen = Deliveries()

    answers = [
        seen.is_new("a", "1", NOON + MINUTE, NOON),
        seen.is_new("a", "1", NOON + MINUTE, NOON),
        seen.is_new("b", "1", NOON + MINUTE, NOON),
        seen.is_new("a", "1", NOON + 2 * MINUTE, NOON + MINUTE),
    ]

    assert answers == [True, False, True, True]


def test_what_is_remembered_is_bounded_and_the_oldest_goes_first() -> None:
    seen = Deliveries(most=2)
    for name in ("1", "2", "3"):
        seen.is_new("a", name, NOON + MINUTE, NOON)

    assert [seen.is_new("a", name, NOON + MINUTE, NOON) for name in ("3", "1")] == [False, True]


def test_what_led_to_nothing_is_forgotten() -> None:
    seen = Deliveries()
    seen.is_new("a", "1", NOON + MINUTE, NOON)
    seen.forget("a", "1")
    seen.forget("nobody", "1")

    assert seen.is_new("a", "1", NOON + MINUTE, NOON)


def test_headers_are_found_in_lower_case_and_only_those_that_came_once() -> None:
    found = single([(b"X-A", b" 1 "), (b"X-B", b"1"), (b"x-b", b"2"), (b"X-C", b"\xe9")])

    assert found == {"x-a": "1", "x-c": "é"}


def test_what_proves_somebody_is_compared_in_constant_time_alone() -> None:
    """`==`, `!=` and `in` end at the first byte that differs, which tells how much of a guess was right."""
    proofs = {"secret", "secrets", "mac", "wanted", "given", "signature", "signatures", "digest", "token"}
    compared: list[str] = []

    for path in modules("webhooks"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.Eq | ast.NotEq | ast.In | ast.NotIn):
                named = {one.id for one in (node.left, *node.comparators) if isinstance(one, ast.Name)}
                compared += [f"{where(path)}:{node.lineno}"] if named & proofs else []

    assert compared == []
