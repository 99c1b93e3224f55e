"""How does a pipeline knock, and what may be wrong with what it asks for, however it proves itself?"""

import random
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from rollout.ports.errors import Unreachable
from rollout.ports.tokens import Tokens
from tests.support.asgi import Answer
from tests.support.builders import NOON
from tests.support.git_knocks import noted
from tests.support.hooked import SECRET, Desk, a_callback, a_desk, a_git_receiver, body_of, signed, stamped
from tests.support.receivers import receiver_manifest, receiver_secret
from webhooks.callbacks import MOST_BYTES

COMMANDS = "/apis/rollout.dev/v1alpha1/namespaces/shop/rolloutcommands"
FAST: dict[str, Any] = {"mostPerMinute": 100_000}
NOBODY = "http://127.0.0.1:9"  # an issuer that does not answer: the port of `discard`
OTHERS: dict[str, dict[str, Any]] = {  # Receivers besides shop/ci that are somebody else's door
    "plain": {"proof": "hmac", **FAST},
    "foreign": {"secretRef": {"name": "foreign"}, **FAST},
    "quiet": {"suspend": True, **FAST},
    "mute": {"grants": [{"verbs": ["pause"]}], **FAST},
    "narrow": {"mostPerMinute": 1},
    "lost": {"secretRef": {"name": "nowhere"}, **FAST},
}


def _others(every: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for name, spec in OTHERS.items():
        silent = {"oidc": {**every["oidc"], "issuer": NOBODY}} if name == "lost" and "oidc" in every else {}
        callback, _ = a_callback(**{"secretRef": {"name": "ci"}, **spec, **every, **silent})
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
    prove: "Prove"
    sent: int = 0
    refused: Counter[str] = field(default_factory=Counter)

    def fresh(self) -> str:
        """An id that no delivery had yet."""
        self.sent += 1
        return f"msg_{self.sent}"

    async def send(self, body: bytes | None = None, name: str = "ci", **how: Any) -> Answer:
        """A request with everything right but what is said otherwise."""
        body = body_of(reason=self.fresh()) if body is None else body
        headers = how.pop("headers", None)
        if headers is None:
            headers = self.prove(self, body, name, how.pop("at", NOON), how.pop("secret", SECRET))
        path = how.pop("path", None) or self.desk.path(how.pop("route", "callbacks"), name)
        return await self.desk.post(path, how.pop("sent", body), headers, **how)


Prove = Callable[[Sender, bytes, str, datetime, bytes], dict[str, str]]  # body, Receiver, when, secret
Wrong = Callable[[Sender], Awaitable[Answer]]


def by_secret(sender: Sender, body: bytes, name: str, at: datetime, secret: bytes) -> dict[str, str]:
    """Headers of Standard Webhooks; for the Receiver plain those of HMAC."""
    return stamped(body, at, secret) if name == "plain" else signed(body, at, sender.fresh(), secret)


@asynccontextmanager
async def a_sender(
    seed: int, prove: Prove = by_secret, tokens: Tokens | None = None, **every: Any
) -> AsyncIterator[Sender]:
    """A desk with Receiver shop/ci of callbacks and others; every: what the specs of all of them say besides."""
    async with a_desk(*a_callback(**FAST, **every), *_others(every), tokens=tokens) as desk:
        desk.doors.read_within = timedelta(milliseconds=5)
        yield Sender(desk=desk, rng=random.Random(seed), prove=prove)


async def unknown_receiver(sender: Sender) -> Answer:
    """No Receiver has this path."""
    path = sender.desk.path().rpartition("/")[0] + "/" + f"{sender.rng.getrandbits(256):064x}"
    return await sender.send(path=path)


async def route(sender: Sender) -> Answer:
    """The Receiver is of another type than the route, or cannot be read."""
    name, other = sender.rng.choice((("ci", "git"), ("git", "callbacks"), ("broken", "callbacks")))
    return await sender.send(name=name, route=other)


async def suspended(sender: Sender) -> Answer:
    """The Receiver hears nobody."""
    return await sender.send(name="quiet")


async def rights(sender: Sender) -> Answer:
    """The Receiver grants another verb."""
    return await sender.send(name="mute")


async def run(sender: Sender) -> Answer:
    """Made for another run."""
    return await sender.send(body_of(run=sender.rng.choice((0, 2, sender.rng.randint(2, 2**31)))))


async def step(sender: Sender) -> Answer:
    """Made for another step."""
    return await sender.send(body_of(step=sender.rng.choice((0, sender.rng.randint(2, 1000)))))


async def revision(sender: Sender) -> Answer:
    """Made for another revision."""
    return await sender.send(body_of(revision=f"v{sender.rng.randint(3, 99)}"))


async def verb(sender: Sender) -> Answer:
    """A verb that nobody granted."""
    return await sender.send(body_of(verb=sender.rng.choice(("reject", "promote", "pause", "resume"))))


async def unheard_of_verb(sender: Sender) -> Answer:
    """No verb that a callback may say."""
    return await sender.send(
        body_of(verb=sender.rng.choice(("APPROVE", "approve ", "confirm", "name-stable", "delete")))
    )


async def namespace(sender: Sender) -> Answer:
    """A Rollout out of reach."""
    return await sender.send(body_of(target={"namespace": f"n{sender.rng.randint(0, 99)}", "name": "checkout"}))


async def target(sender: Sender) -> Answer:
    """A Rollout that is not there."""
    return await sender.send(body_of(target={"namespace": "shop", "name": f"cart-{sender.rng.randint(0, 99)}"}))


async def encoding(sender: Sender) -> Answer:
    """No UTF-8, or no JSON."""
    text = body_of(reason="é").decode()
    wrong = (text.encode("utf-16"), b"\xef\xbb\xbf" + text.encode(), text.encode()[:-1], text.encode() + b"\xff")
    return await sender.send(sender.rng.choice(wrong))


async def size(sender: Sender) -> Answer:
    """More than is read."""
    return await sender.send(body_of() + b" " * MOST_BYTES)


async def drip(sender: Sender) -> Answer:
    """It does not end."""
    return await sender.send(drips=True)


async def gone(sender: Sender) -> Answer:
    """Whoever sends it goes away before its end."""
    return await sender.send(leaves=True)


async def no_cluster(sender: Sender) -> Answer:
    """The API server is down."""
    sender.desk.api.failing = {COMMANDS: Unreachable("down")}
    try:
        return await sender.send()
    finally:
        sender.desk.api.failing = {}


# What is wrong though the proof is right, how it is answered, and how often it is tried for each of the others' once.
ASKED_WRONGLY: dict[Wrong, tuple[set[int], float]] = {
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
    gone: ({400}, 1),
    no_cluster: ({503}, 1),
}


async def spoiled(
    sender: Sender, one_thing: Mapping["Wrong", tuple[set[int], float]], count: int
) -> list[tuple[str, int]]:
    """What was answered otherwise than it should be, of so many requests with one thing wrong, each way at least once.

    one_thing: the right answers of each way, and how often it is taken.
    """
    ways, weights = list(one_thing), [often for _, often in one_thing.values()]
    wrong: list[tuple[str, int]] = []
    with noted(sender.refused):
        assert (await sender.send(name="narrow")).code == 202
        for way in (*ways, *sender.rng.choices(ways, weights, k=count - len(ways))):
            code = (await way(sender)).code
            if code not in one_thing[way][0]:
                wrong.append((way.__name__, code))
        assert (await sender.send(name="narrow")).code == 429
    return wrong
