"""How does a test write a history of commits by different people, in memory and in a real repository?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from adapters.memory.source import MemoryCommit, MemorySpecSource
from tests.support.repos import Repository

ANA = "Ana <ana@example.org>"
BEN = "Ben <ben@example.org>"
CARA = "Cara <cara@example.org>"


@dataclass(frozen=True, slots=True, kw_only=True)
class By:
    """Who makes a commit, how, and what it says. key: git's settings for signing, or the key itself in memory."""

    author: str = ANA
    committer: str = ""
    message: str = "change"
    key: tuple[str, ...] = ()


_BY_ANA = By()


class Scribe(Protocol):
    """Writes commits with exactly `files`; without parents on top of what the branch has."""

    def commit(
        self, files: Mapping[str, str], by: By = _BY_ANA, *, parents: Sequence[str] | None = None, branch: str = "main"
    ) -> str: ...


class GitScribe:
    """A Scribe in a bare repository."""

    def __init__(self, repository: Repository) -> None:
        self.repository = repository

    def commit(
        self, files: Mapping[str, str], by: By = _BY_ANA, *, parents: Sequence[str] | None = None, branch: str = "main"
    ) -> str:
        """The id of the commit, now the newest of the branch."""
        git, ref = self.repository.git, f"refs/heads/{branch}"
        tree = f"{self.repository.commit(files, ref='refs/scratch/tree')}^{{tree}}"
        if parents is None:
            parents = git("for-each-ref", "--format=%(objectname)", ref).split()
        people = {"author": by.author, "committer": by.committer or by.author}
        settings = [word for role, text in people.items() for word in _named(role, text)]
        settings += [word for setting in by.key for word in ("-c", setting)]
        before = [word for parent in parents for word in ("-p", parent)]
        made = git(*settings, "commit-tree", *(["-S"] if by.key else []), *before, "-m", by.message, tree).strip()
        git("update-ref", ref, made)
        return made


class MemoryScribe:
    """A Scribe in memory."""

    def __init__(self, git: MemorySpecSource, url: str) -> None:
        self._git = git
        self._url = url
        self._heads: dict[str, str] = {}

    def commit(
        self, files: Mapping[str, str], by: By = _BY_ANA, *, parents: Sequence[str] | None = None, branch: str = "main"
    ) -> str:
        """The id of the commit, now the newest of the branch."""
        before = (self._heads[branch],) if branch in self._heads else ()
        commit = MemoryCommit(
            files={path: text.encode() for path, text in files.items()},
            parents=before if parents is None else tuple(parents),
            author=by.author,
            committer=by.committer or by.author,
            message=by.message,
        )
        made = self._heads[branch] = self._git.add(self._url, commit, ref=branch)
        for key in by.key:
            self._git.sign(made, key)
        return made


def _named(role: str, text: str) -> list[str]:
    name, _, rest = text.partition("<")
    return ["-c", f"{role}.name={name.strip()}", "-c", f"{role}.email={rest.rstrip('>')}"]


def a_rollout(revision: str, name: str = "checkout", *, soak: str = "10m", namespace: str = "") -> str:
    """The YAML of a Rollout that asks for `revision`."""
    place = f"{{name: {name}, namespace: {namespace}}}" if namespace else f"{{name: {name}}}"
    return (
        f"apiVersion: rollout.dev/v1alpha1\nkind: Rollout\nmetadata: {place}\nspec:\n  revision: {revision}\n"
        f'  backend: {{service: "{name}-{{revision}}"}}\n  routes: [{{kind: HTTPRoute, name: {name}}}]\n'
        f'  workload: {{kind: Deployment, name: "{name}-{{revision}}"}}\n'
        f"  steps: [{{weight: 20, soak: {soak}, approval: releases}}]\n"
        '  objectives: [{name: errors, kind: error-ratio, max: "1%"}]\n'
    )
