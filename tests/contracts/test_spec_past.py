"""Is the past of a repository the same in memory, in a file and over HTTP with a password?"""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from adapters.git.allowed import Urls
from adapters.git.past import GitPast
from adapters.git.source import GitSpecSource
from adapters.memory.past import MemoryPast
from adapters.memory.source import MemorySpecSource
from rollout.model.source import GitSource
from rollout.ports.errors import NotFound, Unreachable
from rollout.ports.past import FileChange, Past, SpecPast
from rollout.ports.sources import Credentials
from tests.servers.githttp import GitHttp, Login
from tests.support.git_fixtures import git_source
from tests.support.repos import Repository
from tests.support.scribes import ANA, BEN, By, GitScribe, MemoryScribe, Scribe

URL = "https://git.example.org/shop.git"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One implementation with an empty repository."""

    port: SpecPast
    scribe: Scribe
    source: GitSource
    credentials: Credentials

    async def past(self, commit: str, depth: int = 50) -> Past:
        return await self.port.past(self.source, self.credentials, commit, depth)

    async def changes(self, before: str, after: str) -> tuple[FileChange, ...]:
        """What became of the files of one commit in the other; "" for no files."""
        trees = [(await self.past(commit)).commits[0].tree if commit else "" for commit in (before, after)]
        (found,) = await self.port.changes(self.source, self.credentials, [(trees[0], trees[1])])
        return found


@pytest.fixture(params=["memory", "file", pytest.param("http", marks=pytest.mark.server)])
async def case(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Case]:
    source = git_source(URL)
    if request.param == "memory":
        memory = MemorySpecSource()
        scribe: Scribe = MemoryScribe(memory, URL)
        yield Case(port=MemoryPast(memory), scribe=scribe, source=source, credentials=Credentials())
        return
    scribe, url, credentials = (
        GitScribe(Repository(tmp_path / "shop.git")),
        f"file://{tmp_path}/shop.git",
        Credentials(),
    )
    if request.param == "http":
        server: GitHttp = request.getfixturevalue("git_http")
        server.login = Login(user="ana", password="correct horse")
        url, credentials = f"{server.url}/shop.git", Credentials(username="ana", password="correct horse")
    git = GitSpecSource(tmp_path / "cache", urls=Urls(file=True))
    yield Case(port=GitPast(git), scribe=scribe, source=replace(source, url=url), credentials=credentials)
    await git.close()


async def test_a_history_is_told_from_its_newest_commit_to_its_first(case: Case) -> None:
    line = [case.scribe.commit({"a.yaml": f"a: {number}\n"}) for number in range(3)]

    past = await case.past(line[-1])

    assert [one.commit for one in past.commits] == line[::-1]
    assert [one.parents for one in past.commits] == [(line[1],), (line[0],), ()]
    assert past.ends == frozenset()


async def test_a_history_ends_where_no_more_was_asked_for_and_says_so(case: Case) -> None:
    line = [case.scribe.commit({"a.yaml": f"a: {number}\n"}) for number in range(3)]

    past = await case.past(line[-1], depth=2)
    deeper = await case.past(line[-1], depth=4)

    assert ([one.commit for one in past.commits], past.ends) == (line[:0:-1], frozenset(line[1:2]))
    assert ([one.commit for one in deeper.commits], deeper.ends) == (line[::-1], frozenset())


async def test_a_merge_names_its_own_branch_first_and_comes_before_both(case: Case) -> None:
    base = case.scribe.commit({"a.yaml": "a: 1\n"})
    side = case.scribe.commit({"a.yaml": "a: 2\n"}, parents=[base], branch="side")
    main = case.scribe.commit({"a.yaml": "a: 1\n", "b.yaml": "b: 1\n"})
    merged = case.scribe.commit({"a.yaml": "a: 2\n", "b.yaml": "b: 1\n"}, parents=[main, side])

    past = await case.past(merged)

    assert (past.commits[0].parents, past.commits[-1].commit) == ((main, side), base)
    assert {one.commit for one in past.commits} == {merged, main, side, base}


async def test_an_older_commit_of_the_branch_has_its_own_past(case: Case) -> None:
    line = [case.scribe.commit({"a.yaml": f"a: {number}\n"}) for number in range(3)]

    past = await case.past(line[1])

    assert [one.commit for one in past.commits] == [line[1], line[0]]


async def test_a_commit_that_the_ref_does_not_have_cannot_be_asked_about(case: Case) -> None:
    case.scribe.commit({"a.yaml": "a: 1\n"})

    with pytest.raises(Unreachable, match=r"main has moved away from 111111111111"):
        await case.past("1" * 40)


async def test_an_absent_repository_is_not_found(case: Case) -> None:
    gone = replace(case.source, url=f"{case.source.url}-gone")

    with pytest.raises(NotFound):
        await case.port.past(gone, case.credentials, "1" * 40, 50)


async def test_equal_trees_have_equal_files(case: Case) -> None:
    first = case.scribe.commit({"a.yaml": "a: 1\n"})
    case.scribe.commit({"a.yaml": "a: 2\n"})
    back = case.scribe.commit({"a.yaml": "a: 1\n"}, By(author=BEN))

    trees = {one.commit: one.tree for one in (await case.past(back)).commits}

    assert (trees[first] == trees[back], len(set(trees.values()))) == (True, 2)


async def test_what_was_changed_added_and_removed_is_told_by_content(case: Case) -> None:
    before = case.scribe.commit({"a.yaml": "a: 1\n", "gone.json": "{}\n", "same.yml": "s: 1\n"})
    after = case.scribe.commit({"a.yaml": "a: 2\n", "new.yaml": "{}\n", "same.yml": "s: 1\n"})

    changes = {change.path: change for change in await case.changes(before, after)}

    assert set(changes) == {"a.yaml", "gone.json", "new.yaml"}
    assert changes["gone.json"].before == changes["new.yaml"].after
    assert (changes["gone.json"].after, changes["new.yaml"].before) == ("", "")
    blobs = [changes["a.yaml"].before, changes["a.yaml"].after]
    contents = await case.port.contents(case.source, case.credentials, blobs)
    assert [contents[blob] for blob in blobs] == [b"a: 1\n", b"a: 2\n"]


async def test_all_files_of_a_commit_are_what_changed_since_there_were_none(case: Case) -> None:
    commit = case.scribe.commit({"a.yaml": "a: 1\n", "b/c.json": "{}\n"})

    changes = await case.changes("", commit)

    assert sorted(change.path for change in changes) == ["a.yaml", "b/c.json"]


async def test_only_spec_files_under_the_path_are_told(case: Case) -> None:
    files = {"apps/a.yaml": "a", "apps/.b.yaml": "b", "apps/.c/c.yaml": "c", "apps/README.md": "d", "other/e.yaml": "e"}
    commit = case.scribe.commit(files)
    there = replace(case, source=replace(case.source, path="./apps/"))

    changes = await there.changes("", commit)

    assert [change.path for change in changes] == ["apps/a.yaml"]


async def test_pairs_are_answered_in_their_order_also_when_nothing_changed(case: Case) -> None:
    first = case.scribe.commit({"a.yaml": "a: 1\n"})
    second = case.scribe.commit({"a.yaml": "a: 2\n"})
    trees = {one.commit: one.tree for one in (await case.past(second)).commits}
    pairs = [(trees[first], trees[first]), (trees[first], trees[second]), (trees[second], trees[second])]

    answers = await case.port.changes(case.source, case.credentials, pairs)

    assert [len(answer) for answer in answers] == [0, 1, 0]


async def test_a_file_that_is_too_large_for_a_spec_is_left_out(case: Case) -> None:
    commit = case.scribe.commit({"a.yaml": "a: 1\n", "large.yaml": "#" * 300_000})
    blobs = {change.path: change.after for change in await case.changes("", commit)}

    contents = await case.port.contents(case.source, case.credentials, list(blobs.values()))

    assert list(contents) == [blobs["a.yaml"]]


async def test_a_commit_names_author_committer_and_what_they_said(case: Case) -> None:
    message = "Release v2\n\nCo-authored-by: Cara <cara@example.org>\n"
    commit = case.scribe.commit({"a.yaml": "a: 1\n"}, By(author=ANA, committer=BEN, message=message))
    await case.past(commit)

    (written,) = await case.port.written(case.source, case.credentials, [commit])

    assert (written.commit, written.author, written.committer) == (commit, ANA, BEN)
    assert written.message.strip() == message.strip()
