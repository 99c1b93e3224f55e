"""How does the controller, which runs for weeks, do without libraries that it never uses?"""

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import cast


def slim_log() -> None:
    """Load the log's library as if rich were not installed: 3 MiB, for tracebacks in colours that no line of ours has."""
    with _hidden("rich"):
        importlib.import_module("structlog")


@contextmanager
def _hidden(name: str) -> Iterator[None]:
    """What is imported meanwhile finds no module of this name."""
    if name in sys.modules:
        yield
        return
    sys.modules[name] = cast("ModuleType", None)
    try:
        yield
    finally:
        del sys.modules[name]
