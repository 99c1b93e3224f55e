"""How does a test read one repository over real HTTP with a password, and over real SSH?"""

from dataclasses import dataclass

import pytest

from adapters.git.source import GitSpecSource
from rollout.model.source import GitSource, Snapshot
from rollout.ports.errors import Rejected
from rollout.ports.sources import Credentials


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """The URL of shop.git in the test's folder, and what its server wants to hear."""

    url: str
    credentials: Credentials


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """What reads it."""

    git: GitSpecSource
    credentials: Credentials

    async def head(self, source: GitSource) -> str:
        """As SpecSource."""
        return await self.git.head(source, self.credentials)

    async def read(self, source: GitSource, commit: str) -> Snapshot:
        """As SpecSource."""
        return await self.git.read(source, self.credentials, commit)


async def refusal(git: Reader, source: GitSource, commit: str = "") -> str:
    """Why the source, or what it holds, is refused: for good, not for another try."""
    with pytest.raises(Rejected) as caught:
        await git.read(source, commit or await git.head(source))
    return str(caught.value)
