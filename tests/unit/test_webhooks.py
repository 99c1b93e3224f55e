"""What may a git host's webhook do, and who is refused?"""

import hashlib
import hmac
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from standardwebhooks import Webhook

from adapters.kube.source_watch import REQUESTED_AT
from adapters.memory.cluster import Call
from rollout.model.names import Key
from rollout.ports.errors import Unreachable
from tests.support.builders import NOON
from tests.support.hooked import Desk, a_desk, a_git_receiver, signed
from webhooks.git import MOST_BYTES, REMEMBERED

SECRET = b"open sesame"
BODY = b'{"ref": "refs/heads/main"}'
SPECS = Key(namespace="shop", name="specs")
SOURCE = "/apis/rollout.dev/v1alpha1/namespaces/shop/gitsources/specs"


def mac(body: bytes = BODY, secret: bytes = SECRET, algorithm: str = "sha256") -> str:
    return hmac.new(secret, body, algorithm).hexdigest()


GITHUB = {"X-Hub-Signature-256": f"sha256={mac()}"}
SIGNED: list[tuple[str, dict[str, str]]] = [
    ("github", GITHUB),
    ("github", {**GITHUB, "X-Hub-Signature": f"sha1={mac(algorithm='sha1')}"}),
    ("github", {"X-Hub-Signature-256": f"sha256={mac(secret=b'before')}"}),
    ("gitea", {"X-Gitea-Signature": mac()}),
    ("gitea", {"X-Forgejo-Signature": mac(), "X-Gitea-Signature": mac()}),
    ("gitea", {"X-Hub-Signature-256": f"sha256={mac()}"}),
    ("gitlab", {"X-Gitlab-Token": SECRET.decode()}),
    ("gitlab", signed(BODY, secret=b"whsec_b3BlbiBzZXNhbWU=")),
    ("generic", {"X-Signature": f"sha256={mac()}"}),
    ("generic", {"X-Signature": f"sha512={mac(algorithm='sha512')}"}),
    ("generic", {"X-Hub-Signature": f"sha256={mac()}"}),
    ("generic", {"X-Hub-Signature-256": f"sha256={mac()}"}),
]
UNSIGNED: list[tuple[str, dict[str, str]]] = [
    ("github", {}),
    ("github", {"X-Hub-Signature-256": f"sha256={mac(secret=b'guess')}"}),
    ("github", {"X-Hub-Signature-256": f"sha256={mac(b'another body')}"}),
    ("github", {"X-Hub-Signature-256": mac()}),
    ("github", {"X-Hub-Signature-256": f"sha256={mac(secret=b'')}"}),
    ("github", {"X-Hub-Signature": f"sha1={mac(algorithm='sha1')}"}),
    ("github", {"X-Hub-Signature": f"sha256={mac()}"}),
    ("github", {"X-Gitlab-Token": SECRET.decode()}),
    ("gitea", {"X-Gitea-Signature": mac(secret=b"guess")}),
    ("gitea", {"X-Gitlab-Token": SECRET.decode()}),
    ("gitlab", {"X-Gitlab-Token": "guess"}),
    ("gitlab", {"X-Gitlab-Token": ""}),
    ("gitlab", GITHUB),
    ("gitlab", signed(BODY, NOON - timedelta(minutes=6), secret=b"whsec_b3BlbiBzZXNhbWU=")),
    ("gitlab", {**signed(BODY, secret=b"whsec_Z3Vlc3M="), "X-Gitlab-Token": SECRET.decode()}),
    ("generic", {"X-Signature": f"sha1={mac(algorithm='sha1')}"}),
    ("generic", {"X-Signature": f"sha256={mac(secret=b'guess')}"}),
    ("generic", {"X-Signature": mac()}),
    ("generic", {"X-Hub-Signature": f"sha1={mac(algorithm='sha1')}"}),
]


def a_host(kind: str, headers: dict[str, str]) -> tuple[dict[str, Any], ...]:
    """A Receiver of that host; its secret is Standard Webhooks' where it signs so."""
    standard = "webhook-id" in headers and "X-Gitlab-Token" not in headers
    return a_git_receiver(kind, b"whsec_b3BlbiBzZXNhbWU=" if standard else SECRET)


