"""Can a tree of any names, modes and contents bring anything else than clean spec files or a refusal? Real git, real packs."""

import asyncio
import tempfile
from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.git.allowed import Urls
from adapters.git.mirror import Limits, is_spec
from adapters.git.source import GitSpecSource
from rollout.model.source import Snapshot
from rollout.ports.errors import PortError
from rollout.ports.sources import Credentials
from tests.support.examples import examples
from tests.support.git_fixtures import git_source
from tests.support.repos import Repository

pytestmark = pytest.mark.slow  # each example is fetched by git

LIMITS = Limits(files=20, total_bytes=4_000, file_bytes=1_000, pack_bytes=1_000_000)
NOBODY = Credentials()
WHO = b"author Ana <ana@example.org> 1790000000 +0000\ncommitter Ana <ana@example.org> 1790000000 +0000\n\nby hand\n"
A_BLOB = "a8926a52d8dcba5c4386945476ab6a2ad008afd4"  # of "a: 1"
Entry = tuple[str, bytes, str]  # mode, name, what it holds: blob, tree, symlink, submodule, none
names = st.sampled_from(
    (
        *(b"a.yaml", b"b.yml", b"c.json", b".hidden.yaml", b"README.md", b"x.yaml ", b"A.YAML", b"a.yaml~", b"-o.yaml"),
        *(
            b"..",
            b".",
            b".git",
            b".GIT",
            b"git~1",
            b".gitmodules",
            b".gitattributes",
            b"..yaml",
            b"a\nb.yaml",
            b"a\tb.yaml",
        ),
        *(
            b"\xff\xfe.yaml",
            "\u202eelif.yaml".encode(),
            "e\u0301.yaml".encode(),
            "\u00e9.yaml".encode(),
            b"\\x.yaml",
            b"a\\..\\b.yaml",
        ),
        *(
            b"C:a.yaml",
            b"a:b.yaml",
            b"con.yaml",
            b"d",
            b"dir.yaml",
            b"*.yaml",
            b"[a].yaml",
            b":(top)a.yaml",
            b"n" * 300 + b".yaml",
        ),
        *("\u200d.yaml".encode(), b"\x01.yaml", b"\x7f.yaml", b'".yaml', b"'.yaml", b"$(x).yaml", b"a b.yaml"),
    )
) | st.binary(min_size=1, max_size=6).map(lambda raw: raw.replace(b"\0", b"0").replace(b"/", b"_") + b".yaml")
modes = st.sampled_from(("100644", "100644", "100755", "100664", "40000", "120000", "160000", "0", "777", "140000"))
held = st.sampled_from(("blob", "blob", "blob", "big", "empty", "bytes", "tree", "deep", "gone"))
trees = st.lists(st.tuples(modes, names, held), max_size=6)


def stored(repository: Repository, kind: str) -> str:
    """The id of what an entry holds."""
    blob = repository.store("blob", b"a: 1\n")
    match kind:
        case "big":
            return repository.store("blob", b"#" * 1_001)
        case "empty":
            return repository.store("blob", b"")
        case "bytes":
            return repository.store("blob", bytes(range(256)))
        case "tree":
            return repository.store("tree", b"100644 a.yaml\0" + bytes.fromhex(blob))
        case "deep":
            tree = repository.store("tree", b"100644 a.yaml\0" + bytes.fromhex(blob))
            for _ in range(5):
                tree = repository.store("tree", b"40000 d\0" + bytes.fromhex(tree))
            return tree
        case "gone":
            return "1" * 40
        case _:
            return blob


async def _read(folder: Path, repository: Repository, path: str) -> Snapshot:
    specs = GitSpecSource(folder / "cache", urls=Urls(file=True), limits=LIMITS, seconds=20)
    source = git_source(repository.url, path=path)
    try:
        return await specs.read(source, NOBODY, await specs.head(source, NOBODY))
    finally:
        await specs.close()


def read(folder: str, repository: Repository, path: str = "") -> Snapshot | PortError:
    """What a fresh clone is read as, or why it is not."""
    try:
        return asyncio.run(_read(Path(folder), repository, path))
    except PortError as error:
        return error


def with_tree(folder: str, entries: Iterable[Entry]) -> Repository:
    """A repository whose newest commit has exactly this tree."""
    repository = Repository(Path(folder) / "shop.git")
    repository.commit_tree([(mode, name, stored(repository, kind)) for mode, name, kind in entries])
    return repository


def with_objects(folder: str, tree: bytes, commit: bytes) -> Repository:
    """A repository whose newest commit consists of these bytes, after the line that names the tree of these bytes."""
    repository = Repository(Path(folder) / "shop.git")
    repository.store("blob", b"a: 1\n")
    said = f"tree {repository.store('tree', tree)}\n".encode() + commit
    (repository.path / "refs" / "heads" / "main").write_text(f"{repository.store('commit', said)}\n")
    return repository


@examples(30)
@given(trees, st.sampled_from(("", "", "d", "dir.yaml")))
def test_any_tree_is_clean_files_within_the_limits_or_a_refusal(tree: list[Entry], path: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        found = read(folder, with_tree(folder, tree), path)

    if isinstance(found, PortError):
        assert str(found)
        return
    assert len(found.files) <= LIMITS.files
    assert sum(len(file.content) for file in found.files) <= LIMITS.total_bytes
    for file in found.files:
        assert is_spec(file.path.removeprefix(f"{path}/" if path else ""))
        assert file.path.isprintable()
        assert not {"..", "."} & set(file.path.split("/"))
        assert len(file.content) <= LIMITS.file_bytes


@examples(15)
@given(st.lists(st.tuples(st.just("100644"), names, st.sampled_from(("blob", "bytes", "empty"))), max_size=4))
def test_nothing_of_a_tree_reaches_the_disk_under_its_own_name(tree: list[Entry]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        found = read(folder, with_tree(folder, tree))
        there = {path.name.encode(errors="surrogateescape") for path in (Path(folder) / "cache").rglob("*")}

    assert not isinstance(found, Snapshot) or not there & {name for _, name, _ in tree if name.endswith(b".yaml")}


@examples(20)
@given(st.binary(max_size=120))
def test_any_bytes_as_a_tree_are_files_or_a_refusal(raw: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        found = read(folder, with_objects(folder, raw, WHO))

    assert isinstance(found, PortError) or all(is_spec(file.path) for file in found.files)


@examples(20)
@given(st.binary(max_size=150))
def test_any_bytes_as_a_commit_are_files_or_a_refusal(raw: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        found = read(folder, with_objects(folder, b"100644 a.yaml\0" + bytes.fromhex(A_BLOB), raw))

    assert isinstance(found, PortError) or [file.path for file in found.files] == ["a.yaml"]
