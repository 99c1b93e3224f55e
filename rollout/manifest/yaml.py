"""How does YAML that nobody vouches for become plain data, every value with its line?

One scan over the parser's events builds the documents and stops at the first limit, so nothing grows that a limit
forbids: an alias is never followed and nesting never recurses. Scalars follow the core schema of YAML 1.2: `no`, `on`
and `12:30:45` are text, `010` is ten.
"""

import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from rollout.manifest import json
from rollout.manifest.data import Json, Path, path_text
from rollout.manifest.errors import SpecError, SpecErrors

Event = Any  # PyYAML's, from C or from Python: alike in use, unrelated in types
Mark = Any

MAX_BYTES = 256 * 1024
MAX_DEPTH = 64
MAX_DOCUMENTS = 100
MAX_NODES = 50_000
MAX_NUMBER = 40  # characters; longer ones are text that somebody forgot to quote

_TAG = "tag:yaml.org,2002:"
_INTEGER = re.compile(r"[-+]?[0-9]+")
_OCTAL = re.compile(r"0o[0-7]+")
_HEX = re.compile(r"0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NOT_JSON = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_WORDS: Mapping[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_CORE: Mapping[str, type | tuple[type, ...]] = {
    "null": type(None),
    "bool": bool,
    "int": int,
    "float": (int, float),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One YAML document as JSON-like data. lines: of every key and list item, by path; () is the document's own."""

    data: Json
    lines: Mapping[Path, int]

    def line(self, path: Path) -> int:
        """The line of `path`, or of the nearest thing around it that is written down."""
        while path not in self.lines:
            path = path[:-1]
        return self.lines[path]


@dataclass(slots=True, kw_only=True)
class _Open:
    """A mapping or list whose end was not read yet. key: of the value to come, None when a key is to come."""

    value: dict[str, Any] | list[Any]
    path: Path
    key: str | None = None


class _Refused(Exception):
    """path: of what is refused; None where it is the value to come, () where the file as a whole is meant."""

    def __init__(self, message: str, mark: Mark, path: Path | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.mark = mark
        self.path = path


def documents(content: bytes, file: str = "") -> tuple[Document, ...]:
    """All documents of a file, also empty ones; a file whose name ends in .json is read as JSON. Raises SpecErrors with file, line and column."""
    if len(content) > MAX_BYTES:
        raise _errors(f"the file has {len(content)} bytes, at most {MAX_BYTES} are read; split it", file)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise _errors("the file is not UTF-8; save it as UTF-8", file, line) from error
    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml is 7 times as fast, but not in every build
    try:
        return tuple(_built(json.events(text) if file.endswith(".json") else yaml.parse(text, Loader=loader)))
    except _Refused as error:
        place = {"line": error.mark.line + 1, "column": error.mark.column + 1}
        raise SpecErrors([SpecError(error.message, path=path_text(error.path or ()), file=file, **place)]) from error
    except json.JsonError as error:
        raise _errors(error.message, file, error.mark.line + 1, error.mark.column + 1) from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        what = ", ".join(part for part in (error.context, error.problem) if part)
        line, column = (mark.line + 1, mark.column + 1) if mark else (0, 0)
        raise _errors(f"this is not YAML: {what}", file, line, column) from error
    except yaml.YAMLError as error:
        raise _errors(f"this is not YAML: {' '.join(str(error).split())}", file) from error


def _errors(message: str, file: str, line: int = 0, column: int = 0) -> SpecErrors:
    return SpecErrors([SpecError(message, file=file, line=line, column=column)])


def _built(events: Iterator[Any]) -> Iterator[Document]:
    building = _Building()
    count = 0
    for event in events:
        match event:
            case yaml.DocumentStartEvent():
                count += 1
                if count > MAX_DOCUMENTS:
                    raise _Refused(f"more than {MAX_DOCUMENTS} documents; split the file", event.start_mark, ())
                building = _Building()
            case yaml.DocumentEndEvent():
                yield Document(data=building.root, lines=building.lines)
            case _:
                building.take(event)


@dataclass(slots=True)
class _Building:
    """One document on its way."""

    root: Json = None
    lines: dict[Path, int] = field(default_factory=lambda: {(): 1})
    opened: list[_Open] = field(default_factory=list)
    nodes: int = 0

    def take(self, event: Event) -> None:
        """Go on by one event; what is refused gets its path."""
        try:
            if isinstance(event, yaml.NodeEvent):
                self._node(event)
            elif isinstance(event, yaml.CollectionEndEvent):
                self.opened.pop()
        except _Refused as refused:
            refused.path = self._here() if refused.path is None else refused.path
            raise

    def _node(self, event: Event) -> None:
        """Take the next scalar, or the start of a mapping or list."""
        self.nodes += 1
        if self.nodes > MAX_NODES:
            raise _Refused(f"more than {MAX_NODES} values; split the file", event.start_mark, ())
        if isinstance(event, yaml.AliasEvent):
            raise _Refused("aliases are not read; write the value out", event.start_mark)
        if event.anchor is not None:
            raise _Refused("anchors are not read; write the value out each time", event.start_mark)
        if self._is_key(event):
            self._key(event)
            return
        path = self._path(event.start_mark.line + 1)
        if isinstance(event, yaml.ScalarEvent):
            self._put(_scalar(event))
            return
        if len(self.opened) >= MAX_DEPTH:
            raise _Refused(f"nested deeper than {MAX_DEPTH}", event.start_mark, ())
        _check_tag(event)
        value: dict[str, Any] | list[Any] = {} if isinstance(event, yaml.MappingStartEvent) else []
        self._put(value)
        self.opened.append(_Open(value=value, path=path))

    def _is_key(self, event: Event) -> bool:
        inside = self.opened[-1] if self.opened else None
        if inside is None or isinstance(inside.value, list) or inside.key is not None:
            return False
        if not isinstance(event, yaml.ScalarEvent):
            raise _Refused("a key must be text, not a list or mapping", event.start_mark)
        return True

    def _key(self, event: Event) -> None:
        inside = self.opened[-1]
        key = _scalar(event)
        if not isinstance(key, str):
            raise _Refused(f"the key {event.value or 'null'} must be text: put it in quotes", event.start_mark)
        if key == "<<" and not event.style:
            raise _Refused("merge keys are not read; write the fields out", event.start_mark)
        if key in inside.value:
            path = (*inside.path, key)
            message = f"the key {key} is here twice, first in line {self.lines[path]}; remove one"
            raise _Refused(message, event.start_mark, path)
        inside.key = key
        self.lines[(*inside.path, key)] = event.start_mark.line + 1

    def _path(self, line: int) -> Path:
        """The path of the value to come; its line is noted where no key has done so."""
        if not self.opened:
            self.lines[()] = line
            return ()
        inside = self.opened[-1]
        path = self._here()
        if isinstance(inside.value, list):
            self.lines[path] = line
        return path

    def _here(self) -> Path:
        """The path of the value to come, or of the mapping whose key is to come."""
        if not self.opened:
            return ()
        inside = self.opened[-1]
        if isinstance(inside.value, list):
            return (*inside.path, len(inside.value))
        return inside.path if inside.key is None else (*inside.path, inside.key)

    def _put(self, value: Json) -> None:
        if not self.opened:
            self.root = value
            return
        inside = self.opened[-1]
        if isinstance(inside.value, list):
            inside.value.append(value)
        else:
            inside.value[inside.key or ""] = value
            inside.key = None


def _check_tag(event: Event) -> None:
    wanted = "map" if isinstance(event, yaml.MappingStartEvent) else "seq"
    if event.tag not in (None, "!", _TAG + wanted):
        raise _Refused(f"the tag {event.tag} is not known; remove it", event.start_mark)


def _scalar(event: Event) -> Json:
    """The value of a scalar by the core schema; a tag it carries must agree."""
    tag: str | None = event.tag
    if tag in ("!", _TAG + "str") or (tag is None and event.style):
        return event.value
    value = _resolved(event)
    if tag is None:
        return value
    wanted = _CORE.get(tag.removeprefix(_TAG)) if tag.startswith(_TAG) else None
    if wanted is None or not isinstance(value, wanted):
        raise _Refused(f"{event.value!r} with the tag {tag} cannot be read; remove the tag", event.start_mark)
    return value


def _resolved(event: Event) -> Json:
    text: str = event.value
    if text in _WORDS:
        return _WORDS[text]
    if _NOT_JSON.fullmatch(text):
        raise _Refused(f"{text} is no number that JSON can carry", event.start_mark)
    for pattern, number in _NUMBERS:
        if pattern.fullmatch(text):
            value = number(text) if len(text) <= MAX_NUMBER else math.inf
            if math.isinf(value):
                raise _Refused(f"{text[:MAX_NUMBER]} is too large a number; quote it if it is text", event.start_mark)
            return value
    return text


_NUMBERS: tuple[tuple[re.Pattern[str], Callable[[str], int | float]], ...] = (
    (_INTEGER, int),
    (_OCTAL, lambda text: int(text, 0)),
    (_HEX, lambda text: int(text, 0)),
    (_FLOAT, float),
)