async def posted(desk: Desk, headers: dict[str, str], body: bytes = BODY) -> int:
    return (await desk.post(desk.path("git"), body, headers)).code


@pytest.mark.parametrize(("kind", "headers"), SIGNED)
async def test_a_signed_webhook_has_its_source_looked_at(kind: str, headers: dict[str, str]) -> None:
    async with a_desk(*a_host(kind, headers)) as desk:
        code = await posted(desk, headers)

        annotations = desk.cluster.read(Call(path=SOURCE))["metadata"]["annotations"]
        assert code == 202
        assert annotations[REQUESTED_AT] == NOON.isoformat()


@pytest.mark.parametrize(("kind", "headers"), UNSIGNED)
async def test_an_unsigned_webhook_is_refused_and_nothing_is_looked_at(kind: str, headers: dict[str, str]) -> None:
    async with a_desk(*a_host(kind, headers)) as desk:
        answer = await desk.post(desk.path("git"), BODY, headers)

        assert (answer.code, answer.text) == (401, "")
        assert desk.looked == []


@pytest.mark.parametrize(
    ("kind", "header", "body", "signature"),
    [
        # docs.github.com, "Testing the webhook payload validation"
        (
            "github",
            "X-Hub-Signature-256",
            b"Hello, World!",
            "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17",
        ),
        # support.atlassian.com, "Manage webhooks": "Secure webhooks"
        (
            "generic",
            "X-Hub-Signature",
            b"Hello World!",
            "a4771c39fbe90f317c7824e83ddef3caae9cb3d976c214ace1f2937e133263c9",
        ),
    ],
)
async def test_the_hosts_own_examples_are_believed(kind: str, header: str, body: bytes, signature: str) -> None:
    async with a_desk(*a_git_receiver(kind, b"It's a Secret to Everybody")) as desk:
        assert await posted(desk, {header: f"sha256={signature}"}, body) == 202
        assert await posted(desk, {header: f"sha256={signature}"}, body + b" ") == 401


async def test_gitlabs_signed_form_is_what_another_implementation_signs() -> None:
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    signature = Webhook(secret).sign("msg_p5jXN8AQM9LWM0D4loKWxJek", NOON, BODY.decode())
    headers = {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": str(int(NOON.timestamp())),
        "webhook-signature": f"v1,bm9uc2Vuc2U= {signature}",
    }

    async with a_desk(*a_git_receiver("gitlab", secret.encode())) as desk:
        assert await posted(desk, headers) == 202


@pytest.mark.parametrize(
    ("secret", "delivery", "seconds", "body", "signature"),
    [
        (  # the example of the specification of Standard Webhooks
            b"whsec_plJ3nmyCDGBKInavdOK15jsl",
            "msg_loFOjxBNrRLzqYUf",
            1731705121,
            b'{"event_type":"ping","data":{"success":true}}',
            "v1,rAvfW3dJ/X/qxhsaXPOyyCGmRKsaKWcsNccKXlIktD0=",
        ),
        (  # Svix' manual, "Verifying webhooks manually", whose scheme became Standard Webhooks
            b"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            1614265330,
            b'{"test": 2432232314}',
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
        ),
    ],
)
async def test_published_examples_are_believed_in_their_time(
    secret: bytes, delivery: str, seconds: int, body: bytes, signature: str
) -> None:
    headers = {"webhook-id": delivery, "webhook-timestamp": str(seconds), "webhook-signature": signature}

    async with a_desk(*a_git_receiver("gitlab", secret), at=datetime.fromtimestamp(seconds, UTC)) as desk:
        assert await posted(desk, headers, body) == 202
        desk.clock.advance(timedelta(minutes=6))
        assert await posted(desk, headers, body) == 401


async def test_a_header_that_is_there_twice_counts_as_none() -> None:
    async with a_desk(*a_git_receiver()) as desk:
        twice = (*GITHUB.items(), ("X-Hub-Signature-256", "sha256=" + mac(secret=b"guess")))

        assert (await desk.post(desk.path("git"), BODY, twice)).code == 401


async def test_what_the_body_says_is_not_even_read() -> None:
    body = b"\xff\x00 not JSON"

    async with a_desk(*a_git_receiver()) as desk:
        assert await posted(desk, {"X-Hub-Signature-256": f"sha256={mac(body)}"}, body) == 202
        assert desk.looked == [SPECS]


