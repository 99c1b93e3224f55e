"""What is really sent to a forge, and what becomes of its answers?"""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from adapters.forges.client import MIB, HttpForges
from adapters.git.allowed import Urls
from adapters.memory.clock import ManualClock
from rollout.model.names import Key
from rollout.model.source import Forge, ForgeKind, GitSource
from rollout.ports.errors import Forbidden, NotFound, PortError, Rejected, Unreachable
from rollout.ports.forges import CommitState, CommitStatus
from tests.support.builders import NOON
from tests.support.forge_servers import COMMIT, OTHER, TOKEN, ForgeServer, forge_server

GITHUB, GITLAB, GITEA = ForgeKind
DONE = CommitStatus(context="rollout/shop/checkout", state=CommitState.SUCCESS, text="v2 serves all traffic")


@pytest.fixture
async def forges() -> AsyncIterator[HttpForges]:
    client = HttpForges(ManualClock(NOON), Urls(file=True).scheme, within=timedelta(seconds=30))
    yield client
    await client.close()


@pytest.fixture
async def github() -> AsyncIterator[ForgeServer]:
    async with forge_server(GITHUB) as server:
        yield server


def source_at(server: ForgeServer) -> GitSource:
    """A source whose repository this forge keeps."""
    forge = Forge(kind=server.kind, secret="forge")
    url = f"{server.url}/{server.repository}.git"
    return GitSource(key=Key(namespace="shop", name="apps"), url=url, forge=forge)


@pytest.mark.parametrize(
    ("kind", "path"),
    [
        (GITHUB, f"/api/v3/repos/shop/specs/statuses/{COMMIT}"),
        (GITLAB, f"/api/v4/projects/tools%2Fshop%2Fspecs/statuses/{COMMIT}"),
        (GITEA, f"/api/v1/repos/shop/specs/statuses/{COMMIT}"),
    ],
)
async def test_a_status_is_one_request_as_the_forge_documents_it(
    forges: HttpForges, kind: ForgeKind, path: str
) -> None:
    async with forge_server(kind) as server:
        await forges.say(source_at(server), TOKEN, COMMIT, DONE)

        assert server.heard == [("POST", path)]
        assert server.complaints == []


@pytest.mark.parametrize("kind", ForgeKind)
async def test_all_pages_are_read_and_links_to_other_hosts_are_not_followed(
    forges: HttpForges, kind: ForgeKind
) -> None:
    async with forge_server(kind) as server:
        server.page_cap = 2
        contexts = [f"rollout/shop/{name}" for name in "abcde"]
        for context in contexts:
            status = CommitStatus(context=context, state=CommitState.SUCCESS, text="taken")
            await forges.say(source_at(server), TOKEN, COMMIT, status)

        shown = await forges.statuses(source_at(server), TOKEN, COMMIT)

        assert sorted(shown) == contexts
        assert [path.rpartition("=")[2] for method, path in server.heard if method == "GET"] == ["1", "2", "3"]


async def test_a_state_that_is_not_ours_is_left_out(forges: HttpForges) -> None:
    async with forge_server(GITLAB) as server:
        server.add({"name": "build", "status": "manual", "description": None}, COMMIT)
        server.add({"name": "lint", "status": "pending", "description": None}, COMMIT)

        shown = await forges.statuses(source_at(server), TOKEN, COMMIT)

    assert {context: status.state for context, status in shown.items()} == {"lint": CommitState.PENDING}


RESET = int((NOON + timedelta(minutes=7)).timestamp())
DATE = (NOON + timedelta(minutes=3)).strftime("%a, %d %b %Y %H:%M:%S GMT")


