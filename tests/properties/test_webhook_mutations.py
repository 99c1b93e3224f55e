"""Is nothing taken that is not asked for, rightly signed, in time, once, and by somebody who may?

Thousands of bodies that somebody with the secret changed at random, and as many requests with exactly one thing wrong.
"""

import random
from collections import Counter
from datetime import timedelta

import pytest

from rollout.model.names import Key
from tests.support.asgi import Answer
from tests.support.builders import NOON
from tests.support.callback_knocks import ASKED_WRONGLY, Sender, Wrong, a_sender, spoiled
from tests.support.git_knocks import noted
from tests.support.hooked import body_of, signed, stamped
from tests.support.mutations import is_demand, mutated
from webhooks.knock import Refusal

FEW = pytest.param(1_000, id="1000")
MANY = pytest.param(10_000, id="10000", marks=pytest.mark.slow)


@pytest.mark.parametrize("count", [FEW, MANY])
async def test_of_signed_bodies_only_those_are_taken_that_ask_for_what_is_so(count: int) -> None:
    wrong: list[tuple[bytes, int]] = []
    codes: Counter[int] = Counter()
    plain: set[bytes] = set()

    async with a_sender(seed=7) as sender:
        with noted(sender.refused):
            for _ in range(count):
                body = mutated(sender.rng)
                name = sender.rng.choice(("ci", "plain"))
                is_new = name == "ci" or body not in plain
                code = (await sender.send(body, name)).code
                codes[code] += 1
                if (code == 202) is not (is_demand(body) and is_new):
                    wrong.append((body, code))
                if name == "plain":  # it has no id: the same body in the same second is the same request
                    plain.add(body)

    assert wrong == []
    assert codes.keys() <= {202, 401, 403, 404, 409, 422}
    assert {202, 403, 404, 409, 422} <= codes.keys(), codes


def flipped(text: str, rng: random.Random) -> str:
    """One character of a signature differs."""
    at = rng.randrange(3, len(text) - 2)
    return text[:at] + rng.choice([one for one in "ABCabc012" if one != text[at]]) + text[at + 1 :]


async def signature(sender: Sender) -> Answer:
    body = body_of()
    good = signed(body, delivery=sender.fresh())
    return await sender.send(
        body, headers={**good, "webhook-signature": flipped(good["webhook-signature"], sender.rng)}
    )


async def no_signature(sender: Sender) -> Answer:
    good = signed(body_of(), delivery=sender.fresh())
    gone = sender.rng.choice(sorted(good))
    return await sender.send(body_of(), headers={name: text for name, text in good.items() if name != gone})


async def secret(sender: Sender) -> Answer:
    return await sender.send(
        name=sender.rng.choice(("ci", "plain")), secret=b"whsec_" + b"QUJD" * sender.rng.randint(1, 9)
    )


async def changed_body(sender: Sender) -> Answer:
    body = body_of(reason=sender.fresh())
    at = sender.rng.randrange(len(body))
    other = body[:at] + bytes([body[at] ^ 1 << sender.rng.randrange(8)]) + body[at + 1 :]
    return await sender.send(body, sender.rng.choice(("ci", "plain")), sent=other)


async def time(sender: Sender) -> Answer:
    off = timedelta(minutes=5, seconds=sender.rng.randint(1, 10**6)) * sender.rng.choice((1, -1))
    return await sender.send(name=sender.rng.choice(("ci", "plain")), at=NOON + off)


async def replay(sender: Sender) -> Answer:
    body, name = body_of(reason=sender.fresh()), sender.rng.choice(("ci", "plain"))
    headers = signed(body, delivery=sender.fresh()) if name == "ci" else stamped(body)
    assert (await sender.send(body, name, headers=headers)).code == 202
    if sender.rng.random() < 0.5:
        sender.desk.forget()
    return await sender.send(body, name, headers=headers)


async def receiver(sender: Sender) -> Answer:
    return await sender.send(name="foreign")


async def no_secret(sender: Sender) -> Answer:
    return await sender.send(name="lost")


ONE_THING: dict[Wrong, tuple[set[int], float]] = {
    signature: ({401}, 1),
    no_signature: ({401}, 1),
    secret: ({401}, 1),
    changed_body: ({401}, 1),
    time: ({401}, 1),
    replay: ({401}, 1),
    receiver: ({401}, 1),
    no_secret: ({503}, 1),
    **ASKED_WRONGLY,
}


@pytest.mark.parametrize("count", [FEW, MANY])
async def test_with_one_thing_wrong_nothing_is_taken_and_every_reason_occurs(count: int) -> None:
    async with a_sender(seed=11) as sender:
        wrong = await spoiled(sender, ONE_THING, count)
        kept = {(one["spec"]["verb"], one["spec"]["run"]) for one in sender.desk.commands()}

    assert wrong == []
    assert set(sender.refused) == {one.value for one in Refusal}
    assert kept == {("approve", 1)}


async def test_a_right_request_between_all_the_wrong_ones_is_taken() -> None:
    async with a_sender(seed=3) as sender:
        for way in ONE_THING:
            await way(sender)
            assert (await sender.send()).code == 202, way.__name__

        assert sender.desk.looked == []
        assert sender.desk.receivers.get(Key(namespace="shop", name="ci")) is not None
