"""What is plain data, and how is a place in it named?"""

from typing import Any

Json = Any  # what JSON can carry: dict, list, str, int, float, bool or None
Path = tuple[str | int, ...]


def path_text(path: Path) -> str:
    """`spec.steps[1].weight`: a path as people and kubectl write it."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}"
    return text.removeprefix(".")