@pytest.mark.parametrize("header", ["X-GitHub-Event", "X-Gitea-Event"])
async def test_a_ping_is_answered_and_starts_nothing(header: str) -> None:
    async with a_desk(*a_git_receiver()) as desk:
        code = await posted(desk, {**GITHUB, header: "ping"})

        assert code == 200
        assert desk.looked == []


async def test_a_delivery_that_comes_again_within_a_day_starts_nothing() -> None:
    headers = {**GITHUB, "X-GitHub-Delivery": "72d3162e-cc78-11e3-81ab-4c9367dc0958"}

    async with a_desk(*a_git_receiver()) as desk:
        codes = [await posted(desk, headers) for _ in range(2)]
        desk.clock.advance(REMEMBERED)
        codes.append(await posted(desk, headers))

        assert codes == [202, 200, 202]
        assert desk.looked == [SPECS] * 2


async def test_a_delivery_that_led_to_nothing_may_come_again() -> None:
    headers = {**GITHUB, "X-GitHub-Delivery": "1"}

    async with a_desk(*a_git_receiver()) as desk:
        desk.api.failing = {SOURCE: Unreachable("down")}
        refused = await posted(desk, headers)
        desk.api.failing = {}

        assert (refused, await posted(desk, headers)) == (503, 202)


async def test_a_source_that_is_gone_is_named_to_whoever_knows_the_secret() -> None:
    async with a_desk(*a_git_receiver()[:2]) as desk:
        answer = await desk.post(desk.path("git"), BODY, GITHUB)

        assert answer.code == 404
        assert "no GitSource specs in shop; correct spec.sources" in answer.text


async def test_a_body_that_is_too_large_is_refused_before_it_is_verified() -> None:
    body = b"x" * (MOST_BYTES + 1)

    async with a_desk(*a_git_receiver()) as desk:
        assert await posted(desk, {"X-Hub-Signature-256": "sha256=" + mac(body)}, body) == 413
        assert await posted(desk, {**GITHUB, "Content-Length": str(MOST_BYTES + 1)}) == 413


@pytest.mark.parametrize("path", ["/hooks/git/shop/specs", "/hooks/git/specs", "/hooks/git/" + "0" * 64, "/hooks/git/"])
async def test_nobody_hears_where_no_receiver_is(path: str) -> None:
    async with a_desk(*a_git_receiver()) as desk:
        assert (await desk.post(path, BODY, GITHUB)).code == 404


async def test_a_receiver_hears_only_on_the_route_of_its_type() -> None:
    async with a_desk(*a_git_receiver()) as desk:
        assert (await desk.post(desk.path("callbacks"), BODY, GITHUB)).code == 404


async def test_a_suspended_receiver_is_as_if_it_were_not_there() -> None:
    async with a_desk(*a_git_receiver(suspend=True)) as desk:
        assert await posted(desk, GITHUB) == 404


async def test_whoever_asks_too_often_is_told_when_to_come_again() -> None:
    async with a_desk(*a_git_receiver(mostPerMinute=2)) as desk:
        answers = [await desk.post(desk.path("git"), BODY, GITHUB) for _ in range(3)]
        desk.clock.advance(timedelta(seconds=30))

        assert [one.code for one in answers] == [202, 202, 429]
        assert answers[2].headers["retry-after"] == "30"
        assert await posted(desk, GITHUB) == 202


async def test_without_its_secret_a_receiver_believes_nobody() -> None:
    async with a_desk(a_git_receiver()[0], a_git_receiver()[2]) as desk:
        unsigned = {"X-Hub-Signature-256": f"sha256={hmac.new(b'', BODY, hashlib.sha256).hexdigest()}"}

        assert await posted(desk, unsigned) == 503
        assert desk.looked == []


async def test_before_the_receivers_are_known_nobody_is_told_that_there_is_none() -> None:
    async with a_desk() as desk:
        desk.doors.is_ready = lambda: False

        answer = await desk.post("/hooks/git/" + "0" * 64, BODY, GITHUB)

        assert (answer.code, answer.headers["retry-after"]) == (503, "2")
