"""Is nothing taken that is not asked for, rightly signed, in time, once, and by somebody who may?

Thousands of bodies that somebody with the secret changed at random, and as many requests with exactly one thing wrong.
"""

import random
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from rollout.model.names import Key
from rollout.ports.errors import Unreachable
from tests.support.builders import NOON
from tests.support.hooked import SECRET, Answer, Desk, a_callback, a_desk, a_git_receiver, body_of, signed, stamped
from tests.support.mutations import is_demand, mutated
from tests.support.receivers import receiver_manifest, receiver_secret
from webhooks.callbacks import MOST_BYTES
from webhooks.knock import Refusal

FEW = pytest.param(1_000, id="1000")
MANY = pytest.param(10_000, id="10000", marks=pytest.mark.slow)
COMMANDS = "/apis/rollout.dev/v1alpha1/namespaces/shop/rolloutcommands"
FAST = {"mostPerMinute": 100_000}
OTHERS: dict[str, dict[str, Any]] = {  # Receivers besides shop/ci that are somebody else's door
    "plain": {"proof": "hmac", **FAST},
    "foreign": {"secretRef": {"name": "foreign"}, **FAST},
    "quiet": {"suspend": True, **FAST},
    "mute": {"grants": [{"verbs": ["pause"]}], **FAST},
    "narrow": {"mostPerMinute": 1},
    "lost": {"secretRef": {"name": "nowhere"}, **FAST},
}


def others() -> Iterator[dict[str, Any]]:
    for name, spec in OTHERS.items():
        callback, _ = a_callback(**{"secretRef": {"name": "ci"}, **spec})
        yield {**callback, "metadata": {**callback["metadata"], "name": name}}
    git, _, source = a_git_receiver(mostPerMinute=100_000)
    yield {**git, "metadata": {**git["metadata"], "name": "git"}}
    yield source
    yield receiver_secret("foreign", secret=b"whsec_c29tZWJvZHkgZWxzZSdzIHNlY3JldA==")
    yield receiver_manifest("broken", spec={"type": "callback", "grants": [{"verbs": ["approve"], "who": {}}]})


@dataclass(slots=True)
class Sender:
    """Sends to a desk, each time as something new."""

    desk: Desk
    rng: random.Random
    sent: int = 0
    refused: Counter[str] = field(default_factory=Counter)

    def fresh(self) -> str:
        self.sent += 1
        return f"msg_{self.sent}"

    async def send(self, body: bytes | None = None, name: str = "ci", **how: Any) -> Answer:
        """A request with everything right but what is said otherwise."""
        body = body_of(reason=self.fresh()) if body is None else body
        headers = how.pop("headers", None)
        if headers is None:
            at, secret = how.pop("at", NOON), how.pop("secret", SECRET)
            plain = name == "plain"
            headers = stamped(body, at, secret) if plain else signed(body, at, self.fresh(), secret)
        path = how.pop("path", None) or self.desk.path(how.pop("route", "callbacks"), name)
        return await self.desk.post(path, how.pop("sent", body), headers, **how)


@asynccontextmanager
async def a_sender(seed: int) -> AsyncIterator[Sender]:
    async with a_desk(*a_callback(**FAST), *others()) as desk:
        desk.doors.read_within = timedelta(milliseconds=5)
        yield Sender(desk=desk, rng=random.Random(seed))


@contextmanager
def noted(sender: Sender) -> Iterator[None]:
    with capture_logs() as lines:
        yield
    sender.refused.update(line["refusal"] for line in lines if line["event"] == "webhook_refused")


@pytest.mark.parametrize("count", [FEW, MANY])
async def test_of_signed_bodies_only_those_are_taken_that_ask_for_what_is_so(count: int) -> None:
    wrong: list[tuple[bytes, int]] = []
    codes: Counter[int] = Counter()
    plain: set[bytes] = set()

    async with a_sender(seed=7) as sender:
        with noted(sender):
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


async def unknown_receiver(sender: Sender) -> Answer:
    path = sender.desk.path().rpartition("/")[0] + "/" + f"{sender.rng.getrandbits(256):064x}"
    return await sender.send(path=path)


