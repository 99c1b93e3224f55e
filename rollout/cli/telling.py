"""How does a demo tell its story while it happens?"""

import time
from dataclasses import dataclass, field

import click


class UnfinishedError(Exception):
    """The story did not happen; the message says what did not."""


@dataclass(slots=True)
class Teller:
    """Says what happens, one line each, with the seconds since the beginning. width: of the column that says who or where."""

    width: int
    began: float = field(default_factory=time.monotonic)

    @property
    def seconds(self) -> float:
        """Since the beginning."""
        return time.monotonic() - self.began

    def say(self, who: str, words: str) -> None:
        """One line; who: "" for nobody in particular."""
        click.echo(f"{self.seconds:5.1f} s  {who:<{self.width}} {words}")
