"""Can a body that Slack has signed, however it is changed, do what its sender may not do, or bring the hook down?

Changes are drawn from a fixed seed: of the bytes of the form, and of the JSON of payload and value.
"""

import random
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Any

import pytest

from rollout.demo.slack import TEAM
from tests.support.asgi import Answer
from tests.support.builders import NOON
from tests.support.git_knocks import noted
from tests.support.slack import ANA, BEA, GUS, MANAGERS
from tests.support.slack_doors import SlackDoor, a_slack_door
from tests.support.slack_knocks import VALUE, a_quiet_desk, form, headers_of, payload
from tests.support.slack_mutations import a_body, bytes_changed
from webhooks.knock import Knock, Refusal
from webhooks.slack import MOST_BYTES
from webhooks.slack_payloads import UnreadableError, read

TIMES = pytest.mark.parametrize("times", [300, pytest.param(10_000, marks=pytest.mark.slow)])


@TIMES
def test_changed_bodies_are_read_or_refused_and_never_a_crash(times: int) -> None:
    dice = random.Random(7)
    found: Counter[str] = Counter()

    for _ in range(times):
        try:
            read(a_body(dice))
            found["read"] += 1
        except UnreadableError as error:
            found[str(error).split(" ")[0]] += 1

    assert found.total() == times
    assert found["read"] > times / 20
    assert len(found) > 12


@TIMES
async def test_whatever_is_signed_only_what_its_sender_may_is_recorded(times: int) -> None:
    async with a_slack_door(seed=11) as door:
        with noted(door.refused):
            codes = Counter([(await door.send(a_body(door.rng))).code for _ in range(times)])
        commands = door.desk.commands()

    assert set(codes) == {200, 401, 422}
    assert set(door.refused) <= {"unreadable", "replayed", "forged"}  # a body that is no UTF-8 is signed by nobody
    assert commands
    assert all(_is_ours_to_give(command["spec"]) for command in commands)


def _is_ours_to_give(spec: Mapping[str, Any]) -> bool:
    """ana alone is a release manager; what binds to a step must name the present one."""
    is_ana = spec["actor"]["user"] == f"{TEAM}/{ANA}" and spec["actor"]["groups"] == [MANAGERS]
    now = {"run": 1} | ({"step": 1, "revision": "v2", "template": "t-v2"} if spec["verb"] == "approve" else {})
    is_fresh = all(spec.get(name) == value for name, value in now.items())
    return is_ana and is_fresh and spec["verb"] in ("approve", "reject", "abort", "pause", "resume")


async def signature(door: SlackDoor) -> Answer:
    body = form(payload(trigger_id=door.trigger()))
    headers = headers_of(body)
    given, at = headers["x-slack-signature"], door.rng.randrange(67)
    other = door.rng.choice([one for one in "0123456789abcdefgVé=" if one != given[at]])
    return await door.send(body, headers={**headers, "x-slack-signature": given[:at] + other + given[at + 1 :]})


async def no_signature(door: SlackDoor) -> Answer:
    body = form(payload(trigger_id=door.trigger()))
    gone = door.rng.choice(("x-slack-signature", "x-slack-request-timestamp"))
    kept = {name: text for name, text in headers_of(body).items() if name != gone}
    return await door.send(body, headers=kept)


async def twice(door: SlackDoor) -> Answer:
    body = form(payload(trigger_id=door.trigger()))
    headers = headers_of(body)
    return await door.send(body, headers=(*headers.items(), ("x-slack-signature", headers["x-slack-signature"])))


async def time(door: SlackDoor) -> Answer:
    return await door.send(at=NOON + timedelta(seconds=door.rng.choice((-1, 1)) * door.rng.randrange(301, 10**6)))


async def time_changed(door: SlackDoor) -> Answer:
    body = form(payload(trigger_id=door.trigger()))
    later = str(int(NOON.timestamp()) + door.rng.choice((-1, 1, 60)))
    return await door.send(body, headers={**headers_of(body), "x-slack-request-timestamp": later})


async def secret(door: SlackDoor) -> Answer:
    return await door.send(secret=f"secret-{door.rng.randrange(100)}")


async def body_changed(door: SlackDoor) -> Answer:
    body = form(payload(trigger_id=door.trigger()))
    return await door.send(body, sent=bytes_changed(body, door.rng) + b"&x=1")


async def tenant(door: SlackDoor) -> Answer:
    return await door.send(name="foreign")


async def replay(door: SlackDoor) -> Answer:
    body = form(payload(trigger_id=door.trigger()))
    assert (await door.send(body)).code == 200
    before = len(door.desk.commands())
    answer = await door.send(body, at=NOON + timedelta(seconds=door.rng.choice((0, 1))))
    door.forget()
    assert (await door.send(body)).code == 200  # another replica hears it, and the API server refuses the command
    assert len(door.desk.commands()) == before
    return answer


async def encoding(door: SlackDoor) -> Answer:
    body = form(payload(trigger_id=door.trigger()))
    wrong = (body + b"&" + body, body.replace(b"%7B", b"{", 1) + "é".encode(), body[:-9], b"{}", body + b"&a=1" * 100)
    return await door.send(door.rng.choice(wrong))


async def unknown_path(door: SlackDoor) -> Answer:
    return await door.send(path=f"/hooks/slack/{door.rng.getrandbits(256):064x}")


async def route(door: SlackDoor) -> Answer:
    name, other = door.rng.choice((("ci", "git"), ("ci", "callbacks"), ("pipeline", "slack")))
    return await door.send(name=name, route=other)


