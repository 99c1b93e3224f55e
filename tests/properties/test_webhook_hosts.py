"""Can whoever knows a git host's secret, or almost does, have anything done but his own GitSource looked at?

Thousands of pushes that were changed at random and signed rightly, and as many with exactly one thing wrong, through the
real door and for each way in which hosts sign.
"""

from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from adapters.memory.cluster import Call
from rollout.model.names import Key
from rollout.ports.errors import Unreachable
from tests.support.asgi import Answer
from tests.support.builders import NOON
from tests.support.git_knocks import HOSTS, GitKnocks, a_push, another, git_knocks, noted
from webhooks.git import MOST_BYTES
from webhooks.knock import Refusal

ALIASES = ("forgejo", "bitbucket")  # other headers for what another host signs
EACH = pytest.mark.parametrize("name", HOSTS)
COUNTS = pytest.mark.parametrize(
    ("name", "count"),
    [
        *((name, 100) for name in HOSTS),
        *(pytest.param(name, 10_000, marks=pytest.mark.slow) for name in HOSTS if name not in ALIASES),
    ],
)
SPECS = Key(namespace="shop", name="specs")
SOURCE = "/apis/rollout.dev/v1alpha1/namespaces/shop/gitsources/specs"
# A delivery that comes again is answered 200; the body is never read; nothing is asked for that may be forbidden or over.
NEVER = {Refusal.REPLAYED, Refusal.UNREADABLE, Refusal.NOT_ALLOWED, Refusal.OUTDATED}


@COUNTS
async def test_whatever_a_signed_push_says_the_named_source_is_looked_at_and_nothing_else(
    name: str, count: int
) -> None:
    told: Counter[tuple[int, str]] = Counter()

    async with git_knocks(name, seed=5) as knocks:
        before = knocks.desk.cluster.read(Call(path=SOURCE))["spec"]
        with noted(knocks.refused):
            for _ in range(count):
                answer = await knocks.send(a_push(knocks.rng))
                told[answer.code, answer.text] += 1
        after = knocks.desk.cluster.read(Call(path=SOURCE))["spec"]

    assert told == {(202, '{"sources":["specs"]}'): count}
    assert (knocks.desk.looked, knocks.refused) == ([SPECS] * count, {})
    assert after | before == after  # nothing but defaults has come to it
    assert knocks.desk.commands() == []


async def signature(knocks: GitKnocks) -> Answer:
    body = a_push(knocks.rng)
    good = knocks.headers(body)
    text = good[knocks.host.proof]
    at = knocks.rng.randrange(text.rfind("=", 0, -2) + 1, len(text) - 2)
    other = knocks.rng.choice([one for one in "ABCabc012" if one != text[at]])
    return await knocks.send(body, headers={**good, knocks.host.proof: text[:at] + other + text[at + 1 :]})


async def cut(knocks: GitKnocks) -> Answer:
    body = a_push(knocks.rng)
    good = knocks.headers(body)
    text = good[knocks.host.proof]
    return await knocks.send(body, headers={**good, knocks.host.proof: text[: knocks.rng.randint(1, len(text) - 3)]})


async def no_signature(knocks: GitKnocks) -> Answer:
    body = a_push(knocks.rng)
    kept = {name: text for name, text in knocks.headers(body).items() if name != knocks.host.proof}
    return await knocks.send(body, headers=kept)


async def twice(knocks: GitKnocks) -> Answer:
    body = a_push(knocks.rng)
    good = knocks.headers(body)
    return await knocks.send(body, headers=(*good.items(), (knocks.host.proof, good[knocks.host.proof])))


async def encoding(knocks: GitKnocks) -> Answer:
    body = a_push(knocks.rng)
    good = knocks.headers(body)
    text = good[knocks.host.proof]
    odd = (text.swapcase(), text + "é", "\xff" + text, text.replace("=", ":") + " ", text[:5] + "\t" + text[5:])
    wrong = next(one for one in knocks.rng.sample(odd, len(odd)) if one.strip() != text)
    return await knocks.send(body, headers={**good, knocks.host.proof: wrong})


async def secret(knocks: GitKnocks) -> Answer:
    guess = b"whsec_" + b"QUJD" * knocks.rng.randint(1, 9)
    return await knocks.send(secret=guess)


async def tenant(knocks: GitKnocks) -> Answer:
    if knocks.rng.random() < 0.5:
        return await knocks.send(name="foreign")
    return await knocks.send(secret=another(knocks.host))


async def unknown_path(knocks: GitKnocks) -> Answer:
    path = knocks.desk.path("git").rpartition("/")[0] + f"/{knocks.rng.getrandbits(256):064x}"
    return await knocks.send(path=path)


async def route(knocks: GitKnocks) -> Answer:
    name, other = knocks.rng.choice((("ci", "callbacks"), ("pipeline", "git")))
    return await knocks.send(name=name, route=other)


