"""How does a name get into PromQL without changing what the query means?

String literals and comments are told from the rest by the lexical rules of PromQL: "..." and '...' with backslash
escapes, `...` without any, and # to the end of the line.
"""

import re
from collections.abc import Mapping

PLACEHOLDERS = ("revision", "namespace", "name")
PLAIN = re.compile(r"[a-zA-Z0-9_.:-]+")
PLACEHOLDER = re.compile(r"\{(" + "|".join(PLACEHOLDERS) + r")\}")
LITERAL = re.compile(
    r"""(?P<comment>\#[^\n]*)
    |(?P<sign>=~|!~)?\s*(?P<text>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`[^`]*`)""",
    re.VERBOSE | re.DOTALL,
)
SPECIAL = re.compile(r"[\\.+*?()|\[\]{}^$]")  # what RE2 does not take for itself


class PromqlError(ValueError):
    """A query that cannot be asked safely; says why."""


def quoted(text: str) -> str:
    """`text` as a PromQL string literal."""
    return f'"{_escaped(text, chr(34))}"'


def any_of(*texts: str) -> str:
    """A regular expression that matches exactly these texts."""
    return "|".join(literal(text) for text in texts)


def literal(text: str) -> str:
    """A regular expression that matches exactly `text`."""
    return SPECIAL.sub(lambda found: "\\" + found[0], text)


def filled(query: str, values: Mapping[str, str]) -> str:
    """`query` with its placeholders replaced; raises PromqlError.

    Inside a string literal a value is escaped, and made a literal expression where =~ or !~ stands before it. Outside,
    only plain values ([a-zA-Z0-9_.:-]) are let in. Braces that hold no placeholder stay as they are.
    """
    parts: list[str] = []
    position = 0
    for found in LITERAL.finditer(query):
        parts.append(_filled_outside(query[position : found.start()], values))
        parts.append(found[0] if found["comment"] else _filled_literal(found, values))
        position = found.end()
    return "".join([*parts, _filled_outside(query[position:], values)])


def checked_matchers(selector: str) -> str:
    """`selector` when it is nothing but label matchers; raises PromqlError for what could end their braces."""
    bare = LITERAL.sub(lambda found: found["comment"] or "", selector)
    if any(sign in bare for sign in "{}[]()\"'`#"):
        raise PromqlError(f'selector {selector!r} is no list of label matchers such as app="checkout",version="v2"')
    return selector.strip().removesuffix(",")


def _filled_outside(text: str, values: Mapping[str, str]) -> str:
    for quote in ('"', "'", "`"):
        if quote in text:
            raise PromqlError(f"a string that {quote} begins does not end: {text.strip()[:60]}")
    for name in PLACEHOLDER.findall(text):
        if not PLAIN.fullmatch(values[name]):
            raise PromqlError(f"{{{name}}} is {values[name]!r}, which may stand in quotes only: put quotes around it")
    return PLACEHOLDER.sub(lambda found: values[found[1]], text)


def _filled_literal(found: re.Match[str], values: Mapping[str, str]) -> str:
    """A string literal, with the sign before it, and its placeholders replaced."""
    quote = found["text"][0]

    def written(placeholder: re.Match[str]) -> str:
        value = values[placeholder[1]]
        value = literal(value) if found["sign"] else value
        if quote != "`":
            return _escaped(value, quote)
        if "`" in value:
            raise PromqlError(f"{placeholder[0]} is {value!r}, which cannot stand in backticks: use double quotes")
        return value

    return PLACEHOLDER.sub(written, found[0])


def _escaped(text: str, quote: str) -> str:
    return text.replace("\\", "\\\\").replace(quote, "\\" + quote).replace("\n", "\\n").replace("\r", "\\r")