async def suspended(door: SlackDoor) -> Answer:
    return await door.send(name="quiet")


async def no_secret(door: SlackDoor) -> Answer:
    return await door.send(name="lost")


async def starting(door: SlackDoor) -> Answer:
    ready, door.desk.doors.is_ready = door.desk.doors.is_ready, lambda: False
    try:
        return await door.send()
    finally:
        door.desk.doors.is_ready = ready


async def size(door: SlackDoor) -> Answer:
    return await door.send(b"payload=" + b"1" * MOST_BYTES)


async def drip(door: SlackDoor) -> Answer:
    return await door.send(drips=True)


async def gone(door: SlackDoor) -> Answer:
    return await door.send(leaves=True)


Wrong = Callable[[SlackDoor], Awaitable[Answer]]
# What is wrong, how it is answered, and how often it is tried for each of the others' once.
UNPROVEN: Mapping[Wrong, tuple[int, float]] = {
    signature: (401, 1),
    no_signature: (401, 1),
    twice: (401, 1),
    time: (401, 1),
    time_changed: (401, 1),
    secret: (401, 1),
    body_changed: (401, 1),
    tenant: (401, 1),
    replay: (401, 0.3),
    encoding: (422, 1),
    unknown_path: (404, 1),
    route: (404, 1),
    suspended: (404, 1),
    no_secret: (503, 1),
    starting: (503, 1),
    size: (413, 0.02),
    drip: (408, 0.02),
    gone: (400, 1),
}
# What Slack is answered 200 for, since it takes nothing else; the reason is told to whoever pressed.
TOLD = {Refusal.NOT_ALLOWED, Refusal.OUTDATED, Refusal.NOT_THERE}


@TIMES
async def test_one_thing_wrong_with_the_proof_and_nothing_comes_of_it(times: int) -> None:
    wrong: list[tuple[str, int]] = []

    async with a_slack_door(seed=13) as door:
        drawn = door.rng.choices(list(UNPROVEN), [often for _, often in UNPROVEN.values()], k=times - len(UNPROVEN))
        with noted(door.refused):
            assert (await door.send(name="narrow")).code == 200
            for way in (*UNPROVEN, *drawn):
                code = (await way(door)).code
                if code != UNPROVEN[way][0]:
                    wrong.append((way.__name__, code))
            assert (await door.send(name="narrow")).code == 429
        rightly = 1 + (*UNPROVEN, *drawn).count(replay)  # the first press of each replay is nobody's mistake

    assert wrong == []
    assert set(door.refused) == {*Refusal} - TOLD
    assert len(door.desk.commands()) == rightly


def _pressed(door: SlackDoor, value: Mapping[str, Any] = {}, **changes: Any) -> bytes:
    return form(payload({**VALUE, **value}, trigger_id=door.trigger(), **changes))


Body = Callable[[SlackDoor], bytes]
# What is signed and new, and still not for this person, this run, or this place; and what is said about it.
NOT_SO: dict[str, tuple[Body, str]] = {
    "run": (lambda door: _pressed(door, {"run": door.rng.choice((0, 2, 77))}), "the button was made for run"),
    "step": (lambda door: _pressed(door, {"step": door.rng.choice((0, 2, 9))}), "the button was made for run 1"),
    "revision": (lambda door: _pressed(door, {"rev": f"v{door.rng.randint(3, 99)}"}), "the button was made for run 1"),
    "template": (lambda door: _pressed(door, {"tpl": f"t-{door.rng.random()}"}), "the pod template of v2 is not"),
    "namespace": (lambda door: _pressed(door, {"ns": f"n{door.rng.randint(0, 99)}"}), "does not reach the namespace"),
    "target": (lambda door: _pressed(door, {"n": f"cart-{door.rng.randint(0, 99)}"}), "there is no Rollout shop/cart"),
    "member": (lambda door: _pressed(door, user={"id": BEA}), "does not grant approve to slack:bea@shop.example"),
    "guest": (lambda door: _pressed(door, user={"id": GUS}), "guests are not heard"),
    "stranger": (lambda door: _pressed(door, user={"id": f"U{door.rng.randint(100, 999)}"}), "does not know the user"),
    "workspace": (lambda door: _pressed(door, team={"id": "T0ELSE"}), "this workspace is not heard here"),
}


@TIMES
async def test_what_slack_signed_and_is_not_so_is_told_and_not_recorded(times: int) -> None:
    wrong: list[tuple[str, int, str]] = []

    async with a_slack_door(seed=29) as door:
        for number in range(times):
            name = [*NOT_SO][number % len(NOT_SO)]
            body, why = NOT_SO[name]
            code = (await door.send(body(door))).code
            if code != 200 or why not in door.told():
                wrong.append((name, code, door.told()))
        verb = (await door.send(_pressed(door), "mute")).code, door.told()
        other = (await door.send(_pressed(door), "elsewhere")).code, door.told()

    assert wrong == []
    assert (verb[0], other[0]) == (200, 200)
    assert ("grants approve to nobody" in verb[1], "this workspace is not heard here" in other[1]) == (True, True)
    assert door.desk.commands() == []


def test_a_knock_shows_no_secret() -> None:
    knock = Knock(
        receiver=a_quiet_desk().receiver, uid="1", headers={}, body=b"", now=NOON, secrets=(b"signing-secret",)
    )

    assert "signing-secret" not in repr(knock)
