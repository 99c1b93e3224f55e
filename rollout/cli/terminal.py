"""How does text look on this terminal, or where there is none?

Colour only on a terminal that wants it (NO_COLOR, TERM=dumb), symbols only where the encoding has them, lines wrapped
only where somebody looks at them; a pipe gets whole plain lines.
"""

import json
import os
import re
import shutil
import sys
from collections.abc import Mapping
from typing import Any, TextIO

import click

from rollout.services.paper import Paper

# Control characters but tab and line break, and what turns the direction of text; `ours`: a colour as Paper writes it.
_OBEYED = re.compile(
    "(?P<ours>\033\\[(?:0|1|31|32|33|90)m)|[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]"
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
    click.echo(harmless(text).encode(encoding, errors="replace").decode(encoding), color=True)


def harmless(text: str) -> str:
    """The text with what a terminal would obey spelled as JSON has it, but for our own colours.

    Texts come from whoever may write a reason or a spec; a pipe gets the same, since somebody looks at it in the end.
    """
    return _OBEYED.sub(lambda found: found["ours"] or f"\\u{ord(found[0]):04x}", text)


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