@pytest.mark.parametrize(
    ("answer", "error", "after"),
    [
        ((429, {"Retry-After": "90"}, "slow down"), Unreachable, timedelta(seconds=90)),
        ((429, {}, "slow down"), Unreachable, timedelta(minutes=1)),
        ((429, {"RateLimit-Remaining": "0", "RateLimit-Reset": f"{RESET}"}, ""), Unreachable, timedelta(minutes=7)),
        ((403, {"Retry-After": "60"}, "secondary"), Unreachable, timedelta(seconds=60)),
        ((403, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": f"{RESET}"}, ""), Unreachable, timedelta(minutes=7)),
        ((403, {"X-RateLimit-Remaining": "7", "X-RateLimit-Reset": f"{RESET}"}, "no"), Forbidden, None),
        ((403, {}, "You have exceeded a secondary rate limit"), Unreachable, timedelta(minutes=1)),
        ((403, {}, "Resource not accessible by personal access token"), Forbidden, None),
        ((401, {}, "Bad credentials"), Forbidden, None),
        ((404, {}, "Not Found"), NotFound, None),
        ((422, {}, "No commit found for SHA: c0ffee"), NotFound, None),
        ((422, {}, "This SHA and context has reached the maximum number of statuses."), Rejected, None),
        ((400, {}, "Problems parsing JSON"), Rejected, None),
        ((409, {}, "Another update to this commit status is in progress"), Unreachable, None),
        ((503, {"Retry-After": DATE}, "back soon"), Unreachable, timedelta(minutes=3)),
        ((502, {"Retry-After": "999999"}, "bad gateway"), Unreachable, timedelta(hours=2)),
        ((503, {"Retry-After": "Sat, 21 Nov 2020 12:00:00 GMT"}, "back"), Unreachable, timedelta(0)),
        ((500, {"Retry-After": "soon"}, ""), Unreachable, None),
    ],
)
async def test_an_answer_that_is_no_success_says_what_to_do(
    forges: HttpForges,
    github: ForgeServer,
    answer: tuple[int, dict[str, str], str],
    error: type[PortError],
    after: timedelta | None,
) -> None:
    status, headers, said = answer
    github.answers = [(status, headers, json.dumps({"message": said}))]

    with pytest.raises(PortError) as raised:
        await forges.say(source_at(github), TOKEN, COMMIT, DONE)

    assert (type(raised.value), raised.value.retry_after) == (error, after)
    assert said in str(raised.value)


async def test_a_redirect_is_not_followed(forges: HttpForges, github: ForgeServer) -> None:
    async with forge_server(GITHUB) as other:
        github.answers = [(301, {"Location": f"{other.url}/api/v3/repos/shop/specs/statuses/{COMMIT}"}, "{}")]

        with pytest.raises(Rejected, match="sends us elsewhere"):
            await forges.say(source_at(github), TOKEN, COMMIT, DONE)

        assert other.heard == []


async def test_an_answer_that_shows_the_token_is_told_without_it(forges: HttpForges, github: ForgeServer) -> None:
    github.answers = [(400, {}, json.dumps({"message": f"what is {TOKEN}?"}))]

    with pytest.raises(Rejected, match=r"what is \*\*\*\?") as raised:
        await forges.say(source_at(github), TOKEN, COMMIT, DONE)

    assert TOKEN not in str(raised.value)


@pytest.mark.parametrize("body", ["<html>", "[]", '{"statuses": {}}', '{"statuses": [1]}', "null"])
async def test_an_answer_that_is_no_list_is_no_empty_list(forges: HttpForges, github: ForgeServer, body: str) -> None:
    github.answers = [(200, {}, body)]

    with pytest.raises(Unreachable, match="is this the API of GitHub"):
        await forges.statuses(source_at(github), TOKEN, COMMIT)


async def test_an_answer_that_is_too_large_is_refused(github: ForgeServer) -> None:
    small = HttpForges(ManualClock(NOON), Urls(file=True).scheme, within=timedelta(seconds=30), most_bytes=MIB)
    github.answers = [(200, {}, json.dumps({"statuses": [], "padding": "x" * (MIB + 1)}))]

    with pytest.raises(Rejected, match="larger than 1 MiB"):
        await small.statuses(source_at(github), TOKEN, COMMIT)

    await small.close()


async def test_pages_without_end_are_refused(forges: HttpForges, github: ForgeServer) -> None:
    endless = {"Link": '<https://api.github.com/x?page=2>; rel="next"'}
    github.answers = [(200, endless, json.dumps({"statuses": []}))] * 101

    with pytest.raises(Rejected, match="more than 100 pages"):
        await forges.statuses(source_at(github), TOKEN, COMMIT)


async def test_a_forge_that_does_not_answer_is_given_up() -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    hasty = HttpForges(ManualClock(NOON), Urls(file=True).scheme, within=timedelta(seconds=0.2))
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/shop/specs"
    source = GitSource(key=Key(namespace="shop", name="apps"), url=url, forge=Forge(kind=GITEA, secret="forge"))

    with pytest.raises(Unreachable, match="Gitea does not answer"):
        await hasty.say(source, TOKEN, COMMIT, DONE)

    await hasty.close()
    server.close()


async def test_proxies_of_the_environment_are_not_used(
    forges: HttpForges, github: ForgeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")

    await forges.say(source_at(github), TOKEN, COMMIT, DONE)

    assert len(github.heard) == 1


@pytest.mark.parametrize("token", ["", "two words", "secret\r\nX-Evil: 1", "sécret"])
async def test_a_token_that_is_none_is_refused_and_not_told(
    forges: HttpForges, github: ForgeServer, token: str
) -> None:
    with pytest.raises(Rejected, match="Secret shop/forge") as raised:
        await forges.say(source_at(github), token, COMMIT, DONE)

    assert "Evil" not in str(raised.value)
    assert github.heard == []


async def test_the_newline_that_an_editor_leaves_is_no_part_of_the_token(
    forges: HttpForges, github: ForgeServer
) -> None:
    await forges.say(source_at(github), f"{TOKEN}\n", COMMIT, DONE)

    assert github.complaints == []


@pytest.mark.parametrize("commit", ["", "main", "../../user", f"{COMMIT}/x", COMMIT.upper()])
async def test_what_is_no_id_of_a_commit_reaches_no_forge(forges: HttpForges, github: ForgeServer, commit: str) -> None:
    with pytest.raises(Rejected, match="not the id of a commit"):
        await forges.statuses(source_at(github), TOKEN, commit)

    assert github.heard == []


async def test_gitea_is_asked_for_the_commit_before_its_500_is_believed(forges: HttpForges) -> None:
    async with forge_server(GITEA) as server:
        with pytest.raises(NotFound):
            await forges.say(source_at(server), TOKEN, OTHER, DONE)
        server.answers = [(500, {}, "{}")]
        with pytest.raises(Unreachable):
            await forges.say(source_at(server), TOKEN, COMMIT, DONE)


async def test_gitlabs_refusal_of_another_move_is_an_error(forges: HttpForges) -> None:
    async with forge_server(GITLAB) as server:
        said = 'Cannot transition status via :run from :success (Reason(s): Status cannot transition via "run")'
        server.answers = [(400, {}, json.dumps({"message": said}))]
        pending = CommitStatus(context="rollout/shop/checkout", state=CommitState.PENDING, text="step 1")

        with pytest.raises(Rejected, match="from :success"):
            await forges.say(source_at(server), TOKEN, COMMIT, pending)


def test_the_dates_of_this_file_are_what_the_clock_says() -> None:
    assert datetime.fromtimestamp(RESET, UTC) == NOON + timedelta(minutes=7)
