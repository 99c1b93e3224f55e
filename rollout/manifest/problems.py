"""What does a failed validation say in words that a person can act on?"""

import re
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from rollout.manifest.data import Json, Path
from rollout.manifest.errors import Problem
from rollout.manifest.schema import at, structural

MOST = 100  # more problems than this in one object help nobody
_MOST_SHOWN = 60  # characters of a wrong value
_CREDENTIALS = re.compile(r"://[^/]*@")  # in a URL: what is said about it ends in conditions, Events and logs

# fields that people may look for, and that are refused with a reason of their own
REFUSED: Mapping[str, str] = {
    **dict.fromkeys(
        ("uid", "resourceVersion", "generation", "creationTimestamp", "managedFields", "selfLink"),
        "set by the API server; leave it out",
    ),
    "status": "belongs to the controller, not to git; leave it out",
}


def problems_of(error: ValidationError, form: type[BaseModel], prefix: Path) -> list[Problem]:
    """Everything pydantic found, each with its path under `prefix`, in the order of the fields."""
    schema = structural(form)
    found = error.errors(include_url=False)[:MOST]
    return [Problem(path=(*prefix, *_path(detail)), message=_message(detail, schema)) for detail in found]


def did_you_mean(word: str, known: list[str]) -> str:
    """`; did you mean steps?`, or the list of what is known when nothing is near."""
    near = get_close_matches(word, known, n=1, cutoff=0.6)
    if near:
        return f"; did you mean {near[0]}?"
    return f"; known here: {', '.join(known)}" if known else ""


def shown(value: Json) -> str:
    """A wrong value as people wrote it, bounded in length."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict | list):
        return "a mapping" if isinstance(value, dict) else "a list"
    text = _CREDENTIALS.sub("://***@", repr(value).strip("'")) if isinstance(value, str) else str(value)
    return text if len(text) <= _MOST_SHOWN else text[:_MOST_SHOWN] + "..."


def _path(detail: ErrorDetails) -> Path:
    return tuple(part for part in detail["loc"] if part != "[key]")


def _message(detail: ErrorDetails, schema: Mapping[str, Any]) -> str:
    path = _path(detail)
    describe = _MESSAGES.get(detail["type"])
    if describe is not None:
        return describe(detail, path, schema)
    if detail["type"] in _TYPES:
        quoted = "; put it in quotes" if _TYPES[detail["type"]] == "text" and _is_plain(detail["input"]) else ""
        return f"{_named(path)} is {_kind(detail['input'])}, expected {_TYPES[detail['type']]}{quoted}"
    return f"{_named(path)} {shown(detail['input'])}: {detail['msg'].lower()}"


def _missing(_: ErrorDetails, path: Path, schema: Mapping[str, Any]) -> str:
    about = at(schema, path).get("description", "")
    return f"{_named(path)} is missing{f': {about[0].lower()}{about[1:]}' if about else ''}".rstrip(".")


def _unknown(_: ErrorDetails, path: Path, schema: Mapping[str, Any]) -> str:
    field = str(path[-1])
    if field in REFUSED:
        return f"{field}: {REFUSED[field]}"
    return f"unknown field {field}{did_you_mean(field, sorted(at(schema, path[:-1]).get('properties', {})))}"


def _not_listed(detail: ErrorDetails, path: Path, schema: Mapping[str, Any]) -> str:
    known = [str(value) for value in at(schema, path).get("enum", [])]
    value = detail["input"]
    hint = did_you_mean(value, known) if isinstance(value, str) else f"; known here: {', '.join(known)}"
    return f"{_named(path)} {shown(value)} is not known{hint}"


def _text(detail: ErrorDetails, path: Path, _: Mapping[str, Any]) -> str:
    if detail["loc"][-1] == "[key]":
        return f"the key {shown(detail['input'])} {detail['msg']}"
    return f"{_named(path)} {shown(detail['input']) or 'is empty, which'} {detail['msg']}"


def _limit(detail: ErrorDetails, path: Path, _: Mapping[str, Any]) -> str:
    context = detail.get("ctx", {})
    if "le" in context:
        return f"{_named(path)} {shown(detail['input'])} is more than {context['le']}"
    return f"{_named(path)} {shown(detail['input'])} is less than {context['ge']}"


def _length(detail: ErrorDetails, path: Path, _: Mapping[str, Any]) -> str:
    context = detail.get("ctx", {})
    bound = f"at most {context['max_length']}" if "max_length" in context else f"at least {context['min_length']}"
    return f"{_named(path)} has {context.get('actual_length')} entries, expected {bound}"


_MESSAGES: Mapping[str, Callable[[ErrorDetails, Path, Mapping[str, Any]], str]] = {
    "missing": _missing,
    "extra_forbidden": _unknown,
    "literal_error": _not_listed,
    "text_unexpected": _text,
    "text_too_long": _text,
    "greater_than_equal": _limit,
    "less_than_equal": _limit,
    "too_long": _length,
    "too_short": _length,
    "none_required": _unknown,
}
_TYPES: Mapping[str, str] = {
    "string_type": "text",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "bool_type": "true or false",
    "list_type": "a list",
    "tuple_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
}


def _named(path: Path) -> str:
    """The field by its own name; an entry of a list by the list's name and its place."""
    last = path[-1] if path else "spec"
    return f"{path[-2]}[{last}]" if isinstance(last, int) and len(path) > 1 else str(last)


def _is_plain(value: Json) -> bool:
    return isinstance(value, bool | int | float)


def _kind(value: Json) -> str:
    match value:
        case None:
            return "empty"
        case bool():
            return f"the truth value {str(value).lower()}"
        case int() | float():
            return f"the number {value}"
        case str():
            return f"the text {shown(value)}"
    return shown(value)
