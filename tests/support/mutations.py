"""Which bodies come of changes at random, and which of them still ask for what is allowed?

The opinion is written from the docs and shares no code with the product.
"""

import json
import random
from collections.abc import Callable
from typing import Any

from tests.support.hooked import APPROVE

_FIELDS = {"target", "verb", "run", "step", "revision", "template", "subject", "reason", "actor"}
_ODD: tuple[Any, ...] = (
    None, True, False, 0, 1, 2, -1, 1.0, 2**40, 1e308, "", "1", "v2", "v3", "approve", "abort", "pause", "shop", [], [1],
    {}, {"namespace": "shop", "name": "checkout"}, "x" * 600, "\u0000", "\ud800", "é", "a\nb", "checkout",
)  # fmt: skip


def mutated(rng: random.Random) -> bytes:
    """A body that differs from APPROVE by a few changes, most of them small."""
    way = rng.choice((_same, _changed, _changed, _without, _more, _inside, _bytes, _bytes, _twice, _reworded))
    return way(rng)


def is_demand(body: bytes) -> bool:
    """Whether it asks, in so many words, to approve or abort run 1 of shop/checkout as it is now."""
    try:
        said = json.loads(body.decode("utf-8"), parse_constant=_no_number)
        json.dumps(said, ensure_ascii=False).encode("utf-8")
    except (ValueError, RecursionError):
        return False
    if not isinstance(said, dict) or not said.keys() <= _FIELDS:
        return False
    return _is_target(said.get("target")) and _is_bound(said) and _is_told(said)


def _no_number(text: str) -> Any:
    raise ValueError(text)


def _is_target(target: Any) -> bool:
    wanted = {"namespace": "shop", "name": "checkout"}
    return isinstance(target, dict) and target in (wanted, {**wanted, "kind": "Rollout"})


def _is_bound(said: dict[str, Any]) -> bool:
    if said.get("verb") not in ("approve", "abort") or not isinstance(said.get("verb"), str):
        return False
    if said["verb"] == "abort" and said.get("step") is None:
        said = {**said, "step": 1}
    numbers = (said.get("run"), said.get("step"))
    if any(type(one) is not int or one != 1 for one in numbers) or said.get("revision") != "v2":
        return False
    return said.get("template") in (None, "template-v2") and said.get("subject") is None


def _is_told(said: dict[str, Any]) -> bool:
    for name, most in (("reason", 512), ("actor", 128)):
        text = said.get(name, "")
        if not isinstance(text, str) or len(text) > most or any(ord(one) < 32 or ord(one) == 127 for one in text):
            return False
    return True


def _same(rng: random.Random) -> bytes:
    return json.dumps(APPROVE, indent=rng.choice((None, 2))).encode()


def _changed(rng: random.Random) -> bytes:
    name = rng.choice(sorted(_FIELDS))
    return _dumped({**APPROVE, name: rng.choice(_ODD)})


def _without(rng: random.Random) -> bytes:
    gone = rng.sample(sorted(APPROVE), rng.randint(1, 2))
    return _dumped({name: value for name, value in APPROVE.items() if name not in gone})


def _more(rng: random.Random) -> bytes:
    return _dumped({**APPROVE, rng.choice(("who", "Run", "run ", "__class__", "spec", "reason")): rng.choice(_ODD)})


def _inside(rng: random.Random) -> bytes:
    target = {**APPROVE["target"], rng.choice(("kind", "namespace", "name", "uid")): rng.choice((*_ODD, "Rollout"))}
    return _dumped({**APPROVE, "target": target})


def _bytes(rng: random.Random) -> bytes:
    body = bytearray(_dumped(APPROVE))
    for _ in range(rng.randint(1, 3)):
        at = rng.randrange(len(body))
        how: Callable[[], object] = rng.choice(
            (
                lambda at=at: body.__setitem__(at, rng.randrange(256)),
                lambda at=at: body.insert(at, rng.randrange(256)),
                lambda at=at: body.__delitem__(at),
            )
        )
        how()
    return bytes(body)


def _twice(rng: random.Random) -> bytes:
    name = rng.choice(sorted(APPROVE))
    return _dumped(APPROVE)[:-1] + b", " + json.dumps(name).encode() + b": " + _dumped(rng.choice(_ODD)) + b"}"


def _reworded(rng: random.Random) -> bytes:
    text = _dumped({**APPROVE, "reason": "tests passed"})
    return rng.choice(
        (
            text.replace(b'"v2"', b'"\\u00762"'),
            text.replace(b'"run": 1', b'"run": 1.0'),
            text.replace(b'"run": 1', b'"run": 1e0'),
            text.replace(b'"run": 1', b'"run": 01'),
            text.replace(b'"run": 1', b'"run": NaN'),
            text.replace(b'"run": 1', b'"run": -0'),
            text.replace(b"passed", b"\xc3\xa9\xe2\x82\xac"),
            text.replace(b"passed", b"\xc3"),
            b"\xef\xbb\xbf" + text,
            text.decode().encode("utf-16"),
            text + b"\n",
            text + b"\x00",
            text + text,
        )
    )


def _dumped(value: Any) -> bytes:
    return json.dumps(value).encode()
