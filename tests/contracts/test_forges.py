"""Do all forges answer alike: in memory, and over HTTP as GitHub, GitLab and Gitea write it?"""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest

from adapters.forges.client import HttpForges
from adapters.memory.clock import ManualClock
from adapters.memory.forges import MemoryForges
from rollout.model.names import Key
from rollout.model.source import Forge, ForgeKind, GitSource
from rollout.ports.errors import Forbidden, NotFound
from rollout.ports.forges import LONGEST_TEXT, CommitState, CommitStatus, Forges
from tests.support.builders import NOON
from tests.support.forge_servers import COMMIT, OTHER, TOKEN, forge_server

CHECKOUT = "rollout/shop/checkout"
URL = "https://git.example.org/shop/specs.git"
FORGE = Forge(kind=ForgeKind.GITHUB, secret="forge")


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One forge that has the repository of `source` with COMMIT, and takes TOKEN."""

    forges: Forges
    source: GitSource
    complaints: Callable[[], list[str]] = list

    async def say(
        self, state: CommitState, text: str = "said", *, context: str = CHECKOUT, commit: str = COMMIT
    ) -> None:
        """Say it with the right token."""
        await self.forges.say(self.source, TOKEN, commit, CommitStatus(context=context, state=state, text=text))

    async def shown(self) -> dict[str, tuple[CommitState, str]]:
        """State and text of each context of COMMIT."""
        found = await self.forges.statuses(self.source, TOKEN, COMMIT)
        return {context: (status.state, status.text) for context, status in found.items()}


@pytest.fixture(params=["memory", *ForgeKind])
async def case(request: pytest.FixtureRequest) -> AsyncIterator[Case]:
    if request.param == "memory":
        memory = MemoryForges()
        memory.add(URL, COMMIT)
        memory.require(URL, TOKEN)
        yield Case(forges=memory, source=GitSource(key=Key(namespace="shop", name="apps"), url=URL, forge=FORGE))
        return
    async with forge_server(request.param) as server:
        forges = HttpForges(ManualClock(NOON), lambda url: url, within=timedelta(seconds=30))
        url = f"{server.url}/{server.repository}.git"
        forge = Forge(kind=request.param, secret="forge")
        source = GitSource(key=Key(namespace="shop", name="apps"), url=url, forge=forge)
        yield Case(forges=forges, source=source, complaints=lambda: server.complaints)
        await forges.close()


async def test_a_commit_of_which_nothing_was_said_shows_nothing(case: Case) -> None:
    assert await case.shown() == {}
    assert case.complaints() == []


@pytest.mark.parametrize("state", CommitState)
async def test_what_was_said_is_shown(case: Case, state: CommitState) -> None:
    await case.say(state, "v2: step 1 of 3 at 5 %")

    assert await case.shown() == {CHECKOUT: (state, "v2: step 1 of 3 at 5 %")}
    assert case.complaints() == []


async def test_the_newest_of_each_context_is_shown(case: Case) -> None:
    await case.say(CommitState.PENDING, "on its way")
    await case.say(CommitState.SUCCESS, "taken", context="rollout/validate")
    await case.say(CommitState.SUCCESS, "v2 serves")

    shown = await case.shown()

    assert shown == {CHECKOUT: (CommitState.SUCCESS, "v2 serves"), "rollout/validate": (CommitState.SUCCESS, "taken")}


async def test_an_ending_may_be_followed_by_a_new_beginning(case: Case) -> None:
    await case.say(CommitState.FAILURE, "v2 failed")
    await case.say(CommitState.PENDING, "v2: step 1 of 3 at 5 %")
    await case.say(CommitState.SUCCESS, "v2 serves")

    assert await case.shown() == {CHECKOUT: (CommitState.SUCCESS, "v2 serves")}
    assert case.complaints() == []


@pytest.mark.parametrize("state", CommitState)
async def test_saying_what_is_said_already_is_no_error(case: Case, state: CommitState) -> None:
    await case.say(state, "the same")

    await case.say(state, "the same")

    assert await case.shown() == {CHECKOUT: (state, "the same")}


async def test_a_text_that_is_too_long_is_cut_to_what_the_forge_takes(case: Case) -> None:
    assert case.source.forge is not None

    await case.say(CommitState.FAILURE, "why " * 200)

    _, text = (await case.shown())[CHECKOUT]
    assert len(text) <= LONGEST_TEXT[case.source.forge.kind]
    assert text.startswith("why why why")
    assert text.endswith("...")


async def test_a_text_of_several_lines_becomes_one(case: Case) -> None:
    await case.say(CommitState.FAILURE, "first\nsecond\t\N{ROCKET}")

    assert await case.shown() == {CHECKOUT: (CommitState.FAILURE, "first second ?")}


async def test_a_commit_that_is_not_there_is_not_found(case: Case) -> None:
    with pytest.raises(NotFound):
        await case.say(CommitState.SUCCESS, commit=OTHER)


async def test_a_repository_that_is_not_there_is_not_found(case: Case) -> None:
    elsewhere = replace(case, source=replace(case.source, url=case.source.url.replace("specs", "secrets")))

    with pytest.raises(NotFound):
        await elsewhere.say(CommitState.SUCCESS)
    with pytest.raises(NotFound):
        await elsewhere.shown()


async def test_a_wrong_token_is_forbidden_and_not_told(case: Case) -> None:
    status = CommitStatus(context=CHECKOUT, state=CommitState.SUCCESS, text="v2 serves")

    with pytest.raises(Forbidden) as refused:
        await case.forges.say(case.source, "not-the-token", COMMIT, status)

    assert "not-the-token" not in str(refused.value)
    assert await case.shown() == {}
