"""Which manifest files does a command line name?"""

import sys
from collections.abc import Iterator
from pathlib import Path

from rollout.cli.errors import Exit, StoppedError

_ENDINGS = (".yaml", ".yml", ".json")


def manifests(paths: tuple[str, ...]) -> list[tuple[str, bytes]]:
    """Path and content of each named file, and of every .yaml, .yml and .json below a named folder, hidden ones passed over.

    `-` is stdin. StoppedError when one cannot be read, or there is none.
    """
    found: dict[str, bytes] = {}
    for path in paths:
        if path == "-":
            found["stdin"] = sys.stdin.buffer.read()
            continue
        for file in _files(Path(path)):
            found[str(file)] = _content(file)
    if not found:
        raise StoppedError(
            Exit.USAGE, f"no .yaml, .yml or .json file in {', '.join(paths)}", hint="name a file, or its folder"
        )
    return list(found.items())


def _files(path: Path) -> Iterator[Path]:
    if not path.is_dir():
        yield path
        return
    for file in sorted(path.rglob("*")):
        hidden = any(part.startswith(".") for part in file.relative_to(path).parts)
        if file.suffix in _ENDINGS and file.is_file() and not hidden:
            yield file


def _content(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise StoppedError(Exit.USAGE, f"{file}: {error.strerror or error}", code="Unreadable") from error
