"""How is the past of a repository wired to `rollout lint --since`?"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from adapters.git.history import LocalHistory


@contextmanager
def history(place: Path) -> "Iterator[LocalHistory]":
    """The past of the repository that `place` is in; NotFound when it is in none."""
    from adapters.git.history import LocalHistory

    found = LocalHistory(place)
    try:
        yield found
    finally:
        found.close()
