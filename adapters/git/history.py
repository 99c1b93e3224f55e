"""How is the past of a local repository read, for whoever lints what a change takes away?

Objects by id through GitPython, nothing is checked out. The repository's own configuration runs nothing: no hooks, no
monitor, no external diff or text conversion. What a person names is never an option of git.
"""

import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

from git import Repo
from git.db import GitCmdObjectDB
from git.exc import BadObject, GitCommandError, InvalidGitRepositoryError, NoSuchPathError
from git.objects import Blob

from adapters.git.command import environment
from rollout.ports.errors import NotFound, Rejected
from rollout.ports.history import Edit, Files

_ENDINGS = (".yaml", ".yml", ".json")
_LARGEST = 1024 * 1024  # bytes of a file that is still taken for a manifest
_SPARSE = "S"  # git-ls-files(1): not in the working tree because of a sparse checkout
_REVISION = re.compile(r"[A-Za-z0-9_@][^\s:\\?*\[\x00-\x1f\x7f]*")
_CHANGES = (
    *("--raw", "-z", "--no-abbrev", "--no-renames", "-m", "--format=commit %H"),
    *("--no-textconv", "--no-ext-diff", "--no-show-signature", "--text", "-G", "revision"),
)
_DEEPEN = "fetch all of it: `git fetch --unshallow`, `fetch-depth: 0` of actions/checkout, `GIT_DEPTH: 0` of GitLab CI"


class LocalHistory:
    """History of the repository that `place` is in. NotFound when it is in none."""

    def __init__(self, place: Path) -> None:
        try:
            self._repo = Repo(place, search_parent_directories=True, odbt=GitCmdObjectDB)
        except (InvalidGitRepositoryError, NoSuchPathError) as error:
            raise NotFound(f"{place} is in no git repository; run this where the manifests are checked out") from error
        safe = {"safe.directory": "*", "core.quotePath": "false"}  # CI's user is often not the one who cloned
        self._repo.git.update_environment(
            **environment(Path(tempfile.gettempdir()), settings=safe),
            GIT_DIR=str(self._repo.git_dir),
        )
        self._repo.git.update_environment(GIT_LITERAL_PATHSPECS="0")

    @property
    def root(self) -> Path:
        """The folder that paths start from."""
        return Path(self._repo.working_tree_dir or self._repo.git_dir)

    def close(self) -> None:
        """End the processes that read objects."""
        self._repo.close()

    def base(self, revision: str) -> str:
        """The id of the newest commit that both `revision` and HEAD have."""
        if not _REVISION.fullmatch(revision):
            raise Rejected(f"{revision[:80]!r} is no revision of git; name a branch, a tag or a commit")
        commit = self._commit(revision)
        try:
            found = str(self._repo.git.merge_base(commit, self._commit("HEAD"))).strip()
        except GitCommandError:
            found = ""
        if not found:
            raise NotFound(f"{revision} and HEAD have no commit in common here" + self._shallow_hint())
        return found

    def at(self, commit: str) -> Files:
        """All manifests of a commit."""
        found: dict[str, bytes] = {}
        for item in self._repo.commit(commit).tree.traverse():
            if isinstance(item, Blob) and item.mode != Blob.link_mode and _is_manifest(str(item.path)):
                found[str(item.path)] = self._content(item.hexsha)
        return found

    def now(self) -> Files:
        """All manifests of the working tree that git has or would take; those of HEAD where there is none."""
        if self._repo.bare:
            return self.at(self._commit("HEAD"))
        listed = self._repo.git.ls_files("-z", "-t", "--cached", "--others", "--exclude-standard", "--full-name")
        states = {path: state for state, _, path in (word.partition(" ") for word in listed.split("\0"))}
        found: dict[str, bytes] = {}
        left_out = [path for path, state in states.items() if state == _SPARSE and _is_manifest(path)]
        if left_out:
            committed = self.at(self._commit("HEAD"))
            found |= {path: committed[path] for path in left_out if path in committed}
        for path in states.keys() - set(left_out):
            file = self.root / path
            if _is_manifest(path) and file.is_file() and not file.is_symlink() and file.stat().st_size <= _LARGEST:
                found[path] = file.read_bytes()
        return dict(sorted(found.items()))

    def within(self, base: str) -> Iterator[tuple[Edit, ...]]:
        """Per commit after `base`, newest first: edits whose changed lines hold the word `revision`."""
        yield from (edits for _, edits in self._edits(f"{base}..HEAD"))

    def before(self, base: str) -> Iterator[tuple[Edit, ...]]:
        """The same for `base` and what came before it on its own branch; Rejected where a shallow clone ends."""
        ends = self._shallow_ends()
        for commit, edits in self._edits("--first-parent", base):
            if commit in ends:
                raise Rejected(f"the history here ends at {commit[:12]}, a shallow clone; {_DEEPEN}")
            yield edits

    def _edits(self, *which: str) -> Iterator[tuple[str, tuple[Edit, ...]]]:
        said = self._repo.git.log(*_CHANGES, *which, "--", *(f"*{ending}" for ending in _ENDINGS))
        commit, edits, entry = "", list[Edit](), ""
        for word in said.split("\0"):
            token = word.lstrip("\n")
            if entry:
                _, mode, before, after, *_ = entry.removeprefix(":").split(" ")
                entry = ""
                if _is_manifest(token) and mode != "120000":
                    edits.append(Edit(path=token, before=self._content(before), after=self._content(after)))
            elif token.startswith(":"):
                entry = token
            elif token.startswith("commit "):
                if edits:
                    yield commit, tuple(edits)
                commit, edits = token.removeprefix("commit "), []
        if edits:
            yield commit, tuple(edits)

    def _content(self, object_id: str) -> bytes:
        if set(object_id) == {"0"}:  # what git calls a file that is not there
            return b""
        try:
            found = self._repo.odb.stream(bytes.fromhex(object_id))
        except (BadObject, ValueError) as error:
            raise Rejected(
                f"object {object_id[:12]} is not here, as in a partial clone; clone without --filter"
            ) from error
        content = bytes(found.read())
        return content if found.size <= _LARGEST else b""

    def _commit(self, name: str) -> str:
        try:
            return str(self._repo.git.rev_parse("--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}"))
        except GitCommandError as error:
            raise NotFound(f"there is no commit {name} here" + self._shallow_hint()) from error

    def _shallow_hint(self) -> str:
        return f"; this is a shallow clone: {_DEEPEN}" if self._shallow_ends() else "; fetch it first"

    def _shallow_ends(self) -> frozenset[str]:
        file = Path(self._repo.common_dir) / "shallow"
        return frozenset(file.read_text(encoding="ascii").split()) if file.is_file() else frozenset()


def _is_manifest(path: str) -> bool:
    return path.endswith(_ENDINGS) and not any(part.startswith(".") for part in path.split("/"))
