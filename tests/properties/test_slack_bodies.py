"""Can a body that Slack has signed, however it is changed, do what its sender may not do, or bring the hook down?

Changes are drawn from a fixed seed: of the bytes of the form, and of the JSON of payload and value.
"""

import json
import random
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import pytest

from rollout.demo.slack import TEAM
from tests.support.builders import NOON
from tests.support.slack import ANA, BEA, GUS, MANAGERS
from tests.support.slack_knocks import VALUE, QuietDesk, a_quiet_desk, form, headers_of, payload, typed
from webhooks.knock import Knock
from webhooks.slack_payloads import UnreadableError, read

TIMES = pytest.mark.parametrize("times", [300, pytest.param(10_000, marks=pytest.mark.slow)])
ODD: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 2, 3, 2**31, 2**70, 1.5, "", " ", "v2", "v3", "shop", "pay", "checkout", "approve"),
    *(
        "abort",
        "promote",
        "../x",
        "U1",
        "U2",
        "T0ELSE",
        "\ud800",
        "\x00",
        "<!channel>",
        "é" * 70,
        "x" * 5000,
        [],
        [1],
        {},
    ),
    *({"id": "U1"}, {"id": "T0ELSE"}, json.dumps(VALUE), "https://evil.example/", [[[[]]]]),
)


def mutated(whole: Any, dice: random.Random) -> Any:
    """The value with one thing in it changed, left out, doubled or moved."""
    places = list(_places(whole, ()))
    path = dice.choice(places)
    if not path:
        return dice.choice(ODD)
    copy = json.loads(json.dumps(whole))
    parent = copy
    for part in path[:-1]:
        parent = parent[part]
    match dice.randrange(4):
        case 0 if isinstance(parent, dict):
            del parent[path[-1]]
        case 1:
            parent[path[-1]] = dice.choice(ODD)
        case 2:
            parent[path[-1]] = [parent[path[-1]]]
        case _:
            other = dice.choice([place for place in places if place])
            parent[path[-1]] = _at(whole, other)
    return copy


def _places(value: Any, path: tuple[Any, ...]) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, one in inner for place in _places(one, (*path, key)))]


def _at(value: Any, path: tuple[Any, ...]) -> Any:
    for part in path:
        value = value[part]
    return value


def bytes_changed(body: bytes, dice: random.Random) -> bytes:
    """The body with a byte changed, taken out or put in, or cut."""
    at = dice.randrange(len(body))
    match dice.randrange(4):
        case 0:
            return body[:at] + bytes([dice.randrange(256)]) + body[at + 1 :]
        case 1:
            return body[:at] + body[at + 1 :]
        case 2:
            return (
                body[:at] + dice.choice((b"&", b"=", b"%", b"%00", b"%ff", b"\xff", b"+", b"&payload={}")) + body[at:]
            )
        case _:
            return body[:at]


def a_body(dice: random.Random) -> bytes:
    """A request of ana, bea or gus with one to three things changed."""
    verb = dice.choice(("approve", "reject", "abort", "why"))
    value: Any = {**VALUE, "v": verb}
    trigger = f"{dice.randrange(10**9)}.1.a"
    whole: Any = payload(value, user={"id": dice.choice((ANA, ANA, BEA, GUS))}, trigger_id=trigger)
    times = range(dice.randrange(1, 4))
    match dice.randrange(4):
        case 0:
            for _ in times:
                value = mutated(value, dice)
            whole["actions"][0]["value"] = json.dumps(value)
            return form(whole)
        case 1:
            for _ in times:
                whole = mutated(whole, dice)
            return form(json.dumps(whole))
        case 2:
            return bytes_changed(form(whole), dice)
        case _:
            text = dice.choice(
                ("abort checkout", "approve checkout", "why pay/checkout", "status", "resume cart \ud7ff x")
            )
            return bytes_changed(typed(text, user_id=dice.choice((ANA, BEA, GUS)), trigger_id=trigger), dice)


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
async def test_whatever_is_signed_only_what_its_sender_may_is_recorded(times: int, capsys: Any) -> None:
    dice = random.Random(11)
    desk = a_quiet_desk()

    heard = Counter([await desk.hear(a_body(dice)) for _ in range(times)])

    assert set(heard) <= {"heard", "unreadable", "replayed", "forged"}
    assert desk.commands()
    assert all(_is_ours_to_give(command["spec"]) for command in desk.commands())
    assert "slack_failed" not in "".join(capsys.readouterr())


def _is_ours_to_give(spec: Mapping[str, Any]) -> bool:
    """ana alone is a release manager; what binds to a step must name the present one."""
    is_ana = spec["actor"]["user"] == f"{TEAM}/{ANA}" and spec["actor"]["groups"] == [MANAGERS]
    now = {"run": 1} | ({"step": 1, "revision": "v2", "template": "t-v2"} if spec["verb"] == "approve" else {})
    is_fresh = all(spec.get(name) == value for name, value in now.items())
    return is_ana and is_fresh and spec["verb"] in ("approve", "reject", "abort", "pause", "resume")


Wrong = Callable[[bytes, random.Random], tuple[bytes, Mapping[str, str]]]


def _bad_signature(body: bytes, dice: random.Random) -> tuple[bytes, Mapping[str, str]]:
    headers = headers_of(body)
    given, at = headers["x-slack-signature"], dice.randrange(67)
    return body, {**headers, "x-slack-signature": given[:at] + dice.choice("0123456789abcdefgVé =") + given[at + 1 :]}


def _bad_time(body: bytes, dice: random.Random) -> tuple[bytes, Mapping[str, str]]:
    by = timedelta(seconds=dice.choice((-1, 1)) * dice.randrange(301, 10**6))
    return body, headers_of(body, NOON + by)


def _bad_secret(body: bytes, dice: random.Random) -> tuple[bytes, Mapping[str, str]]:
    return body, headers_of(body, secret=f"secret-{dice.randrange(100)}")


def _bad_body(body: bytes, dice: random.Random) -> tuple[bytes, Mapping[str, str]]:
    return bytes_changed(body, dice) + b"&x=1", headers_of(body)


@TIMES
async def test_one_thing_wrong_with_the_proof_and_nothing_is_looked_at(times: int) -> None:
    dice = random.Random(13)
    desk = a_quiet_desk()
    ways: tuple[Wrong, ...] = (_bad_signature, _bad_time, _bad_secret, _bad_body)

    heard = Counter([await _hear(desk, dice.choice(ways), dice) for _ in range(times)])

    assert set(heard) == {"unsigned", "forged", "stale"}
    assert (desk.commands(), desk.told(), desk.slack.asked) == ([], [], [])


async def _hear(desk: QuietDesk, wrong: Wrong, dice: random.Random) -> str:
    body = form(payload())
    changed, headers = wrong(body, dice)
    if (changed, headers) == (body, headers_of(body)):
        return "forged"  # the dice changed nothing
    return await desk.hear(changed, headers)


def test_a_knock_shows_no_secret() -> None:
    knock = Knock(
        receiver=a_quiet_desk().receiver, uid="1", headers={}, body=b"", now=NOON, secrets=(b"signing-secret",)
    )

    assert "signing-secret" not in repr(knock)
