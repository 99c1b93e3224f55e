"""What exactly is sent, to whom is it not, and does no error give a secret away?"""

import base64
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from standardwebhooks import Webhook

from adapters.clock import SystemClock
from adapters.memory.clock import ManualClock
from adapters.notices.cloudevents import TYPES, event
from adapters.notices.payload import payload
from adapters.notices.posts import Posts, failure
from adapters.notices.signing import signed
from adapters.notices.slack import Slack, escaped
from adapters.notices.teams import card
from adapters.notices.webhook import Webhooks
from rollout.model.news import News
from rollout.model.notifier import Channel, Severity
from rollout.model.status import Outcome
from rollout.ports.errors import Forbidden, NotFound, PortError, Rejected, Unreachable
from tests.contracts.test_messages import BACK, GivenSecrets, a_message
from tests.support.builders import NOON
from tests.support.notice_receivers import CHANNEL, KEY, OTHER_KEY, TOKEN, Receivers, receivers
from tests.support.notice_world import a_notifier

PLACE = "Secret shop/hook"
WAITS = News(code="AwaitingApproval", sentence="waiting for 1 approval", key="k", mark="", run=7, needs_person=True)


@pytest.fixture
async def server() -> AsyncIterator[Receivers]:
    async with receivers() as found:
        yield found


@pytest.fixture
async def posts() -> AsyncIterator[Posts]:
    found = Posts(SystemClock(), http=True, within=timedelta(seconds=5))
    yield found
    await found.close()


def test_the_signature_is_the_one_of_the_specifications_own_package() -> None:
    # The example of https://github.com/standard-webhooks/standard-webhooks, checked against its Python package.
    body = b'{"test": 2432232314}'
    moment = datetime.fromtimestamp(1614265330, UTC)

    headers = signed(PLACE, KEY, "msg_p5jXN8AQM9LWM0D4loKWxJek", moment, body)

    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    assert headers["webhook-signature"] == Webhook(KEY).sign("msg_p5jXN8AQM9LWM0D4loKWxJek", moment, body.decode())


@pytest.mark.parametrize(
    "secret", ["", "whsec_AA==", "whsec_short", "not base64 !", "whsec_" + base64.b64encode(b"x" * 65).decode()]
)
def test_a_secret_that_signs_badly_is_refused_without_being_shown(secret: str) -> None:
    with pytest.raises(Rejected) as error:
        signed(PLACE, secret, "msg_1", NOON, b"{}")

    assert PLACE in str(error.value)
    assert not secret or secret not in str(error.value)


async def test_while_a_secret_is_replaced_both_sign(server: Receivers, posts: Posts) -> None:
    server.keys = [KEY, OTHER_KEY]
    secrets = GivenSecrets({"url": f"{server.url}/hook", "secret": f"{OTHER_KEY}\n{KEY}"})

    await Webhooks(secrets, posts).send(a_notifier(), a_message())

    assert server.complaints == []


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.example.org/x",
        "http://10.0.0.1/x",
        "http://127.0.0.1.example.org/x",
        "ftp://hooks.example.org/x",
        "file:///etc/passwd",
        "https://user:pass@hooks.example.org/x",
        "https://@hooks.example.org/x",
        "https:///x",
        "https://hooks.example.org:port/x",
        "https://hooks.example.org/x\r\nX-Evil: 1",
        "https://hooks.example.org/ x",
        "hooks.example.org",
        "https://[::1",
        "",
    ],
)
async def test_a_url_that_nothing_is_sent_to_is_refused_without_being_shown(posts: Posts, url: str) -> None:
    with pytest.raises(Rejected) as error:
        await posts.post(PLACE, url, b"{}", {})

    assert PLACE in str(error.value)
    assert not url or url not in str(error.value)


