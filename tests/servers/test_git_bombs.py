"""Is a repository refused that is too large, too deep, or named so that it deceives? Over real HTTP."""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from adapters.git.allowed import Urls
from adapters.git.mirror import Limits
from adapters.git.source import GitSpecSource
from rollout.manifest.errors import SpecErrors
from rollout.manifest.parse import parse_file
from rollout.model.source import GitSource
from rollout.ports.errors import PortError
from rollout.ports.sources import Credentials
from tests.support.git_fixtures import git_source
from tests.support.repos import Repository
from tests.support.served import Reader, Served, refusal

pytestmark = [pytest.mark.server, pytest.mark.slow]

NOBODY = Credentials()
SPEC: dict[str, str | bytes] = {"a.yaml": "a: 1\n"}


@pytest.fixture
def source(served: Served) -> GitSource:
    return git_source(served.url)


@pytest.fixture
async def git(served: Served, tmp_path: Path) -> AsyncIterator[Reader]:
    specs = GitSpecSource(tmp_path / "cache", urls=Urls(file=True), limits=Limits(pack_bytes=2_000_000), seconds=60)
    yield Reader(git=specs, credentials=served.credentials)
    await specs.close()


def stored_outside(tmp_path: Path, names: list[str]) -> list[Path]:
    """Files of these names that reached the disk, outside the repository that is attacked from."""
    return [path for path in (tmp_path / "cache").rglob("*") if path.name in names]


async def test_a_huge_pack_is_stopped_while_it_comes(
    git: Reader, repository: Repository, source: GitSource, mark: Path, tmp_path: Path
) -> None:
    repository.commit({**SPEC, "huge.bin": os.urandom(8_000_000)})

    assert "larger than we take" in await refusal(git, source)
    written = sum(path.stat().st_size for path in (tmp_path / "cache").rglob("*") if path.is_file())
    assert written <= 2_100_000


async def test_many_fetches_together_do_not_pass_the_limit_either(
    git: Reader, repository: Repository, source: GitSource, mark: Path, tmp_path: Path
) -> None:
    for number in range(5):
        commit = repository.commit({**SPEC, f"{number}.bin": os.urandom(900_000)})
        await git.read(source, commit)

    written = sum(path.stat().st_size for path in (tmp_path / "cache").rglob("*") if path.is_file())
    assert written <= 2 * 2_000_000


async def test_a_file_that_unfolds_to_gigabytes_is_refused_by_its_size(
    git: Reader, repository: Repository, source: GitSource, mark: Path
) -> None:
    commit = repository.commit({"a.yaml": b"a" * 100_000_000})

    assert "a.yaml has 100000000 bytes" in await refusal(git, source, commit)


async def test_a_tree_that_unfolds_without_end_is_refused(
    git: Reader, repository: Repository, source: GitSource, mark: Path
) -> None:
    blob = repository.store("blob", b"a: 1\n")
    tree = repository.store("tree", b"100644 a.yaml\0" + bytes.fromhex(blob))
    for _ in range(10):
        tree = repository.store("tree", b"".join(b"40000 d%d\0" % number + bytes.fromhex(tree) for number in range(10)))
    repository.commit_tree([("40000", b"d", tree)])

    assert "more than" in await refusal(git, source)


async def test_a_tree_of_thousands_of_folders_in_one_another_is_refused(
    git: Reader, repository: Repository, source: GitSource, mark: Path
) -> None:
    held, kind, name = repository.store("blob", b"a: 1\n"), b"100644", b"a.yaml"
    for _ in range(4000):
        held, kind, name = repository.store("tree", kind + b" " + name + b"\0" + bytes.fromhex(held)), b"40000", b"d"
    repository.commit_tree([("40000", b"d", held)])

    with pytest.raises(PortError):
        await git.read(source, await git.head(source))


@pytest.mark.parametrize(
    "text",
    [
        "[" * 60_000,
        "{a: " * 15_000,
        "- " * 30_000,
        "a: &a [x,x]\nb: &b [*a,*a]\n" + "".join(f"c{n}: &c{n} [*b,*b,*b]\n" for n in range(50)),
        "a: &a\n  - *a\n",
        "!!python/object/apply:os.system ['touch pwned']\n",
        "\x00\x01\x02",
        "a: 'unclosed",
    ],
    ids=["brackets", "braces", "dashes", "aliases", "itself", "python", "bytes", "unclosed"],
)
async def test_yaml_that_would_bring_a_parser_down_is_an_error_of_its_file(
    git: Reader, repository: Repository, source: GitSource, mark: Path, text: str
) -> None:
    commit = repository.commit({"deep/bomb.yaml": text})
    (file,) = (await git.read(source, commit)).files

    with pytest.raises(SpecErrors, match=r"deep/bomb\.yaml"):
        parse_file(file.path, file.content)


@pytest.mark.parametrize(
    "name",
    [
        b"\xff\xfe.yaml",
        "e\u0301.yaml".encode(),
        b"a\nb.yaml",
        b"a\x1b[2J.yaml",
        "a\u202eb.yaml".encode(),
        b"x" * 600 + b".yaml",
    ],
    ids=["not-utf-8", "not-nfc", "newline", "escape", "right-to-left", "long"],
)
async def test_a_file_name_that_deceives_is_refused(
    git: Reader, repository: Repository, source: GitSource, mark: Path, name: bytes
) -> None:
    repository.commit_tree([("100644", name, repository.store("blob", b"a: 1\n"))])

    said = await refusal(git, source)

    assert said.isprintable()
    assert "rename it" in said


@pytest.mark.parametrize("name", [b".git", b".GIT", b"..", b".", b"git~1", "\u200c.git".encode()])
async def test_a_folder_that_could_be_taken_for_gits_own_is_refused(
    git: Reader, repository: Repository, source: GitSource, mark: Path, tmp_path: Path, name: bytes
) -> None:
    config = repository.store("blob", f"[core]\n\tsshCommand = touch {mark}\n".encode())
    inner = repository.store("tree", b"100644 config.yaml\0" + bytes.fromhex(config))
    repository.commit_tree([("40000", name, inner)])

    assert await refusal(git, source)
    assert stored_outside(tmp_path, ["config.yaml"]) == []
