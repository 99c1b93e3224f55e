"""What happens when a real server is not on this machine?

With CI=true the test fails; elsewhere it is skipped, and the last lines of the run say how to get the server.
"""

import os
from collections.abc import Callable, Iterable
from typing import TypeVar

import pytest

MARK = "no real server here: "

Found = TypeVar("Found")


class ServerMissingError(Exception):
    """A server that tests need cannot be had here; says which and how to get it."""

    def __init__(self, what: str, how_to_get: str) -> None:
        super().__init__(f"{MARK}{what} -- {how_to_get}")
        self.what = what
        self.how_to_get = how_to_get


def obtained(find: Callable[[], Found]) -> Found:
    """What `find` returns; a ServerMissingError from it fails the test under CI=true and skips it elsewhere."""
    try:
        return find()
    except ServerMissingError as missing:
        if os.environ.get("CI") == "true":
            pytest.fail(str(missing), pytrace=False)
        pytest.skip(str(missing))  # not silent: the run's last lines tell how to get it (tests/conftest.py), CI fails


def advice(skip_reasons: Iterable[str]) -> list[str]:
    """One line for each missing server named in the reasons of skipped tests, sorted."""
    return sorted({reason.split(MARK, 1)[1].strip() for reason in skip_reasons if MARK in reason})