async def test_this_machine_is_not_sent_to_unless_the_controller_allows_it(server: Receivers) -> None:
    strict = Posts(SystemClock())

    with pytest.raises(Rejected, match="not https"):
        await strict.post(PLACE, f"{server.url}/hook", b"{}", {})

    assert server.heard == []
    await strict.close()


async def test_a_redirect_is_not_followed(server: Receivers, posts: Posts) -> None:
    server.answers.append((307, {"Location": f"{server.url}/hook"}, ""))

    with pytest.raises(Rejected, match="sends us elsewhere"):
        await posts.post(PLACE, f"{server.url}/secret-path", b"{}", {})

    assert server.heard == []


async def test_the_environments_proxy_is_not_used(
    server: Receivers, posts: Posts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    secrets = GivenSecrets({"url": f"{server.url}/hook", "secret": KEY})

    await Webhooks(secrets, posts).send(a_notifier(), a_message())

    assert len(server.heard) == 1


async def test_an_answer_without_end_is_cut_off(server: Receivers, posts: Posts) -> None:
    server.answers.append((200, {}, "x" * 2_000_000))

    answer = await posts.post(PLACE, f"{server.url}/hook", b"{}", {})

    assert len(answer.body) == 256 * 1024


async def test_no_error_shows_path_query_or_secret(server: Receivers, posts: Posts) -> None:
    secrets = GivenSecrets({"url": f"{server.url}/path-secret?sig=query-secret", "secret": KEY})
    await posts.close()
    texts = []
    for status in (301, 400, 401, 404, 429, 500):
        server.answers.append((status, {"Location": "https://x/path-secret"}, "path-secret query-secret"))
        fresh = Posts(SystemClock(), http=True)
        with pytest.raises(PortError) as error:
            await Webhooks(secrets, fresh).send(a_notifier(), a_message())
        texts.append(str(error.value))
        await fresh.close()

    assert all(server.url in text and "secret" not in text.replace(PLACE, "") for text in texts)


async def test_a_receiver_that_is_away_is_unreachable_without_its_path(posts: Posts) -> None:
    with pytest.raises(Unreachable) as error:
        await posts.post(PLACE, "http://127.0.0.1:9/path-secret", b"{}", {})

    assert "path-secret" not in f"{error.value} {error.value.__cause__}"


async def test_a_receiver_that_does_not_answer_is_given_up_after_the_deadline(server: Receivers) -> None:
    hasty = Posts(SystemClock(), http=True, within=timedelta(milliseconds=50))

    with pytest.raises(Unreachable):
        await hasty.post(PLACE, f"{server.url}/never", b"{}", {})

    await hasty.close()


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        ("30", timedelta(seconds=30)),
        ("999999999999", timedelta(hours=2)),
        ("Sat, 21 Nov 2026 12:05:00 GMT", timedelta(minutes=5)),
        ("Sat, 21 Nov 2026 11:00:00 GMT", timedelta(0)),
        ("soon", None),
        ("-1", None),
        ("", None),
    ],
)
@pytest.mark.parametrize("code", [429, 503])
def test_a_receiver_says_when_to_come_again(code: int, after: str, expected: timedelta | None) -> None:
    error = failure("https://x", PLACE, code, {"Retry-After": after}, NOON)

    assert (type(error), error.retry_after) == (Unreachable, expected)


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        *((code, Unreachable) for code in ("internal_error", "fatal_error", "service_unavailable", "ratelimited")),
        *((code, Forbidden) for code in ("invalid_auth", "token_revoked", "account_inactive", "missing_scope")),
        *((code, Rejected) for code in ("not_in_channel", "channel_not_found", "is_archived", "msg_too_long")),
        *((code, NotFound) for code in ("message_not_found", "cant_update_message", "edit_window_closed")),
        ("<script>", Rejected),
    ],
)
async def test_each_error_of_slack_is_one_of_ours(
    server: Receivers, posts: Posts, code: str, expected: type[PortError]
) -> None:
    server.answers.append((200, {}, json.dumps({"ok": False, "error": code})))
    slack = Slack(GivenSecrets({"token": TOKEN}), posts, api=f"{server.url}/slack")

    with pytest.raises(expected) as error:
        await slack.send(a_notifier(channel=Channel.SLACK, address=CHANNEL), a_message())

    assert TOKEN not in str(error.value)
    assert "<script>" not in str(error.value)


