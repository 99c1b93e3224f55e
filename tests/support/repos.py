"""How does a test make a git repository, also one that an attacker would make?"""

import os
import subprocess
from collections.abc import Mapping
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
        return self.git("rev-parse", ref).strip()

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
