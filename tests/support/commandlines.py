"""Which processes does this machine run, and what stands on their command lines?"""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest


def command_lines() -> list[bytes]:
    """The command lines of all processes."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it ended meanwhile
            found.append((folder / "cmdline").read_bytes())
    return found


@contextmanager
def watched() -> Iterator[set[bytes]]:
    """All command lines that were seen, and those that are seen while it is open."""
    seen: set[bytes] = set()
    done = threading.Event()

    def look() -> None:
        while not done.wait(0.001):
            seen.update(command_lines())

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield seen
    finally:
        done.set()
        thread.join()


async def comes_true(check: Callable[[], bool], otherwise: str) -> None:
    """Return once `check` is true; the test fails with `otherwise` when it never is."""
    for _ in range(1000):
        if check():
            return
        await asyncio.sleep(0.01)
    pytest.fail(otherwise)


def names_on_a_command_line(words: str) -> bool:
    """Whether any process of this machine still has `words` on its command line."""
    return any(words.encode() in line for line in command_lines())
