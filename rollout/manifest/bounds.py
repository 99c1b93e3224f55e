"""Is a duration that a person wrote within what makes sense?"""

from collections.abc import Iterator
from datetime import timedelta

from rollout.manifest.data import Path
from rollout.manifest.errors import Problem
from rollout.manifest.quantities import duration, duration_text


def between(text: str | None, path: Path, low: timedelta, high: timedelta) -> Iterator[Problem]:
    """A problem when a duration that is given is not from `low` to `high`."""
    if text is not None and not low <= duration(text) <= high:
        message = f"{path[-1]} {text} is not between {duration_text(low)} and {duration_text(high)}"
        yield Problem(path=path, message=message)
