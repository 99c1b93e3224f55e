"""Do all channels of a Notifier behave alike: in memory, and over HTTP as Slack, Teams and receivers of webhooks have it?"""

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, replace

import pytest

from adapters.clock import SystemClock
from adapters.memory.messages import MemoryMessenger
from adapters.notices.cloudevents import CloudEvents
from adapters.notices.posts import Posts
from adapters.notices.slack import Slack
from adapters.notices.teams import Teams
from adapters.notices.webhook import Webhooks
from rollout.model.news import News
from rollout.model.notifier import Channel, Notifier, Severity
from rollout.ports.errors import Forbidden, NotFound, PortError, Rejected, Unreachable
from rollout.ports.messages import Message, Messenger
from tests.support.builders import CHECKOUT, NOON
from tests.support.notice_receivers import CHANNEL, KEY, TOKEN, Receivers, receivers
from tests.support.notice_world import a_notifier

STEP = News(
    code="Step",
    sentence="step 1 of 2: 5 % of requests to v2",
    key="run 7 step 1",
    mark="",
    run=7,
    revision="v2",
    step=1,
    weight=5,
    phase="Progressing",
    at=NOON,
)
HARM = replace(
    STEP, sentence='<!channel> <https://evil|click> & [x](https://evil) "quoted" \x00 \u202e' + "\u6e2c" * 9000
)
BACK = replace(STEP, code="RollingBack", sentence="errors 4% of at most 1%", severity=Severity.WARNING)


def a_message(*news: News) -> Message:
    return Message(id="msg_0123456789abcdef", kind="Rollout", key=CHECKOUT, news=news or (STEP,), at=NOON)


class GivenSecrets:
    """`NoticeSecrets` with this in it."""

    def __init__(self, data: dict[str, str]) -> None:
        self.data = data

    async def read(self, notifier: Notifier) -> Mapping[str, str]:
        """All of it."""
        assert notifier.secret == "hook"
        return self.data


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One channel, and a Notifier that uses it. spoil: make its receiver answer the next request so."""

    messenger: Messenger
    notifier: Notifier
    server: Receivers | None
    secrets: GivenSecrets
    spoil: Callable[[int, dict[str, str], str], None]

    @property
    def edits(self) -> bool:
        """Whether messages can be edited."""
        return self.notifier.channel is Channel.SLACK


@pytest.fixture(params=["memory", *Channel])
async def case(request: pytest.FixtureRequest) -> AsyncIterator[Case]:
    if request.param == "memory":
        memory = MemoryMessenger()

        def spoil(status: int, _headers: dict[str, str], _body: str) -> None:
            memory.troubles.append({401: Forbidden, 404: NotFound, 400: Rejected}.get(status, Unreachable)("no"))

        notifier = a_notifier(channel=Channel.SLACK, address=CHANNEL)
        yield Case(messenger=memory, notifier=notifier, server=None, secrets=GivenSecrets({}), spoil=spoil)
        return
    async with receivers() as server:
        path = {"webhook": "/hook", "cloudevents": "/events", "teams": "/teams", "slack": ""}[request.param]
        secrets = GivenSecrets({"url": f"{server.url}{path}", "secret": KEY, "token": TOKEN})
        posts = Posts(SystemClock(), http=True)
        made: dict[str, Messenger] = {
            "slack": Slack(secrets, posts, api=f"{server.url}/slack"),
            "webhook": Webhooks(secrets, posts),
            "cloudevents": CloudEvents(secrets, posts),
            "teams": Teams(secrets, posts),
        }
        address = CHANNEL if request.param == "slack" else ""
        notifier = a_notifier(channel=Channel(request.param), address=address)
        yield Case(
            messenger=made[request.param],
            notifier=notifier,
            server=server,
            secrets=secrets,
            spoil=lambda status, headers, body: server.answers.append((status, headers, body)),
        )
        await posts.close()


def complaints(case: Case) -> list[str]:
    return case.server.complaints if case.server else []


async def test_a_message_is_taken(case: Case) -> None:
    receipt = await case.messenger.send(case.notifier, a_message())

    assert bool(receipt) is case.edits
    assert complaints(case) == []


async def test_several_news_of_one_run_are_taken_and_so_is_harmful_text(case: Case) -> None:
    await case.messenger.send(case.notifier, a_message(*[HARM] * 30))

    assert complaints(case) == []


async def test_a_message_can_be_edited_and_answered_where_the_channel_has_such_a_thing(case: Case) -> None:
    receipt = await case.messenger.send(case.notifier, a_message())

    await case.messenger.update(case.notifier, receipt, a_message(BACK))
    await case.messenger.thread(case.notifier, receipt, a_message(BACK))

    assert complaints(case) == []
    assert case.server is None or len(case.server.heard) == (3 if case.edits else 1)


async def test_a_message_that_is_gone_cannot_be_edited(case: Case) -> None:
    if not case.edits:
        await case.messenger.update(case.notifier, "C1/2.3", a_message())
        return

    for receipt in (f"{CHANNEL}/1.1", "nonsense"):
        with pytest.raises(NotFound):
            await case.messenger.update(case.notifier, receipt, a_message())


@pytest.mark.parametrize(
    ("status", "expected"),
    [(500, Unreachable), (503, Unreachable), (429, Unreachable), (401, Forbidden), (404, NotFound), (400, Rejected)],
)
async def test_each_refusal_is_the_error_that_says_what_to_do(
    case: Case, status: int, expected: type[PortError]
) -> None:
    case.spoil(status, {}, "no")

    with pytest.raises(expected):
        await case.messenger.send(case.notifier, a_message())


async def test_after_trouble_the_next_message_is_taken(case: Case) -> None:
    case.spoil(503, {}, "")
    with pytest.raises(Unreachable):
        await case.messenger.send(case.notifier, a_message())

    await case.messenger.send(case.notifier, a_message())

    assert complaints(case) == []
