"""Whose change is it, where nobody can ask git?"""

from policies.approval import Authors
from rollout.model.names import Key

NO_GIT = "no git repository is read here, so nobody can tell who wrote it"


class KnownAuthors:
    """`ChangeAuthors` from memory: unproven until somebody tells. asked: every question, in order."""

    def __init__(self) -> None:
        self.asked: list[tuple[Key, str]] = []
        self._known: dict[tuple[Key, str], Authors] = {}

    def tell(self, key: Key, revision: str, authors: Authors) -> None:
        """From now on that is whose change it is."""
        self._known[key, revision] = authors

    async def of(self, key: Key, revision: str) -> Authors:
        """What was told; else unproven, and why."""
        self.asked.append((key, revision))
        return self._known.get((key, revision), Authors(unproven=NO_GIT))

    def is_asking(self, _: Key) -> bool:
        """Never: memory answers at once."""
        return False
