"""How does a text become part of a Slack message without being more than text?

What comes from git or Kubernetes is one line, escaped and cut to Slack's limits: nothing in it can mention somebody, link
somewhere or look like a line of ours.
"""

import unicodedata
from collections.abc import Sequence
from typing import Any

from rollout.ports.people import Card

Block = dict[str, Any]
LONGEST_SECTION, LONGEST_CONTEXT = 3000, 600  # the first is Slack's own limit
_UNWANTED = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})  # among them what turns the direction of text
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}


def escaped(text: str, most: int) -> str:
    """One line of at most `most` characters in which Slack sees no markup of its own: no mention, link or entity."""
    out: list[str] = []
    room, gap = most - 1, ""
    for char in text:
        if char.isspace():
            gap = " " if out else ""
        elif _is_shown(char):
            piece = gap + _ENTITIES.get(char, char)
            room, gap = room - len(piece), ""
            if room < 0:
                return "".join(out) + "…"
            out.append(piece)
    return "".join(out) or "-"


def _is_shown(char: str) -> bool:
    return unicodedata.category(char) not in _UNWANTED


def note(text: str) -> Card:
    """A sentence that may hold what came from elsewhere."""
    line = escaped(text, LONGEST_SECTION)
    return Card(text=line, blocks=(section([line]),))


def line_alone(line: str) -> Card:
    """A line of ours in mrkdwn, with nothing else."""
    return Card(text=line, blocks=(section([line]),))


def section(lines: Sequence[str]) -> Block:
    """Lines of mrkdwn; the last ones are left out where they are too many."""
    # verbatim: Slack makes no links of what looks like one
    text = "\n".join(lines)
    while len(text) > LONGEST_SECTION:
        lines = lines[:-1]
        text = "\n".join(lines)
    return {"type": "section", "text": {"type": "mrkdwn", "text": text, "verbatim": True}}


def context(line: str) -> Block:
    """A line of mrkdwn in small letters."""
    return {"type": "context", "elements": [{"type": "mrkdwn", "text": line[:LONGEST_CONTEXT], "verbatim": True}]}
