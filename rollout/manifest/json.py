"""Which events of YAML's parser does a JSON text amount to, each with its line and column?

JSON is nearly YAML, but not quite: tabs, `\\/` and pairs of surrogates are JSON's own, and its mistakes (a comma too many,
a comment, NaN) deserve JSON's words. So `yaml.py` builds JSON from these events under the same limits.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

_SPACE = re.compile(r"[ \t\r\n]*")
_PIECE = re.compile(r"[^\s,\]}]{1,20}|.")
_TOKEN = re.compile(
    r"""(?P<sign>[{}\[\],:])
    |(?P<text>"(?:[^"\\\x00-\x1f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*")
    |(?P<plain>(?:-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?|true|false|null)(?![-+.\w]))""",
    re.VERBOSE,
)
_VALUE = ("text", "plain", "{", "[")
_KEY = ("text",)
_KEY_OR_END = ("text", "}")
_NAMES = {"text": "a key in double quotes", "end": "the end of the file"}


class JsonError(Exception):
    """The text is not JSON from `mark` on."""

    def __init__(self, message: str, mark: yaml.Mark) -> None:
        super().__init__(message)
        self.message = message
        self.mark = mark


@dataclass(frozen=True, slots=True, kw_only=True)
class _Token:
    kind: str  # text, plain, end, or the sign itself
    text: str
    mark: yaml.Mark


def events(text: str) -> Iterator[Any]:
    """PyYAML's events of the one document that a JSON text is; none for an empty text. Raises JsonError."""
    opened: list[str] = []
    wanted: tuple[str, ...] = ("end", *_VALUE)
    start = _mark(0, 0)
    for token in _tokens(text):
        if token.kind not in wanted:
            raise JsonError(f"this is not JSON: {_shown(token)} where {_listed(wanted)} is expected", token.mark)
        if token.kind == "end":
            if "{" not in wanted:  # there was a value
                yield yaml.DocumentEndEvent(token.mark, token.mark, explicit=False)
            return
        if wanted[:1] == ("end",) and "{" in wanted:
            yield yaml.DocumentStartEvent(start, start, explicit=False)
        yield from _event(token)
        wanted = _after(token.kind, wanted, opened)


def _event(token: _Token) -> Iterator[Any]:
    mark = token.mark
    match token.kind:
        case "{":
            yield yaml.MappingStartEvent(None, None, True, mark, mark, flow_style=True)
        case "[":
            yield yaml.SequenceStartEvent(None, None, True, mark, mark, flow_style=True)
        case "}":
            yield yaml.MappingEndEvent(mark, mark)
        case "]":
            yield yaml.SequenceEndEvent(mark, mark)
        case "text":
            yield yaml.ScalarEvent(None, None, (False, True), _text(token), mark, mark, style='"')
        case "plain":
            yield yaml.ScalarEvent(None, None, (True, False), token.text, mark, mark)


def _after(kind: str, wanted: tuple[str, ...], opened: list[str]) -> tuple[str, ...]:
    """What may come after a token; `opened` is brought up to date."""
    if kind == "{":
        opened.append("}")
        return _KEY_OR_END
    if kind == "[":
        opened.append("]")
        return (*_VALUE, "]")
    if kind == ":" or (kind == "," and opened[-1] == "]"):
        return _VALUE
    if kind == ",":
        return _KEY
    if wanted in (_KEY, _KEY_OR_END) and kind == "text":
        return (":",)
    if kind in ("}", "]"):
        opened.pop()
    return (",", opened[-1]) if opened else ("end",)


def _tokens(text: str) -> Iterator[_Token]:
    """All tokens, and one of kind `end`."""
    position = line = begins = 0  # `begins`: where the line does; no token but space holds a line's end
    while True:
        space = _SPACE.match(text, position)
        position = space.end() if space else position
        if space and "\n" in space[0]:
            line, begins = line + space[0].count("\n"), space.start() + space[0].rindex("\n") + 1
        mark = _mark(line, position - begins)
        if position == len(text):
            yield _Token(kind="end", text="", mark=mark)
            return
        match = _TOKEN.match(text, position)
        if match is None:
            piece = _PIECE.match(text, position)
            raise JsonError(f"this is not JSON: {piece[0] if piece else ''} cannot be read", mark)
        yield _Token(kind=match["sign"] or str(match.lastgroup), text=match[0], mark=mark)
        position = match.end()


def _mark(line: int, column: int) -> yaml.Mark:
    """A place in the text, counted from 0."""
    return yaml.Mark("", 0, line, column, None, 0)


def _text(token: _Token) -> str:
    value: str = json.loads(token.text)
    if any("\ud800" <= letter <= "\udfff" for letter in value):
        raise JsonError("half of a pair of surrogates is no letter; write the letter itself", token.mark)
    return value


def _shown(token: _Token) -> str:
    return _NAMES.get(token.kind, "") if token.kind == "end" else token.text[:20]


def _listed(wanted: tuple[str, ...]) -> str:
    return " or ".join(
        dict.fromkeys("a value" if kind in _VALUE and "{" in wanted else _named(kind) for kind in wanted)
    )


def _named(kind: str) -> str:
    return _NAMES.get(kind, kind)