async def route(sender: Sender) -> Answer:
    name, other = sender.rng.choice((("ci", "git"), ("git", "callbacks"), ("broken", "callbacks")))
    return await sender.send(name=name, route=other)


async def suspended(sender: Sender) -> Answer:
    return await sender.send(name="quiet")


async def rights(sender: Sender) -> Answer:
    return await sender.send(name="mute")


async def run(sender: Sender) -> Answer:
    return await sender.send(body_of(run=sender.rng.choice((0, 2, sender.rng.randint(2, 2**31)))))


async def step(sender: Sender) -> Answer:
    return await sender.send(body_of(step=sender.rng.choice((0, sender.rng.randint(2, 1000)))))


async def revision(sender: Sender) -> Answer:
    return await sender.send(body_of(revision=f"v{sender.rng.randint(3, 99)}"))


async def verb(sender: Sender) -> Answer:
    return await sender.send(body_of(verb=sender.rng.choice(("reject", "promote", "pause", "resume"))))


async def unheard_of_verb(sender: Sender) -> Answer:
    return await sender.send(
        body_of(verb=sender.rng.choice(("APPROVE", "approve ", "confirm", "name-stable", "delete")))
    )


async def namespace(sender: Sender) -> Answer:
    return await sender.send(body_of(target={"namespace": f"n{sender.rng.randint(0, 99)}", "name": "checkout"}))


async def target(sender: Sender) -> Answer:
    return await sender.send(body_of(target={"namespace": "shop", "name": f"cart-{sender.rng.randint(0, 99)}"}))


async def encoding(sender: Sender) -> Answer:
    text = body_of(reason="é").decode()
    wrong = (text.encode("utf-16"), b"\xef\xbb\xbf" + text.encode(), text.encode()[:-1], text.encode() + b"\xff")
    return await sender.send(sender.rng.choice(wrong))


async def size(sender: Sender) -> Answer:
    return await sender.send(body_of() + b" " * MOST_BYTES)


async def drip(sender: Sender) -> Answer:
    return await sender.send(drips=True)


async def no_secret(sender: Sender) -> Answer:
    return await sender.send(name="lost")


async def no_cluster(sender: Sender) -> Answer:
    sender.desk.api.failing = {COMMANDS: Unreachable("down")}
    try:
        return await sender.send()
    finally:
        sender.desk.api.failing = {}


Wrong = Callable[[Sender], Awaitable[Answer]]
# What is wrong, which answers that may have, and how often it is tried for each of the others' once.
ONE_THING: dict[Wrong, tuple[set[int], float]] = {
    signature: ({401}, 1),
    no_signature: ({401}, 1),
    secret: ({401}, 1),
    changed_body: ({401}, 1),
    time: ({401}, 1),
    replay: ({401}, 1),
    receiver: ({401}, 1),
    unknown_receiver: ({404}, 1),
    route: ({404}, 1),
    suspended: ({404}, 1),
    rights: ({403}, 1),
    run: ({409}, 1),
    step: ({409}, 1),
    revision: ({409}, 1),
    verb: ({403}, 1),
    unheard_of_verb: ({422}, 1),
    namespace: ({403}, 1),
    target: ({404}, 1),
    encoding: ({422}, 1),
    size: ({413}, 0.05),
    drip: ({408}, 0.05),
    no_secret: ({503}, 1),
    no_cluster: ({503}, 1),
}


@pytest.mark.parametrize("count", [FEW, MANY])
async def test_with_one_thing_wrong_nothing_is_taken_and_every_reason_occurs(count: int) -> None:
    wrong: list[tuple[str, int]] = []
    ways, weights = list(ONE_THING), [often for _, often in ONE_THING.values()]

    async with a_sender(seed=11) as sender:
        with noted(sender):
            assert (await sender.send(name="narrow")).code == 202
            for way in (*ways, *sender.rng.choices(ways, weights, k=count - len(ways))):
                code = (await way(sender)).code
                if code not in ONE_THING[way][0]:
                    wrong.append((way.__name__, code))
            assert (await sender.send(name="narrow")).code == 429
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
