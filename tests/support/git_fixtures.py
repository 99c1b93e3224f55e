"""What does a test find that reads from git: a repository, a GitSource that names it, and what reads it?

A file in which one of them is different has a fixture of its own of that name.
"""

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from adapters.git.allowed import Urls
from adapters.git.source import GitSpecSource
from rollout.model.names import Key
from rollout.model.source import GitSource
from tests.support.repos import Repository


def git_source(url: str, **changes: Any) -> GitSource:
    """The GitSource shop/apps; `changes` replaces whole fields."""
    return replace(GitSource(key=Key(namespace="shop", name="apps"), url=url), **changes)


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    """The repository shop.git of the test's folder, which `git_http` and `git_ssh` serve."""
    return Repository(tmp_path / "shop.git")


@pytest.fixture
def source(repository: Repository) -> GitSource:
    """It by its file URL."""
    return git_source(repository.url)


@pytest.fixture
async def git(tmp_path: Path) -> AsyncIterator[GitSpecSource]:
    """What reads it, also from servers on loopback."""
    specs = GitSpecSource(tmp_path / "cache", urls=Urls(file=True))
    yield specs
    await specs.close()


@pytest.fixture
def mark(tmp_path: Path) -> Iterator[Path]:
    """The file that every attack tries to make; it must not be there in the end, nor its like in the working folder."""
    path = tmp_path / "pwned"
    yield path
    assert not path.exists()
    assert not Path("pwned").exists()
