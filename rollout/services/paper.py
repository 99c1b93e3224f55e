"""How does text look on what it is written on: a terminal, a pipe, a web page?

Colour and symbols only where the paper has them, lines wrapped only where somebody looks at them; all else gets whole
plain lines.
"""

import re
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

_COLOURS = {"good": 32, "bad": 31, "waiting": 33, "held": 33, "faint": 90, "strong": 1}  # ECMA-48, SGR
_COLOURED = re.compile("\033\\[[0-9;]*m")
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
        if not self.colour or tone not in _COLOURS:
            return text
        return f"\033[{_COLOURS[tone]}m{text}\033[0m"

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


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Lines with aligned columns, three spaces between them, as kubectl prints."""
    lines = [tuple(header), *(tuple(row) for row in rows)]
    widths = [max(len(uncoloured(line[column])) for line in lines) for column in range(len(header))]
    return [
        "   ".join(_padded(cell, width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    ]


def _padded(cell: str, width: int) -> str:
    return cell + " " * (width - len(uncoloured(cell)))


def uncoloured(text: str) -> str:
    """The text without its colours."""
    return _COLOURED.sub("", text)


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


def drawn(on: Paper, branches: Sequence["Branch"], prefix: str = "") -> list[str]:
    """Lines of a tree below its root."""
    lines = []
    for number, branch in enumerate(branches, start=1):
        is_last = number == len(branches)
        lines.append(prefix + on.symbol("last" if is_last else "branch") + branch.text)
        lines += drawn(on, branch.below, prefix + on.symbol("gap" if is_last else "trunk"))
    return lines


@dataclass(frozen=True, slots=True, kw_only=True)
class Branch:
    """A line of a tree and what hangs below it."""

    text: str
    below: tuple["Branch", ...] = ()
