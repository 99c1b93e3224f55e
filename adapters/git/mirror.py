"""How is one commit of a repository brought here and read without ever being checked out?

A bare repository per place; files are read by object id. So no symlink, hook, filter, submodule or file name of the
repository ever meets the disk.
"""

import hashlib
import shutil
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from adapters.git.allowed import check_name
from adapters.git.command import Call, Output, environment
from rollout.model.source import SpecFile
from rollout.ports.errors import NotFound, Rejected, Unreachable

_SUFFIXES = (".yaml", ".yml", ".json")
_SYMLINK, _SUBMODULE, _FOLDER = "120000", "160000", "040000"
_MISSING = "BAD"  # ls-tree's size of a file whose object it does not find
_LISTED = 16_000_000  # bytes of a listing, about 150,000 files: trees that contain themselves would never end
_KEPT_FETCHES = 200  # then the repository is thrown away, and with it all that is old
WHOLE = 2_147_483_647  # the depth that git takes for all history


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much a source may bring."""

    files: int = 10_000
    total_bytes: int = 20_000_000
    file_bytes: int = 256 * 1024
    pack_bytes: int = 256_000_000  # what one fetch may bring; a shallow commit of a large repository has a tenth


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line of a tree. size: bytes; 0 for what is no file, None for one whose object is not there."""

    mode: str
    object_id: str
    size: int | None
    path: str


def is_spec(path: str) -> bool:
    """Whether the file is read; path: within the folder that is."""
    return path.endswith(_SUFFIXES) and not any(part.startswith(".") for part in path.split("/"))


