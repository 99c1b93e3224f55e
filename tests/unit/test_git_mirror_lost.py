"""Does reading from git go on by itself when its copy on the disk was deleted, emptied or spoilt under it?"""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from adapters.git.source import GitSpecSource
from rollout.model.source import GitSource
from rollout.ports.errors import Unreachable
from rollout.ports.sources import Credentials
from tests.support.git_fixtures import git_source
from tests.support.repos import Repository

pytestmark = pytest.mark.slow  # real processes

NOBODY = Credentials()
SPECS = {"apps/a.yaml": "a: 1\n", "apps/b.yaml": "b: 1\n"}


@pytest.fixture
def source(repository: Repository) -> GitSource:
    return git_source(repository.url, path="apps")


def mirror(tmp_path: Path) -> Path:
    """The only copy there is."""
    (found,) = (path for path in (tmp_path / "cache").iterdir() if (path / "objects").exists())
    return found


def delete_all(tmp_path: Path) -> None:
    shutil.rmtree(tmp_path / "cache")


def delete_mirror(tmp_path: Path) -> None:
    shutil.rmtree(mirror(tmp_path))


def delete_packs(tmp_path: Path) -> None:
    shutil.rmtree(mirror(tmp_path) / "objects")


def delete_head(tmp_path: Path) -> None:
    (mirror(tmp_path) / "HEAD").unlink()


def halve_packs(tmp_path: Path) -> None:
    for pack in mirror(tmp_path).glob("objects/pack/*.pack"):
        pack.chmod(0o600)
        pack.write_bytes(pack.read_bytes()[: pack.stat().st_size // 2])


def overwrite_packs(tmp_path: Path) -> None:
    for pack in mirror(tmp_path).glob("objects/pack/*.pack"):
        pack.chmod(0o600)
        pack.write_bytes(pack.read_bytes()[:20] + b"\xff" * (pack.stat().st_size - 20))


SPOILT: list[Callable[[Path], None]] = [
    delete_all,
    delete_mirror,
    delete_packs,
    delete_head,
    halve_packs,
    overwrite_packs,
]


async def read(git: GitSpecSource, source: GitSource, commit: str) -> dict[str, bytes]:
    """What the commit's files say, at the second try at the latest."""
    try:
        snapshot = await git.read(source, NOBODY, commit)
    except Unreachable:
        snapshot = await git.read(source, NOBODY, commit)
    assert snapshot.commit == commit
    return {file.path: file.content for file in snapshot.files}


@pytest.mark.parametrize("spoil", SPOILT)
async def test_the_commit_that_was_read_is_read_again(
    git: GitSpecSource, repository: Repository, source: GitSource, tmp_path: Path, spoil: Callable[[Path], None]
) -> None:
    commit = repository.commit(SPECS)
    before = await read(git, source, commit)

    spoil(tmp_path)

    assert await read(git, source, commit) == before


@pytest.mark.parametrize("spoil", SPOILT)
async def test_the_next_commit_is_read_and_followed(
    git: GitSpecSource, repository: Repository, source: GitSource, tmp_path: Path, spoil: Callable[[Path], None]
) -> None:
    old = repository.commit(SPECS)
    await read(git, source, old)
    new = repository.commit({**SPECS, "apps/b.yaml": "b: 2\n"})

    spoil(tmp_path)
    try:
        follows = await git.follows(source, NOBODY, new, old)
    except Unreachable:
        follows = await git.follows(source, NOBODY, new, old)

    assert follows
    assert (await read(git, source, new))["apps/b.yaml"] == b"b: 2\n"


@pytest.mark.parametrize("kind", ["tree", "blob"])
async def test_an_object_that_only_the_copy_lost_is_fetched_again(
    git: GitSpecSource, repository: Repository, source: GitSource, tmp_path: Path, kind: str
) -> None:
    commit = repository.commit(SPECS)
    before = await read(git, source, commit)
    lost = repository.git("rev-parse", f"{commit}:apps" if kind == "tree" else f"{commit}:apps/a.yaml").strip()

    unpack_without(mirror(tmp_path), lost)

    assert await read(git, source, commit) == before


def unpack_without(copy: Path, lost: str) -> None:
    """Turn the packs of a repository into loose objects, one of which is not there."""
    kept = copy.parent.parent / "kept"
    kept.mkdir()
    repository = Repository.at(copy)
    for pack in list(copy.glob("objects/pack/*.pack")):
        moved = pack.rename(kept / pack.name)
        pack.with_suffix(".idx").unlink()
        repository.git("unpack-objects", "-q", stdin=moved.read_bytes())
    (copy / "objects" / lost[:2] / lost[2:]).unlink()
