"""Does Slack's directory answer alike: in memory, and over HTTP as Slack answers?"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

import pytest
from aiohttp import web

from adapters.memory.clock import ManualClock
from adapters.memory.people import MemorySlack
from adapters.people.slack import Slack
from rollout.demo import slack
from rollout.demo.slack import TEAM, Member
from rollout.ports.errors import Forbidden, NotFound, Rejected, Unreachable
from rollout.ports.people import Card, Directory, Messages, Place, SlackPerson, Workspace
from tests.support.builders import NOON

TOKEN = "xoxb-bot-1234"
HERE = Workspace(team=TEAM, token=TOKEN)
STOLEN = Workspace(team=TEAM, token="xoxb-other")
CHANNEL = "C024BE91L"
WITHIN = timedelta(seconds=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A workspace with ana, guests and groups; said: the texts of its messages, each with the one it answers."""

    directory: Directory
    messages: Messages
    said: Callable[[], list[tuple[str, str]]]


def people() -> tuple[Member, ...]:
    return (
        Member(id="U1", name="ana", email="Ana@Shop.example"),
        Member(id="U2", name="bea", email="bea@shop.example", is_confirmed=False),
        Member(id="U3", name="gus", email="gus@shop.example", is_restricted=True),
        Member(id="U4", name="hal", is_bot=True),
        Member(id="U5", name="ida", email="ida@shop.example", deleted=True),
        Member(id="U6", name="joe", email="joe@else.example", team="T0ELSE"),
    )


def known(member: Member) -> SlackPerson:
    is_ours = member.is_confirmed and member.team == TEAM
    return SlackPerson(
        user=member.id,
        team=member.team,
        name=member.name,
        email=member.email.lower() if is_ours else "",
        is_guest=member.is_restricted,
        is_bot=member.is_bot,
        is_stranger=member.team != TEAM,
        deleted=member.deleted,
    )


@asynccontextmanager
async def a_served(clock: ManualClock | None = None) -> AsyncIterator[tuple[slack.Workspace, Slack]]:
    """The fake Slack, and our adapter at it."""
    workspace = slack.Workspace(token=TOKEN, secret="signing")
    workspace.add(*people())
    workspace.groups = {"S1": ("U1", "U3"), "S2": ("U2",)}
    async with slack.serving(workspace) as url:
        served = Slack(clock or ManualClock(NOON), within=WITHIN, jitter=lambda: 0.0, api=f"{url}/api/")
        try:
            yield workspace, served
        finally:
            await served.close()


@pytest.fixture(params=["memory", "http"])
async def case(request: pytest.FixtureRequest) -> AsyncIterator[Case]:
    if request.param == "memory":
        memory = MemorySlack()
        memory.add(*map(known, people()))
        memory.group("S1", "U1", "U3")
        memory.group("S2", "U2")
        memory.channel(CHANNEL, "releases")
        memory.require(TOKEN)
        yield Case(
            directory=memory,
            messages=memory,
            said=lambda: [(card.text, memory.threads[place]) for place, card in memory.messages.items()],
        )
        return
    async with a_served() as (workspace, served):
        yield Case(
            directory=served,
            messages=served,
            said=lambda: [(message.text, message.thread_ts) for message in workspace.messages],
        )


@pytest.mark.parametrize("member", people(), ids=lambda member: member.name)
async def test_the_directory_says_who_somebody_is(case: Case, member: Member) -> None:
    assert await case.directory.person(HERE, member.id) == known(member)


async def test_somebody_whom_the_workspace_does_not_know_is_not_found(case: Case) -> None:
    with pytest.raises(NotFound):
        await case.directory.person(HERE, "U9")


async def test_only_groups_that_were_asked_for_are_told(case: Case) -> None:
    assert await case.directory.groups(HERE, "U1", ("S2", "S1", "S404")) == ("S1",)
    assert await case.directory.groups(HERE, "U1", ()) == ()


async def test_a_wrong_token_is_told_nothing(case: Case) -> None:
    with pytest.raises(Forbidden):
        await case.directory.person(STOLEN, "U1")
    with pytest.raises(Forbidden):
        await case.directory.groups(STOLEN, "U1", ("S1",))


@pytest.mark.parametrize("channel", [CHANNEL, "#releases"])
async def test_a_message_is_posted_changed_and_answered(case: Case, channel: str) -> None:
    place = await case.messages.post(HERE, channel, Card(text="v2 at 5 %"))
    await case.messages.update(HERE, place, Card(text="v2 at 50 %"))
    await case.messages.post(HERE, channel, Card(text="errors 0.1 %"), thread=place.ts)

    assert place.channel == CHANNEL
    assert case.said() == [("v2 at 50 %", ""), ("errors 0.1 %", place.ts)]


async def test_a_channel_or_message_that_is_not_there_is_not_found(case: Case) -> None:
    with pytest.raises(NotFound):
        await case.messages.post(HERE, "#nowhere", Card(text="hello"))
    with pytest.raises(NotFound):
        await case.messages.update(HERE, Place(channel=CHANNEL, ts="1.2"), Card(text="hello"))


async def test_what_slack_said_counts_for_a_minute() -> None:
    clock = ManualClock(NOON)
    async with a_served(clock) as (workspace, served):
        await served.groups(HERE, "U1", ("S1",))
        workspace.groups["S1"] = ()
        await served.person(HERE, "U1")
        await served.person(HERE, "U1")
        soon = await served.groups(HERE, "U1", ("S1",))
        clock.advance(timedelta(seconds=60))
        late = await served.groups(HERE, "U1", ("S1",))

        assert (soon, late) == (("S1",), ())
        assert [name for name, _ in workspace.calls] == ["usergroups.users.list", "users.info", "usergroups.users.list"]


