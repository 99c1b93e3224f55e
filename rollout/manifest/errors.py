"""What is wrong in a manifest, where, and what was expected instead?"""

from collections.abc import Iterable
from dataclasses import dataclass

from rollout.manifest.data import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Something wrong at `path` of an object, before it is known in which file the object stands."""

    path: Path
    message: str


class SpecError(Exception):
    """A person fixes the manifest. file is "" and line 0 where they are not known; column 0 where it says nothing.

    about: kind and name of the object, or "namespace/name"; "" when the file as a whole is meant.
    """

    def __init__(
        self, message: str, *, about: str = "", path: str = "", file: str = "", line: int = 0, column: int = 0
    ) -> None:
        super().__init__(message)
        self.message = message
        self.about = about
        self.path = path
        self.file = file
        self.line = line
        self.column = column

    @property
    def place(self) -> str:
        """`file:line`, as editors and git hosts read it; "" where the file is not known."""
        numbers = [str(number) for number in (self.line, self.column) if number]
        return ":".join([self.file, *numbers]) if self.file else ""

    def __str__(self) -> str:
        where = ", ".join(part for part in (self.path, self.place) if part)
        text = f"{self.about}: {self.message}" if self.about else self.message
        return f"{text} ({where})" if where else text


class SpecErrors(Exception):
    """All that is wrong in a file or a commit, in the order of files and lines; never empty."""

    def __init__(self, errors: Iterable[SpecError]) -> None:
        self.errors = tuple(errors)
        super().__init__("\n".join(str(error) for error in self.errors))
