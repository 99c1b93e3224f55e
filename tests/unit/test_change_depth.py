"""Is a change found in a long history, with no more of it fetched and no more calls of git than that needs?"""

import os
import shutil
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from adapters.git.allowed import Urls
from adapters.git.mirror import Limits
from adapters.git.past import GitPast
from adapters.git.source import GitSpecSource
from adapters.memory.past import MemoryPast
from adapters.memory.source import MemorySpecSource
from rollout.model.names import Key
from rollout.model.source import GitSource
from rollout.ports.errors import Rejected
from rollout.ports.sources import Credentials
from rollout.services import change_walk
from rollout.services.change_walk import Walk
from tests.support.repos import Repository, commits_in
from tests.support.scribes import MemoryScribe, a_rollout

pytestmark = pytest.mark.slow

CHECKOUT = Key(namespace="shop", name="checkout")
NOBODY = Credentials()
URL = "https://git.example.org/shop.git"


class World:
    """A repository with a long history, and what git is asked about it."""

    def __init__(self, folder: Path, calls: Path) -> None:
        self.repository = Repository(folder / "shop.git")
        self.git = GitSpecSource(folder / "cache", urls=Urls(file=True))
        self.source = GitSource(key=CHECKOUT, url=self.repository.url)
        self.walk = Walk(GitPast(self.git), self.source, CHECKOUT)
        self._cache = folder / "cache"
        self._calls = calls

    async def counted(self, commit: str) -> list[str]:
        """The commits that count."""
        self._calls.write_text("")
        return list(await self.walk.counted(NOBODY, commit, "v2"))

    def calls(self, word: str = "") -> int:
        """How many commands of git, with this word in them, the last question took."""
        return sum(word in line for line in self._calls.read_text().splitlines())

    def fetched(self) -> int:
        """How many commits were brought here."""
        return commits_in(self._cache)

    def grown(self, before: int, after: int) -> list[str]:
        """The ids, oldest first, of `before` commits of v1, one that sets v2, and `after` others, each with a file changed."""
        lines = []
        for number in range(before + 1 + after):
            soak = f"{number // 10 % 50 + 1}m"  # every tenth commit touches the Rollout itself
            files = {
                "a.yaml": a_rollout("v1" if number < before else "v2", soak=soak),
                f"b{number % 7}.yaml": f"b: {number}\n",
            }
            parts = [b"commit refs/heads/main", b"author A <a@b.org> 1790000000 +0000"]
            parts += [b"committer A <a@b.org> 1790000000 +0000", b"data 1\nx"]
            for path, text in files.items():
                parts += [b"M 100644 inline %s\ndata %d\n%s" % (path.encode(), len(text), text.encode())]
            lines.append(b"\n".join(parts) + b"\n")
        self.repository.git("fast-import", "--quiet", "--force", stdin=b"".join(lines))
        return self.repository.git("rev-list", "--reverse", "refs/heads/main").split()


@pytest.fixture
async def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    calls, folder = tmp_path / "calls", tmp_path / "bin"
    folder.mkdir()
    calls.write_text("")
    wrapper = folder / "git"
    wrapper.write_text(f'#!/bin/sh\necho "$*" >> {calls}\nexec {shutil.which("git")} "$@"\n')
    wrapper.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    made = World(tmp_path, calls)
    yield made
    await made.git.close()


async def test_a_change_of_today_is_found_in_fifty_commits_with_few_calls(world: World) -> None:
    line = world.grown(before=300, after=3)

    assert await world.counted(line[-1]) == [line[300]]
    assert (world.fetched(), world.calls("fetch"), world.calls() <= 15) == (50, 1, True)


async def test_a_change_of_last_month_is_found_in_five_hundred(world: World) -> None:
    line = world.grown(before=600, after=80)

    assert await world.counted(line[-1]) == [line[600]]
    assert (world.fetched(), world.calls("fetch")) == (500, 2)


async def test_a_change_five_thousand_commits_ago_is_found_in_seconds_with_few_calls(world: World) -> None:
    line = world.grown(before=10, after=5_000)
    begun = time.monotonic()

    assert await world.counted(line[-1]) == [line[10]]
    assert world.calls() <= 75
    assert time.monotonic() - begun < 60  # 5 s where nothing else runs


async def test_the_next_commit_is_asked_about_with_hardly_a_call(world: World) -> None:
    line = world.grown(before=10, after=600)
    await world.counted(line[-1])
    newest = world.repository.commit({"a.yaml": a_rollout("v2"), "c.yaml": "c: 1\n"})

    assert await world.counted(newest) == [line[10]]
    assert (world.calls("fetch"), world.calls() <= 15) == (1, True)


async def test_what_was_fetched_once_needs_no_server(world: World) -> None:
    line = world.grown(before=3, after=3)
    await world.counted(line[-1])
    world.repository.path.rename(world.repository.path.with_name("away.git"))

    assert await world.counted(line[-1]) == [line[3]]


async def test_a_repository_that_is_too_large_is_not_fetched_to_its_end(world: World, tmp_path: Path) -> None:
    line = world.grown(before=10, after=400)
    git = GitSpecSource(tmp_path / "small", urls=Urls(file=True), limits=Limits(pack_bytes=30_000))
    walk = Walk(GitPast(git), world.source, CHECKOUT)

    with pytest.raises(Rejected, match="larger than we take"):
        await walk.counted(NOBODY, line[-1], "v2")

    await git.close()


async def test_a_history_without_end_is_left_alone_and_said() -> None:
    memory = MemorySpecSource()
    scribe = MemoryScribe(memory, URL)
    for number in range(change_walk.DEPTHS[-1] + 2):
        newest = scribe.commit({"a.yaml": a_rollout("v2"), "n.txt": f"{number}"})
    walk = Walk(MemoryPast(memory), GitSource(key=CHECKOUT, url=URL), CHECKOUT)

    with pytest.raises(Rejected, match=r"more than 20000 commits .* set the revision anew in a signed commit"):
        await walk.counted(NOBODY, newest, "v2")