async def test_an_error_is_not_remembered() -> None:
    async with a_served() as (workspace, served):
        workspace.broken["users.info"] = "fatal_error"
        with pytest.raises(Unreachable, match="fatal_error"):
            await served.person(HERE, "U1")
        workspace.broken.clear()

        assert (await served.person(HERE, "U1")).name == "ana"


async def test_a_short_wait_that_slack_asks_for_is_waited() -> None:
    async with a_served() as (workspace, served):
        workspace.limited["chat.postMessage"] = [1]

        await served.post(HERE, CHANNEL, Card(text="hello"))

        assert [message.text for message in workspace.messages] == ["hello"]


async def test_a_long_wait_is_the_callers_to_wait() -> None:
    async with a_served() as (workspace, served):
        workspace.limited["users.info"] = [30]

        with pytest.raises(Unreachable) as raised:
            await served.person(HERE, "U1")

        assert raised.value.retry_after == timedelta(seconds=30)


@pytest.mark.parametrize(
    ("code", "error", "words"),
    [
        ("missing_scope", Forbidden, "lacks another scope"),
        ("token_revoked", Forbidden, "install the app again"),
        ("plan_upgrade_required", Rejected, "name Slack users"),
        ("something_new", Rejected, "something_new"),
        ("no_such_subteam", NotFound, "no_such_subteam"),
        ("service_unavailable", Unreachable, "service_unavailable"),
    ],
)
async def test_each_of_slacks_codes_becomes_an_error_that_says_what_next(
    code: str, error: type[Exception], words: str
) -> None:
    async with a_served() as (workspace, served):
        workspace.broken["chat.postMessage"] = code

        with pytest.raises(error, match=words):
            await served.post(HERE, CHANNEL, Card(text="hello"))


async def test_the_scope_that_is_missing_is_named() -> None:
    async with a_served() as (workspace, served):
        workspace.scopes.discard("usergroups:read")

        with pytest.raises(Forbidden, match="the app lacks usergroups:read"):
            await served.groups(HERE, "U1", ("S1",))


async def test_a_message_that_was_not_answered_is_not_sent_again() -> None:
    async with a_served() as (workspace, served):
        workspace.broken["chat.postMessage"] = "internal_error"
        with pytest.raises(Unreachable):
            await served.post(HERE, CHANNEL, Card(text="hello"))

        assert len(workspace.calls) == 1


async def test_a_token_follows_no_redirect() -> None:
    heard: list[str] = []

    async def elsewhere(request: web.Request) -> web.Response:
        heard.append(request.path)
        raise web.HTTPTemporaryRedirect("/elsewhere/users.info")

    workspace = slack.Workspace(token=TOKEN, secret="signing")
    async with slack.serving(workspace, ("GET", "/away/{x}", elsewhere), ("GET", "/elsewhere/{x}", elsewhere)) as url:
        served = Slack(ManualClock(NOON), within=WITHIN, jitter=lambda: 0.0, api=f"{url}/away/")
        with pytest.raises(Unreachable, match="307"):
            await served.person(HERE, "U1")
        await served.close()

    assert set(heard) == {"/away/users.info"}


async def test_slack_that_is_not_there_is_unreachable() -> None:
    served = Slack(ManualClock(NOON), within=WITHIN, jitter=lambda: 0.0, api="http://127.0.0.1:1/api/")

    with pytest.raises(Unreachable, match="does not answer"):
        await served.person(HERE, "U1")
    await served.close()


async def test_slack_that_does_not_answer_is_given_up_after_the_deadline() -> None:
    async with a_served() as (workspace, _):
        workspace.answers.clear()
        hasty = Slack(ManualClock(NOON), within=timedelta(seconds=0.2), jitter=lambda: 0.0, api=f"{workspace.url}/api/")

        with pytest.raises(Unreachable, match="does not answer"):
            await hasty.person(HERE, "U1")
        workspace.answers.set()
        await hasty.close()


@pytest.mark.parametrize(
    ("url", "taken"),
    [
        ("https://hooks.slack.com/actions/T1/2/x", True),
        ("https://slack.com/x", True),
        ("https://hooks.slack.com:443/x", True),
        ("http://hooks.slack.com/x", False),
        ("https://hooks.slack.com:8443/x", False),
        ("https://ana@hooks.slack.com/x", False),
        ("https://hooks.slack.com@evil.example/x", False),
        ("https://evilslack.com/x", False),
        ("https://slack.com.evil.example/x", False),
        ("https://hooks.slack.com:x/", False),
        ("http://127.0.0.1:1/x", False),
        ("http://[::1/x", False),
        ("", False),
    ],
)
def test_answers_go_to_slack_alone(url: str, taken: bool) -> None:
    assert Slack(ManualClock(NOON), within=WITHIN, jitter=lambda: 0.0).is_answerable(url) is taken


async def test_answers_of_a_slack_on_this_machine_go_there_alone() -> None:
    async with a_served() as (workspace, served):
        assert served.is_answerable(f"{workspace.url}/actions/x")
        assert not served.is_answerable("http://127.0.0.1:1/actions/x")
        assert not served.is_answerable("https://hooks.slack.com/x")
        with pytest.raises(Rejected):
            await served.respond("http://127.0.0.1:1/actions/x", Card(text="hello"))


def test_a_token_is_never_shown() -> None:
    assert TOKEN not in repr(HERE)