class Mirror:
    """A bare repository in `directory`, for one call at a time. It may vanish at any time but costs a fetch then."""

    def __init__(self, directory: Path, limits: Limits) -> None:
        self.directory = directory
        self._limits = limits
        self._fetches = 0
        self._is_ready = False  # what a former process left may be half written

    def has(self, call: Call, commit: str) -> bool:
        """Whether the commit is here."""
        return self._is_ready and self.local(call, ["cat-file", "-e", f"{commit}^{{commit}}"]).code == 0

    def fetch(self, call: Call, url: str, ref: str, variables: Mapping[str, str], depth: int = 1) -> tuple[Output, str]:
        """What git said, and the commit that the full ref `ref` brought; "" when nothing came.

        depth: how many commits in a row, the newest among them.
        """
        self._make_ready(call)
        kept_as = f"refs/rollout/{hashlib.sha256(ref.encode()).hexdigest()[:16]}"
        options = ["--no-tags", "--no-recurse-submodules", "--no-write-fetch-head", "--force", "--quiet"]
        arguments = ["fetch", f"--depth={depth}", *options, "--", url, f"+{ref}:{kept_as}"]
        self._is_ready = False  # until the command has ended by itself
        output = call.run(self.directory, arguments, self._own(variables))
        if output.code != 0:
            return output, ""
        self._is_ready = True
        self._fetches += 1
        found = self.local(call, ["rev-parse", "--verify", "--quiet", f"{kept_as}^{{commit}}"])
        return output, found.out.decode().strip()

    def follows(self, call: Call, commit: str, before: str) -> bool | None:
        """Whether `before` is an ancestor of `commit`; None as long as the history that is here does not tell."""
        if not self.has(call, commit):
            return None
        if self.local(call, ["merge-base", "--is-ancestor", before, commit]).code == 0:
            return True
        roots = self.local(call, ["rev-list", "--max-parents=0", commit, "--"], most=_LISTED)
        if roots.code != 0:
            raise self._lost(f"the history of {commit[:12]} cannot be read: {roots.error[:200]}")
        return None if self.ends() & set(roots.out.decode().split()) else False

    def ends(self) -> frozenset[str]:
        """The commits whose parents were not fetched (gitformat-shallow)."""
        with suppress(FileNotFoundError):
            return frozenset((self.directory / "shallow").read_text().split())
        return frozenset()

    def files(self, call: Call, commit: str, folder: str) -> tuple[str, tuple[SpecFile, ...]]:
        """The commit's author, and all spec files under `folder` sorted by path.

        Raises NotFound when the folder is absent, Rejected for what a repository may not hold there.
        """
        if folder:
            self._check_folder(call, commit, folder)
        tree = f"{commit}:{folder}" if folder else commit
        entries = tuple(self._wanted(call, tree, f"{folder}/" if folder else ""))
        author, *contents = self.contents(call, [commit, *(entry.object_id for entry in entries)])
        files = (SpecFile(path=entry.path, content=text) for entry, text in zip(entries, contents, strict=True))
        return _author(author), tuple(sorted(files, key=lambda file: file.path))

    def contents(self, call: Call, object_ids: list[str]) -> Iterator[bytes]:
        """The objects as they are, together within the limits; Unreachable when one is missing."""
        most = self._limits.total_bytes + 1_000_000 + 100 * len(object_ids)
        asked = "".join(f"{object_id}\n" for object_id in object_ids).encode()
        said = self.local(call, ["cat-file", "--batch"], stdin=asked, most=most).out
        position = 0
        for object_id in object_ids:
            end = said.find(b"\n", position)
            header = said[position:end].decode("ascii", "replace").split(" ")
            if end < 0 or len(header) != 3:
                raise self._lost(f"object {object_id} is missing in the local copy")
            start, size = end + 1, int(header[2])
            yield said[start : start + size]
            position = start + size + 1

    def local(
        self,
        call: Call,
        arguments: list[str],
        *,
        stdin: bytes = b"",
        most: int = 65_536,
        variables: Mapping[str, str] | None = None,
    ) -> Output:
        """What `git ARGUMENTS` says in the repository, with no way out of this machine."""
        ours = variables or environment(self.directory)
        return call.run(self.directory, arguments, self._own(ours), stdin=stdin, most=most)

    def _check_folder(self, call: Call, commit: str, folder: str) -> None:
        """Each part of the way must be a folder: git would follow nothing else, but its message would not say so."""
        parts = folder.split("/")
        for end in range(1, len(parts) + 1):
            path = "/".join(parts[:end])
            listing = self.local(call, ["ls-tree", "-z", "-l", "--full-tree", commit, "--", path])
            if listing.code != 0:
                raise self._lost(f"the listing of {path} in {commit[:12]} failed: {listing.error[:200]}")
            found = list(_entries(listing.out, ""))
            if not found:
                raise NotFound(f"spec.path: there is no {path} in commit {commit[:12]}")
            _check_mode(found[0], "spec.path")
            if found[0].mode != _FOLDER:
                raise Rejected(f"spec.path: {path} is a file in commit {commit[:12]}; name its folder")

    def _wanted(self, call: Call, tree: str, before: str) -> Iterator[Entry]:
        limits, total, count = self._limits, 0, 0
        listing = self.local(call, ["ls-tree", "-r", "-z", "-l", "--full-tree", tree], most=_LISTED)
        if listing.code != 0:
            raise self._lost(f"the listing of {tree} failed: {listing.error[:200]}")
        for entry in _entries(listing.out, before):
            _check_mode(entry, "repository")
            within = entry.path.removeprefix(before)
            if not is_spec(within):
                continue
            check_name(entry.path, "repository")
            if entry.size is None:
                raise self._lost(f"{entry.path} is missing in the local copy")
            count, total = count + 1, total + entry.size
            if entry.size > limits.file_bytes:
                raise Rejected(f"{entry.path} has {entry.size} bytes; a spec file has at most {limits.file_bytes}")
            if count > limits.files or total > limits.total_bytes:
                raise Rejected(f"more than {limits.files} spec files or {limits.total_bytes} bytes; narrow spec.path")
            yield entry

    def _lost(self, what: str) -> Unreachable:
        """The error for a copy that is not whole any more; the next fetch begins with a new one."""
        self._is_ready = False
        return Unreachable(f"{what}; it is fetched again")

    def _make_ready(self, call: Call) -> None:
        if self._is_ready and self._fetches < _KEPT_FETCHES and self._size() <= self._limits.pack_bytes:
            return
        shutil.rmtree(self.directory, ignore_errors=True)
        self.directory.mkdir(parents=True, mode=0o700)
        made = self.local(call, ["init", "--quiet", "--bare", "--template="])
        if made.code != 0:
            raise Unreachable(f"git cannot make a repository in {self.directory}: {made.error[:200]}")
        self._is_ready, self._fetches = True, 0

    def _size(self) -> int:
        """Bytes in packs: a hundred fetches below the limit are above it together."""
        return sum(path.stat().st_size for path in (self.directory / "objects" / "pack").glob("*"))

    def _own(self, variables: Mapping[str, str]) -> dict[str, str]:
        return {**variables, "GIT_DIR": str(self.directory)}


def _entries(listing: bytes, before: str) -> Iterator[Entry]:
    """Lines of `ls-tree -z -l`; `before` is put before each path."""
    for line in listing.split(b"\0"):
        if not line:
            continue
        about, _, name = line.partition(b"\t")
        mode, _, object_id, size = about.decode("ascii").split()
        # a name that is not UTF-8 keeps its bytes as lone surrogates, which `check_name` refuses
        path = before + name.decode("utf-8", "surrogateescape")
        known = None if size == _MISSING else int(size) if size != "-" else 0
        yield Entry(mode=mode, object_id=object_id, size=known, path=path)


def _check_mode(entry: Entry, where: str) -> None:
    if entry.mode == _SYMLINK:
        raise Rejected(f"{where}: {entry.path!r} is a symlink; put the file itself there")
    if entry.mode == _SUBMODULE:
        raise Rejected(f"{where}: {entry.path!r} is a submodule, which is never followed; make a GitSource for it")


def _author(commit: bytes) -> str:
    """`name <email>` from a commit object, in printable characters, bounded; "" when there is none."""
    for line in commit.split(b"\n\n", 1)[0].splitlines():
        if line.startswith(b"author "):
            text = line[7:].decode("utf-8", "replace").rpartition(">")[0] + ">"
            return "".join(character if character.isprintable() else " " for character in text)[:200]
    return ""
