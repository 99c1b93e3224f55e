"""Is nothing taken on a guess, and is everything there again by itself, when git's server, way or disk is in trouble?"""

import shutil
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from adapters.git.allowed import Urls
from adapters.git.source import GitSpecSource
from rollout.model.source import GitSource
from rollout.ports.errors import PortError, Unreachable
from rollout.ports.sources import Credentials
from tests.servers.faults import Asked, everything
from tests.servers.githttp import GitHttp
from tests.servers.meddler import Meddler
from tests.support.git_fixtures import git_source
from tests.support.repos import Repository

pytestmark = [pytest.mark.server, pytest.mark.slow]

NOBODY = Credentials()
NOISE = "".join(f"# {number * 7919 % 100_003}\n" for number in range(20_000))  # does not compress to nothing


@dataclass(slots=True, kw_only=True)
class Way:
    """A repository, the proxy before its server, and who reads it."""

    repository: Repository
    proxy: Meddler
    git: GitSpecSource
    source: GitSource = field(init=False)

    def __post_init__(self) -> None:
        self.source = git_source(f"{self.proxy.url}/shop.git")

    async def text(self, commit: str) -> str:
        """What the newest commit says, if that is the one."""
        snapshot = await self.git.read(self.source, NOBODY, commit)
        assert snapshot.commit == commit
        return next(file.content.decode() for file in snapshot.files if file.path == "a.yaml")


@pytest.fixture
def proxy(git_http: GitHttp) -> Iterator[Meddler]:
    meddler = Meddler(git_http.url)
    yield meddler
    meddler.stop()


@pytest.fixture
async def way(tmp_path: Path, repository: Repository, proxy: Meddler) -> AsyncIterator[Way]:
    specs = GitSpecSource(tmp_path / "cache", urls=Urls(file=True), seconds=5)
    yield Way(repository=repository, proxy=proxy, git=specs)
    await specs.close()


def fetches(asked: Asked) -> bool:
    """Requests that bring objects."""
    return asked.method == "POST"


@pytest.mark.parametrize("which", ["the first", "a later"])
async def test_a_fetch_that_is_cut_in_the_middle_brings_nothing_and_the_next_one_all(way: Way, which: str) -> None:
    if which == "a later":
        await way.text(way.repository.commit({"a.yaml": "a: 1\n"}))
    new = way.repository.commit({"a.yaml": "a: 2\n", "noise.yaml": NOISE})
    fault = way.proxy.halve(fetches)

    with pytest.raises(Unreachable):
        await way.text(new)
    fault.end()

    assert fault.met
    assert await way.text(new) == "a: 2\n"


async def test_a_server_that_hangs_in_the_middle_of_a_fetch_is_left_and_asked_again(way: Way) -> None:
    new = way.repository.commit({"a.yaml": "a: 1\n"})
    fault = way.proxy.hang(fetches)

    with pytest.raises(Unreachable, match="no answer within 5 s"):
        await way.text(new)
    fault.end()

    assert await way.text(new) == "a: 1\n"


async def test_a_server_that_closes_every_connection_is_unreachable_and_asked_again(way: Way) -> None:
    new = way.repository.commit({"a.yaml": "a: 1\n"})
    fault = way.proxy.reset(everything)

    with pytest.raises(Unreachable, match="Empty reply"):
        await way.git.head(way.source, NOBODY)
    fault.end()

    assert await way.git.head(way.source, NOBODY) == new


@pytest.mark.parametrize("how", ["gone", "spoilt"])
async def test_a_commit_whose_object_the_server_has_lost_is_not_read_in_part(way: Way, how: str) -> None:
    await way.text(way.repository.commit({"a.yaml": "a: 1\n", "b.yaml": "b: 1\n"}))
    new = way.repository.commit({"a.yaml": "a: 2\n", "b.yaml": "b: 2\n"})
    lost = loosened(way.repository, f"{new}:b.yaml")
    kept = lost.read_bytes()
    lost.unlink()
    if how == "spoilt":
        lost.write_bytes(kept[:4] + b"\xff" * (len(kept) - 4))

    with pytest.raises(PortError) as caught:
        await way.text(new)
    lost.unlink(missing_ok=True)
    lost.write_bytes(kept)

    assert str(caught.value).startswith(f"{way.source.url}: ")
    assert await way.text(new) == "a: 2\n"


async def test_a_commit_that_a_forced_push_threw_away_is_not_waited_for(way: Way) -> None:
    old = way.repository.commit({"a.yaml": "a: 1\n"})
    gone = way.repository.commit({"a.yaml": "a: 2\n"})
    way.repository.git("update-ref", "refs/heads/main", old)
    way.repository.git("reflog", "expire", "--expire=now", "--all")
    way.repository.git("gc", "--prune=now", "--quiet")

    snapshot = await way.git.read(way.source, NOBODY, gone)

    assert (snapshot.commit, await way.git.head(way.source, NOBODY)) == (old, old)
    assert not await way.git.follows(way.source, NOBODY, old, gone)


def loosened(repository: Repository, name: str) -> Path:
    """The file of an object, all of which are files of their own from now on."""
    packs = [(pack, pack.read_bytes()) for pack in repository.path.glob("objects/pack/*.pack")]
    shutil.rmtree(repository.path / "objects" / "pack")
    for _, content in packs:
        repository.git("unpack-objects", "-q", stdin=content)
    held = repository.git("rev-parse", name).strip()
    path = repository.path / "objects" / held[:2] / held[2:]
    path.chmod(0o600)
    return path
