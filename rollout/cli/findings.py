"""How do people, scripts and git hosts read what lint found?"""

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rollout.manifest.errors import SpecError

SEVERITY = "error"  # there are no warnings: what is not wrong is not said
_TITLE = "rollout lint"


def line(error: "SpecError") -> str:
    """One error as compilers write it, so that editors and git hosts find the place."""
    about = f"{error.about}: " if error.about else ""
    path = f" ({error.path})" if error.path else ""
    return f"{error.place or '-'}: {about}{error.message}{path}"


def rows(errors: "Sequence[SpecError]") -> list[dict[str, object]]:
    """Errors as data; a field that says nothing is "" or 0."""
    return [
        {
            "file": error.file,
            "line": error.line,
            "column": error.column,
            "path": error.path,
            "about": error.about,
            "message": error.message,
            "severity": SEVERITY,
        }
        for error in errors
    ]


def github(error: "SpecError") -> str:
    """A workflow command that GitHub shows at the line of a pull request.

    Escaping: toolkit/packages/core/src/command.ts.
    """
    numbers = [("line", error.line), ("col", error.column)]
    place = [("file", _in_repository(error.file)), *((name, str(number)) for name, number in numbers if number)]
    title = f"{_TITLE}: {error.about}" if error.about else _TITLE
    properties = ",".join(f"{name}={_property(value)}" for name, value in (*place, ("title", title)) if value)
    return f"::error {properties}::{_data(error.message + (f' ({error.path})' if error.path else ''))}"


def gitlab(errors: "Sequence[SpecError]") -> str:
    """A Code Quality report: a JSON list, [] when all is well.

    A fingerprint does not hold the line, so that an error that moves is not a new one; the same error twice in a file
    is counted.
    """
    seen: Counter[str] = Counter()
    found = []
    for error in errors:
        file = _in_repository(error.file)
        what = "\n".join((file, error.about, error.path, error.message))
        seen[what] += 1
        found.append(
            {
                "description": f"{error.about}: {error.message}" if error.about else error.message,
                "check_name": _TITLE.replace(" ", "-"),
                "fingerprint": hashlib.sha256(f"{what}\n{seen[what]}".encode()).hexdigest(),
                "severity": "major",
                "location": {"path": file, "lines": {"begin": max(error.line, 1)}},
            }
        )
    return json.dumps(found, indent=2, ensure_ascii=False)


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def _in_repository(file: str) -> str:
    """The path from the root of the repository that `file` is in, as git hosts have it; `file` where it is in none."""
    path = Path(file).resolve()
    root = next((folder for folder in path.parents if (folder / ".git").exists()), None)
    if root is not None and file:
        return path.relative_to(root).as_posix()
    return Path(file).as_posix() if file else ""
