"""How does a test make a git repository, also one that an attacker would make?"""

import hashlib
import os
import subprocess
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Symlink:
    """A tree entry that points to `target`."""

    target: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Submodule:
    """A tree entry that names a commit of another repository."""

    commit: str = "1" * 40


Content = str | bytes | Symlink | Submodule


class Repository:
    """A bare repository at `path`, filled without a working tree."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.git("init", "--quiet", "--bare", "--initial-branch=main", str(path), inside=False)

    @classmethod
    def at(cls, path: Path) -> "Repository":
        """One that is there already."""
        found = cls.__new__(cls)
        found.path = path
        return found

    @property
    def url(self) -> str:
        """Its file URL."""
        return f"file://{self.path}"

    def commit(self, files: Mapping[str, Content], *, ref: str = "refs/heads/main") -> str:
        """The id of a new commit on `ref` that holds exactly `files`."""
        known = self.git("for-each-ref", "--format=%(objectname)", ref).strip()
        lines = [b"commit " + ref.encode(), b"author Ana <ana@example.org> 1790000000 +0000"]
        lines += [b"committer Ana <ana@example.org> 1790000000 +0000", _data(b"change")]
        lines += [b"from " + known.encode()] if known else []
        lines += [b"deleteall", *(_entry(path, content) for path, content in files.items()), b"done", b""]
        self.git("fast-import", "--quiet", "--done", "--force", stdin=b"\n".join(lines))
        return self.head(ref)

    def head(self, ref: str = "refs/heads/main") -> str:
        """The id of the newest commit on `ref`."""
        return self.git("rev-parse", ref).strip()

    def rewrite(self, files: Mapping[str, Content], *, ref: str = "refs/heads/main") -> str:
        """The id of a commit without parents that takes the place of all that `ref` had: a forced push."""
        self.git("update-ref", "-d", ref)
        return self.commit({**files, ".rewritten": "again"}, ref=ref)

    def join(self, parents: Sequence[str], *, settings: Sequence[str] = (), ref: str = "refs/heads/main") -> str:
        """The id of a new commit on `ref` with the files of the first of `parents`.

        settings: of git, where the commit is to be signed.
        """
        lines = [word for parent in parents for word in ("-p", parent)]
        signed = ["-S"] if settings else []
        given = [
            word for setting in ("user.name=Ana", "user.email=ana@example.org", *settings) for word in ("-c", setting)
        ]
        made = self.git(*given, "commit-tree", *signed, *lines, "-m", "joined", f"{parents[0]}^{{tree}}").strip()
        self.git("update-ref", ref, made)
        return made

    def store(self, kind: str, content: bytes) -> str:
        """The id of an object that git's own tools would refuse to make."""
        raw = kind.encode() + b" " + str(len(content)).encode() + b"\0" + content
        object_id = hashlib.sha1(raw, usedforsecurity=False).hexdigest()
        path = self.path / "objects" / object_id[:2] / object_id[2:]
        path.parent.mkdir(exist_ok=True)
        path.unlink(missing_ok=True)
        path.write_bytes(zlib.compress(raw))
        return object_id

    def commit_tree(self, entries: Sequence[tuple[str, bytes, str]], *, ref: str = "refs/heads/main") -> str:
        """The id of a commit on `ref` with a tree of any (mode, name, object id)."""
        raw = b"".join(mode.encode() + b" " + name + b"\0" + bytes.fromhex(held) for mode, name, held in entries)
        who = "Ana <ana@example.org> 1790000000 +0000"
        said = f"tree {self.store('tree', raw)}\nauthor {who}\ncommitter {who}\n\nmade by hand\n"
        commit = self.store("commit", said.encode())
        (self.path / ref).parent.mkdir(parents=True, exist_ok=True)
        (self.path / ref).write_text(f"{commit}\n")
        return commit

    def tag(self, name: str, commit: str) -> None:
        """An annotated tag."""
        self.git("-c", "user.name=Ana", "-c", "user.email=ana@example.org", "tag", "-a", "-m", name, name, commit)

    def git(self, *arguments: str, stdin: bytes = b"", inside: bool = True) -> str:
        """What git prints."""
        where = [f"--git-dir={self.path}"] if inside else []
        environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
        done = subprocess.run(
            ["git", *where, *arguments], input=stdin, check=True, capture_output=True, timeout=60, env=environment
        )
        return done.stdout.decode()


def commits_in(cache: Path) -> int:
    """How many commits the only mirror of a cache holds."""
    (mirror,) = (path.parent for path in cache.glob("*/HEAD"))
    listed = Repository.at(mirror).git("cat-file", "--batch-all-objects", "--batch-check=%(objecttype)")
    return listed.split().count("commit")


def _entry(path: str, content: Content) -> bytes:
    name = b'"' + path.encode() + b'"'
    match content:
        case Symlink(target=target):
            return b"M 120000 inline " + name + b"\n" + _data(target.encode())
        case Submodule(commit=commit):
            return b"M 160000 " + commit.encode() + b" " + name
        case str():
            return b"M 100644 inline " + name + b"\n" + _data(content.encode())
        case bytes():
            return b"M 100644 inline " + name + b"\n" + _data(content)


def _data(content: bytes) -> bytes:
    return b"data " + str(len(content)).encode() + b"\n" + content
