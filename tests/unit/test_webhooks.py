"""What may a git host's webhook do, and who is refused?"""

import hashlib
import hmac

import pytest

from rollout.model.names import Key
from rollout.ports.errors import NotFound, Unreachable
from tests.unit.conftest import Front
from webhooks.git import MOST_BYTES, hooks
from webhooks.signatures import is_signed

IN_FRONT = pytest.mark.asyncio(loop_scope="module")
SECRET = b"open sesame"
BODY = b'{"ref": "refs/heads/main"}'


class Looked:
    """Keeps whom it was asked to look at."""

    def __init__(self, error: Exception | None = None) -> None:
        self.keys: list[Key] = []
        self._error = error

    async def __call__(self, key: Key) -> None:
        if self._error:
            raise self._error
        self.keys.append(key)


def signed(body: bytes, secret: bytes = SECRET) -> str:
    return hmac.new(secret, body, hashlib.sha256).hexdigest()


async def posted(front: Front, looked: Looked, body: bytes, headers: dict[str, str]) -> int:
    return (await front.ask(hooks(SECRET, looked), "/hooks/git/shop/specs", "POST", body, headers))[0]


@pytest.mark.parametrize(
    ("header", "prefix"),
    [
        ("X-Hub-Signature-256", "sha256="),
        ("X-Gitea-Signature", ""),
        ("X-Forgejo-Signature", ""),
        ("X-Hub-Signature", "sha256="),
    ],
)
@IN_FRONT
async def test_a_signed_webhook_has_its_source_looked_at(front: Front, header: str, prefix: str) -> None:
    looked = Looked()

    code = await posted(front, looked, BODY, {header: prefix + signed(BODY)})

    assert code == 202
    assert looked.keys == [Key(namespace="shop", name="specs")]


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-Hub-Signature-256": "sha256=" + signed(BODY, b"guess")},
        {"X-Hub-Signature-256": "sha256=" + signed(b"another body")},
        {"X-Hub-Signature": "sha1=" + hmac.new(SECRET, BODY, hashlib.sha1).hexdigest()},
    ],
)
@IN_FRONT
async def test_an_unsigned_webhook_is_refused_and_nothing_is_looked_at(front: Front, headers: dict[str, str]) -> None:
    looked = Looked()

    code = await posted(front, looked, BODY, headers)

    assert code == 401
    assert looked.keys == []


@IN_FRONT
async def test_a_body_that_is_too_large_is_refused_before_it_is_verified(front: Front) -> None:
    looked = Looked()
    body = b"x" * (MOST_BYTES + 1)

    code = await posted(front, looked, body, {"X-Hub-Signature-256": "sha256=" + signed(body)})

    assert code == 413


@pytest.mark.parametrize(("error", "code"), [(NotFound("gone"), 404), (Unreachable("down"), 503)])
@IN_FRONT
async def test_what_the_cluster_says_becomes_the_answer(front: Front, error: Exception, code: int) -> None:
    assert await posted(front, Looked(error), BODY, {"X-Hub-Signature-256": "sha256=" + signed(BODY)}) == code


def test_an_empty_secret_signs_nothing() -> None:
    assert not is_signed(BODY, {"x-hub-signature-256": "sha256=" + signed(BODY, b"")}, b"")
