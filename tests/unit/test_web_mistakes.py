"""What is told of a body that cannot be read, and is it told to whoever sent it without what was in it?"""

import json
from typing import Any

import pytest

from rollout.model.names import Key
from tests.support.web import a_front, may
from tests.unit.conftest import Front

pytestmark = pytest.mark.asyncio(loop_scope="module")

CHECKOUT = Key(namespace="shop", name="checkout")
COMMANDS = "/api/v1/rollouts/shop/checkout/commands"
HEADERS = {"Authorization": "Bearer ana", "X-Rollout-Request": "1", "Content-Type": "application/json"}


async def told(front: Front, path: str, body: bytes) -> tuple[int, Any, str]:
    here = a_front(CHECKOUT, rights=may("ana", "abort", name="checkout"))
    code, text = await front.ask(here.app(), path, "POST", body, HEADERS)
    assert here.written.objects == []
    return code, json.loads(text), text


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (COMMANDS, b'{"verb": "abort", "run": 1, "reason": "\\ud800"}'),
        (COMMANDS, b'{"verb": "abort", "run": 1, "\\udfff": 1}'),
        (COMMANDS, b'{"verb": "\\ud800"}'),
        (COMMANDS, b'"\\ud800"'),
        ("/login/token", b'{"token": "\\ud800"}'),
        ("/login/token", b'{"token": "a", "\\ud800": 1}'),
    ],
)
async def test_half_a_character_is_refused_without_a_crash(front: Front, path: str, body: bytes) -> None:
    code, said, _ = await told(front, path, body)

    assert code == 422
    assert said["detail"][0]["msg"]


async def test_what_was_sent_is_not_sent_back(front: Front) -> None:
    code, said, text = await told(front, "/login/token", b'{"tokn": "a-secret", "token": ["another-secret"]}')

    assert code == 422
    assert "secret" not in text
    assert {one["loc"][-1] for one in said["detail"]} >= {"token"}


async def test_where_and_what_is_wrong_is_said(front: Front) -> None:
    _, said, _ = await told(front, COMMANDS, b'{"verb": "abort"}')

    assert said == {"detail": [{"type": "missing", "loc": ["body", "abort", "run"], "msg": "Field required"}]}
