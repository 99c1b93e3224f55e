"""Does the API take nothing but what is asked for, by whom may, for what is so, whatever somebody with a token sends?"""

import json
import random
from collections import Counter
from typing import Any

import pytest
from structlog.testing import capture_logs

from tests.support.every_door import every_door
from tests.support.mutations import mutated

COUNTS = pytest.mark.parametrize("count", [500, pytest.param(4_000, marks=pytest.mark.slow)])
HEADERS = {"content-type": "application/json", "x-rollout-request": "1", "authorization": "Bearer ana"}
ORDERS = "/api/v1/rollouts/shop/checkout/commands"
FIELDS = {"approve": {"verb", "run", "step", "revision", "template", "reason"}, "abort": {"verb", "run", "reason"}}


def an_order(rng: random.Random) -> bytes:
    """What a pipeline might send, without the target that the API has in its path, and for an abort without its step."""
    body = mutated(rng)
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        return body
    if not isinstance(said, dict):
        return body
    said.pop("target", None)
    if rng.random() < 0.3:
        said = {name: value for name, value in said.items() if name not in ("step", "revision")} | {"verb": "abort"}
    return json.dumps(said, ensure_ascii=rng.random() < 0.5).encode("utf-8", "surrogatepass")


def is_order(body: bytes) -> bool:
    """Whether it asks, in so many words, for what ana may ask of run 1 as it is now. Written from the docs alone."""
    try:
        said = json.loads(body.decode("utf-8"))
        json.dumps(said, ensure_ascii=False).encode("utf-8")
    except (ValueError, RecursionError):
        return False
    if not isinstance(said, dict) or not isinstance(said.get("verb"), str):
        return False
    if not said.keys() <= FIELDS.get(said["verb"], set()) or not _is_now(said.get("run")):
        return False
    reason = said.get("reason", "")
    if not isinstance(reason, str) or len(reason) > 1024:
        return False
    is_bound = _is_now(said.get("step")) and said.get("revision") == "v2" and said.get("template") in (None, "t-v2")
    return said["verb"] == "abort" or is_bound


def _is_now(number: Any) -> bool:
    """Run and step are 1; 1.0 is a whole number in JSON."""
    return type(number) in (int, float) and number == 1


@COUNTS
async def test_of_all_that_somebody_may_send_only_that_is_taken_which_is_so(count: int) -> None:
    rng, codes, wrong = random.Random(31), Counter[int](), list[tuple[bytes, int]]()

    async with every_door() as door:
        with capture_logs() as lines:
            for _ in range(count):
                body = an_order(rng)
                code = (await door.ask(ORDERS, body, HEADERS)).code
                codes[code] += 1
                if (code == 202) is not is_order(body):
                    wrong.append((body, code))
        commands = door.commands()

    assert wrong == []
    assert {202, 400, 409, 422} <= set(codes) <= {202, 400, 403, 409, 422}
    assert [line for line in lines if line["log_level"] == "error"] == []
    assert {(one["spec"]["verb"], one["spec"]["actor"]["user"]) for one in commands} == {
        ("approve", "ana"),
        ("abort", "ana"),
    }