async def test_slack_says_when_to_come_again(server: Receivers, posts: Posts) -> None:
    server.limited = True
    slack = Slack(GivenSecrets({"token": TOKEN}), posts, api=f"{server.url}/slack")

    with pytest.raises(Unreachable) as error:
        await slack.send(a_notifier(channel=Channel.SLACK, address=CHANNEL), a_message())

    assert error.value.retry_after == timedelta(seconds=30)


@pytest.mark.parametrize(("news", "loud"), [(a_message().last, False), (BACK, True), (WAITS, True)])
async def test_a_reply_is_shown_in_the_channel_only_when_it_went_wrong_or_waits(
    server: Receivers, posts: Posts, news: News, loud: bool
) -> None:
    slack = Slack(GivenSecrets({"token": TOKEN}), posts, api=f"{server.url}/slack")
    notifier = a_notifier(channel=Channel.SLACK, address="#releases")
    receipt = await slack.send(notifier, a_message())

    await slack.thread(notifier, receipt, a_message(news))

    reply = server.heard[-1].body
    assert (reply["thread_ts"], reply["reply_broadcast"]) == (receipt.partition("/")[2], loud)


async def test_a_token_that_is_none_is_not_sent(server: Receivers, posts: Posts) -> None:
    for token in ("", "xoxb-1\r\nX-Evil: 1"):
        slack = Slack(GivenSecrets({"token": token}), posts, api=f"{server.url}/slack")
        with pytest.raises(Rejected, match="no key token"):
            await slack.send(a_notifier(channel=Channel.SLACK, address=CHANNEL), a_message())

    assert server.heard == []


def test_nothing_in_a_text_mentions_somebody_or_links_somewhere() -> None:
    assert escaped("<!channel> <https://evil|x> &amp;") == "&lt;!channel&gt; &lt;https://evil|x&gt; &amp;amp;"


def test_a_card_of_teams_has_texts_without_markup_and_a_link_where_there_is_a_page() -> None:
    plain, linked = card(a_message(), ""), card(a_message(WAITS), "https://rollouts.example.org/shop/checkout")

    assert "actions" not in plain["attachments"][0]["content"]
    content = linked["attachments"][0]["content"]
    assert content["actions"] == [
        {"type": "Action.OpenUrl", "title": "Decide", "url": "https://rollouts.example.org/shop/checkout"}
    ]
    assert {block["type"] for block in content["body"]} == {"RichTextBlock"}
    assert content["body"][0]["inlines"][0]["color"] == "attention"


@pytest.mark.parametrize("outcome", Outcome)
def test_each_outcome_is_an_event_type(outcome: Outcome) -> None:
    message = a_message(News(code=outcome.value, sentence="", key="", mark="", run=7, severity=Severity.INFO))

    assert event(message)["type"] == f"dev.rollout.run.{outcome.value.lower()}"


def test_other_codes_are_waiting_or_held() -> None:
    assert event(a_message(WAITS))["type"] == "dev.rollout.run.waiting"
    assert event(a_message(News(code="NoData", sentence="", key="", mark="")))["type"] == "dev.rollout.run.held"
    assert {name for family in TYPES.values() for name in family.values() if not name.isalpha()} == set()


def test_an_event_has_a_webhooks_fields_as_its_data() -> None:
    whole, found = payload(a_message()), event(a_message())

    assert found["data"] == {name: value for name, value in whole.items() if name not in ("id", "at")}
    assert (found["id"], found["time"]) == (whole["id"], whole["at"])
    assert ManualClock(NOON).now().isoformat().startswith(found["time"].rstrip("Z"))
