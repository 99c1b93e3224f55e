"""How does text look on this terminal, or where there is none?

Colour only on a terminal that wants it (NO_COLOR, TERM=dumb), symbols only where the encoding has them, lines wrapped
only where somebody looks at them; a pipe gets whole plain lines.
"""

import json
import os
import shutil
import sys
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TextIO

import click

_COLOURS = {"good": "green", "bad": "red", "waiting": "yellow", "faint": "bright_black", "strong": ""}
_SYMBOLS = {
    "good": ("✔", "ok"),
    "bad": ("✖", "x"),
    "waiting": ("◷", "~"),
    "held": ("॥", "||"),
    "arrow": ("→", "->"),
    "branch": ("├─ ", "|- "),
    "last": ("└─ ", "`- "),
    "trunk": ("│  ", "|  "),
    "gap": ("   ", "   "),
}
_TONES = {
    "Idle": "good",
    "Progressing": "waiting",
    "Promoting": "waiting",
    "Paused": "held",
    "RollingBack": "bad",
    "Failed": "bad",
    "PASS": "good",
    "FAIL": "bad",
    "INCONCLUSIVE": "waiting",
    "Promoted": "good",
    "Aborted": "bad",
    "Done": "good",
    "Excepted": "good",
    "Blocked": "bad",
    "FallingBack": "bad",
    "FallenBack": "bad",
    "RolledBack": "bad",
    "block": "bad",
    "warn": "waiting",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Paper:
    """What one writes on. width: columns to wrap at, 0 for never; live: whether what was written can be redrawn."""

    colour: bool = False
    live: bool = False
    symbols: bool = True
    width: int = 0

    def styled(self, text: str, tone: str) -> str:
        """`text` in the colour of a tone: good, bad, waiting, held, faint, strong."""
        if not self.colour or tone not in (*_COLOURS, "held"):
            return text
        if tone == "strong":
            return click.style(text, bold=True)
        return click.style(text, fg=_COLOURS.get(tone, "yellow"))

    def toned(self, word: str) -> str:
        """A phase, verdict or outcome in its colour."""
        return self.styled(word, _TONES.get(word, ""))

    def symbol(self, name: str) -> str:
        """A symbol, or its letters where the encoding has none."""
        sign, letters = _SYMBOLS[name]
        return sign if self.symbols else letters

    def mark(self, word: str) -> str:
        """The symbol of a phase, verdict or outcome, in its colour."""
        tone = _TONES.get(word, "waiting")
        return self.styled(self.symbol(tone), tone)

    def wrapped(self, text: str, indent: int = 0) -> str:
        """`text` with its further lines indented; whole where nobody looks."""
        if not self.width or len(text) <= self.width:
            return text
        width = max(self.width, indent + 20)
        return textwrap.fill(
            text, width, subsequent_indent=" " * indent, break_long_words=False, break_on_hyphens=False
        )


def paper(stream: TextIO | None = None) -> Paper:
    """What a stream can show; stdout unless another is given."""
    stream = stream or sys.stdout
    is_terminal = stream.isatty()
    encoding = (getattr(stream, "encoding", "") or "ascii").lower().replace("-", "")
    columns = os.environ.get("COLUMNS", "")
    width = int(columns) if columns.isascii() and columns.isdigit() else 0
    live = is_terminal and os.environ.get("TERM") != "dumb"
    return Paper(
        colour=live and not os.environ.get("NO_COLOR"),
        live=live,
        symbols=encoding in ("utf8", "utf16"),
        width=width or (shutil.get_terminal_size().columns if is_terminal else 0),
    )


def say(text: str) -> None:
    """Write a line; letters that the encoding lacks become question marks."""
    encoding = getattr(sys.stdout, "encoding", None) or "ascii"
    # click strips colour by itself where stdout is no terminal; Paper has decided already.
    click.echo(text.encode(encoding, errors="replace").decode(encoding), color=True)


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Lines with aligned columns, three spaces between them, as kubectl prints."""
    lines = [tuple(header), *(tuple(row) for row in rows)]
    widths = [max(len(click.unstyle(line[column])) for line in lines) for column in range(len(header))]
    return [
        "   ".join(_padded(cell, width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    ]


def _padded(cell: str, width: int) -> str:
    return cell + " " * (width - len(click.unstyle(cell)))


def tree(paper_: Paper, branches: Sequence["Branch"], prefix: str = "") -> list[str]:
    """Lines of a tree below its root."""
    lines = []
    for number, branch in enumerate(branches, start=1):
        is_last = number == len(branches)
        lines.append(prefix + paper_.symbol("last" if is_last else "branch") + branch.text)
        lines += tree(paper_, branch.below, prefix + paper_.symbol("gap" if is_last else "trunk"))
    return lines


@dataclass(frozen=True, slots=True, kw_only=True)
class Branch:
    """A line of a tree and what hangs below it."""

    text: str
    below: tuple["Branch", ...] = ()


def spell(value: Any, output: str) -> str:
    """A value as JSON or YAML."""
    if output == "json":
        return json.dumps(value, indent=2, ensure_ascii=False)
    import yaml

    text: str = yaml.safe_dump(value, sort_keys=False, allow_unicode=True)
    return text.rstrip("\n")


def shown_object(obj: Mapping[str, Any]) -> dict[str, Any]:
    """An object as kubectl shows it: without managedFields."""
    metadata = {name: value for name, value in obj["metadata"].items() if name != "managedFields"}
    return {**obj, "metadata": metadata}


def span(duration: timedelta) -> str:
    """A duration as kubectl has it: 45s, 5m, 3h12m, 4d; none is negative."""
    seconds = max(int(duration.total_seconds()), 0)
    if seconds < 120:
        return f"{seconds}s"
    minutes, rest = divmod(seconds, 60)
    if minutes < 10:
        return f"{minutes}m{rest}s" if rest else f"{minutes}m"
    if minutes < 180:
        return f"{minutes}m"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours}h{minutes}m" if hours < 10 and minutes else f"{hours}h"
    return f"{hours // 24}d"


def exactly(duration: timedelta) -> str:
    """A duration as specs have it: 90s, 5m, 2h, 1h30m."""
    seconds = int(duration.total_seconds())
    parts = [(seconds // 3600, "h"), (seconds % 3600 // 60, "m"), (seconds % 60, "s")]
    return "".join(f"{number}{unit}" for number, unit in parts if number) or "0s"


def age(since: datetime | None, now: datetime) -> str:
    """How long ago something was; "-" when that is not known."""
    return "-" if since is None else span(now - since)


def clock(moment: datetime) -> str:
    """A moment as people read it: 09:10:30 UTC."""
    return f"{moment:%H:%M:%S} UTC"
