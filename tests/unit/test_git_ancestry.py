"""Is it known whether a commit follows another, with no more history than that needs?"""

from dataclasses import replace
from pathlib import Path

import pytest

from adapters.git.source import GitSpecSource
from rollout.model.source import GitSource
from rollout.ports.errors import Rejected, Unreachable
from rollout.ports.sources import Credentials
from tests.support.repos import Repository, commits_in

pytestmark = pytest.mark.slow

NOBODY = Credentials()


def grown(repository: Repository, count: int) -> list[str]:
    """The ids of `count` new commits in a row, the oldest first."""
    lines = []
    for number in range(count):
        before = (
            b"from refs/heads/main^0\n" if number == 0 and repository.git("for-each-ref", "refs/heads/main") else b""
        )
        data = f"{number}".encode()
        lines.append(
            b"commit refs/heads/main\nauthor A <a@b> 1790000000 +0000\ncommitter A <a@b> 1790000000 +0000\ndata 1\nx\n"
            + before
            + b"M 100644 inline a.yaml\ndata %d\n%s\n" % (len(data), data)
        )
    repository.git("fast-import", "--quiet", "--force", stdin=b"".join(lines))
    return repository.git("rev-list", "--reverse", "refs/heads/main").split()[-count:]


async def test_an_ordinary_push_is_followed_with_fifty_commits(
    git: GitSpecSource, repository: Repository, source: GitSource, tmp_path: Path
) -> None:
    line = grown(repository, 700)
    await git.read(source, NOBODY, line[-1])

    assert await git.follows(source, NOBODY, line[-1], line[-2])
    assert commits_in(tmp_path / "cache") == 50


async def test_a_longer_way_is_followed_with_five_hundred_commits(
    git: GitSpecSource, repository: Repository, source: GitSource, tmp_path: Path
) -> None:
    line = grown(repository, 700)

    assert await git.follows(source, NOBODY, line[-1], line[-60])
    assert commits_in(tmp_path / "cache") == 500


async def test_the_longest_way_is_followed_to_its_end(
    git: GitSpecSource, repository: Repository, source: GitSource
) -> None:
    line = grown(repository, 700)

    assert await git.follows(source, NOBODY, line[-1], line[0])


async def test_what_a_forced_push_threw_away_is_not_followed_though_it_is_still_here(
    git: GitSpecSource, repository: Repository, source: GitSource
) -> None:
    line = grown(repository, 60)
    await git.read(source, NOBODY, line[-1])
    repository.git("update-ref", "refs/heads/main", line[-2])
    newest = repository.commit({"b.yaml": "b: 1\n"})

    assert await git.follows(source, NOBODY, newest, line[-1]) is False
    assert await git.follows(source, NOBODY, newest, line[-2]) is True


async def test_a_history_without_anything_in_common_is_not_followed(
    git: GitSpecSource, repository: Repository, source: GitSource
) -> None:
    (other,) = grown(repository, 1)
    await git.read(source, NOBODY, other)
    newest = repository.rewrite({"b.yaml": "b: 1\n"})

    assert await git.follows(source, NOBODY, newest, other) is False


async def test_a_merge_follows_both_of_its_sides(git: GitSpecSource, repository: Repository, source: GitSource) -> None:
    base = repository.commit({"a.yaml": "a: 1\n"})
    side = repository.join([base], ref="refs/heads/side")
    main = repository.commit({"a.yaml": "a: 2\n"})
    merged = repository.join([main, side])

    found = [await git.follows(source, NOBODY, merged, before) for before in (base, side, main)]

    assert found == [True, True, True]


async def test_an_annotated_tag_is_followed_from_the_commit_it_names(
    git: GitSpecSource, repository: Repository, source: GitSource
) -> None:
    line = grown(repository, 3)
    repository.tag("v1", line[-1])
    tagged = replace(source, ref="v1")

    assert await git.follows(tagged, NOBODY, await git.head(tagged, NOBODY), line[0])


async def test_what_was_known_before_needs_no_server(
    git: GitSpecSource, repository: Repository, source: GitSource
) -> None:
    line = grown(repository, 3)
    await git.follows(source, NOBODY, line[-1], line[0])
    repository.path.rename(repository.path.with_name("away.git"))

    assert await git.follows(source, NOBODY, line[-1], line[1])
    assert await git.follows(source, NOBODY, line[-1], "1" * 40) is False


async def test_the_next_commit_is_read_alone_again(
    git: GitSpecSource, repository: Repository, source: GitSource, tmp_path: Path
) -> None:
    line = grown(repository, 60)
    await git.follows(source, NOBODY, line[-1], line[-2])
    newest = grown(repository, 30)[-1]

    snapshot = await git.read(source, NOBODY, newest)

    assert (snapshot.commit, snapshot.files[0].content) == (newest, b"29")
    assert commits_in(tmp_path / "cache") == 51


async def test_a_ref_that_moves_away_meanwhile_is_no_rewritten_history(
    git: GitSpecSource, repository: Repository, source: GitSource
) -> None:
    line = grown(repository, 2)
    await git.read(source, NOBODY, line[-1])
    repository.rewrite({"b.yaml": "b: 1\n"})
    repository.git("gc", "--quiet", "--prune=now")

    with pytest.raises(Unreachable, match="moved away"):
        await git.follows(source, NOBODY, line[-1], line[0])


@pytest.mark.parametrize("words", ["--all", "HEAD", "", "main", "1" * 39])
async def test_only_commit_ids_are_compared(git: GitSpecSource, source: GitSource, words: str) -> None:
    with pytest.raises(Rejected, match="no commit id"):
        await git.follows(source, NOBODY, "1" * 40, words)
