"""Which forms come of changes at random to what Slack sends?"""

import json
import random
from typing import Any

from tests.support.slack import ANA, BEA, GUS
from tests.support.slack_knocks import VALUE, form, payload, typed

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