async def suspended(knocks: GitKnocks) -> Answer:
    return await knocks.send(name="quiet")


async def source_gone(knocks: GitKnocks) -> Answer:
    return await knocks.send(name="empty")


async def no_secret(knocks: GitKnocks) -> Answer:
    return await knocks.send(name="lost")


async def no_cluster(knocks: GitKnocks) -> Answer:
    knocks.desk.api.failing = {SOURCE: Unreachable("down")}
    try:
        return await knocks.send()
    finally:
        knocks.desk.api.failing = {}


async def starting(knocks: GitKnocks) -> Answer:
    ready, knocks.desk.doors.is_ready = knocks.desk.doors.is_ready, lambda: False
    try:
        return await knocks.send()
    finally:
        knocks.desk.doors.is_ready = ready


async def size(knocks: GitKnocks) -> Answer:
    return await knocks.send(b" " * (MOST_BYTES + 1))


async def drip(knocks: GitKnocks) -> Answer:
    return await knocks.send(drips=True)


async def gone(knocks: GitKnocks) -> Answer:
    return await knocks.send(leaves=True)


async def body_changed(knocks: GitKnocks) -> Answer:
    body = a_push(knocks.rng)
    return await knocks.send(body, sent=body + knocks.rng.randbytes(1))


async def time(knocks: GitKnocks) -> Answer:
    off = timedelta(minutes=5, seconds=knocks.rng.randint(1, 10**6)) * knocks.rng.choice((1, -1))
    return await knocks.send(at=NOON + off)


async def time_changed(knocks: GitKnocks) -> Answer:
    body = a_push(knocks.rng)
    later = str(int(NOON.timestamp()) + knocks.rng.choice((-1, 1, 60)))
    return await knocks.send(body, headers={**knocks.headers(body), "webhook-timestamp": later})


async def delivery_changed(knocks: GitKnocks) -> Answer:
    body = a_push(knocks.rng)
    return await knocks.send(body, headers={**knocks.headers(body), "webhook-id": knocks.fresh()})


Wrong = Callable[[GitKnocks], Awaitable[Answer]]
# What is wrong, how it is answered, and how often it is tried for each of the others' once.
ONE_THING: dict[Wrong, tuple[int, float]] = {
    signature: (401, 1),
    cut: (401, 1),
    no_signature: (401, 1),
    twice: (401, 1),
    encoding: (401, 1),
    secret: (401, 1),
    tenant: (401, 1),
    unknown_path: (404, 1),
    route: (404, 1),
    suspended: (404, 1),
    source_gone: (404, 1),
    no_secret: (503, 1),
    no_cluster: (503, 1),
    starting: (503, 1),
    size: (413, 0.01),
    drip: (408, 0.02),
    gone: (400, 1),
}
WHOLE: dict[Wrong, tuple[int, float]] = {body_changed: (401, 1)}
TIMED: dict[Wrong, tuple[int, float]] = {time: (401, 1), time_changed: (401, 1), delivery_changed: (401, 1)}


def ways(knocks: GitKnocks) -> dict[Wrong, tuple[int, float]]:
    """What can be wrong with a push of this host."""
    return ONE_THING | (WHOLE if knocks.host.is_whole else {}) | (TIMED if knocks.host.is_timed else {})


@COUNTS
async def test_with_one_thing_wrong_no_source_is_looked_at_and_every_reason_occurs(name: str, count: int) -> None:
    wrong: list[tuple[str, int]] = []

    async with git_knocks(name, seed=9) as knocks:
        table = ways(knocks)
        drawn = knocks.rng.choices(list(table), [often for _, often in table.values()], k=count - len(table))
        with noted(knocks.refused):
            assert (await knocks.send(name="narrow")).code == 202
            for way in (*table, *drawn):
                code = (await way(knocks)).code
                if code != table[way][0]:
                    wrong.append((way.__name__, code))
            assert (await knocks.send(name="narrow")).code == 429

    tried_in_vain = [Key(namespace="shop", name="gone"), SPECS]  # the source is absent, or the cluster is
    assert wrong == []
    assert set(knocks.refused) == {*Refusal} - NEVER - (set() if knocks.host.is_timed else {Refusal.STALE})
    assert (set(knocks.desk.looked), knocks.desk.commands()) == ({*tried_in_vain}, [])


@EACH
async def test_a_push_that_comes_again_has_nothing_looked_at(name: str) -> None:
    async with git_knocks(name, seed=13) as knocks:
        for _ in range(50):
            body = a_push(knocks.rng)
            headers = knocks.headers(body)
            told = [(await knocks.send(body, headers=headers)).code for _ in range(3)]
            assert told == [202, 200, 200]

        assert knocks.desk.looked == [SPECS] * 50
