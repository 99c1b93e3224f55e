"""What does a page in the Prometheus text format say?

https://prometheus.io/docs/instrumenting/exposition_formats/, text format 0.0.4. A histogram is what it is on the wire: the
series NAME_bucket (label le), NAME_sum and NAME_count.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

LINE = re.compile(r"(?P<name>[a-zA-Z_:][\w:]*)\s*(?:\{(?P<labels>.*)\})?\s+(?P<value>\S+)(?:\s+-?\d+)?\s*")
LABEL = re.compile(r'\s*(?P<name>[a-zA-Z_]\w*)\s*=\s*"(?P<value>(?:[^"\\]|\\.)*)"\s*(?:,|$)')
ESCAPE = re.compile(r"\\(.)")


class ExpositionError(ValueError):
    """A page is not in the Prometheus text format; says which line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One line of a page."""

    name: str
    labels: Mapping[str, str]
    value: float


def parse(page: str) -> Iterator[Sample]:
    """The samples of a page in its order; comments and empty lines are skipped. Raises ExpositionError."""
    for number, line in enumerate(page.splitlines(), start=1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        found = LINE.fullmatch(text)
        if found is None:
            raise ExpositionError(f"line {number} is not a sample: {text[:100]}")
        try:
            value = float(found["value"])  # Python reads +Inf, -Inf and NaN as Prometheus writes them
        except ValueError as error:
            raise ExpositionError(f"line {number}: {found['value']} is not a number") from error
        yield Sample(name=found["name"], labels=dict(labels(found["labels"] or "", number)), value=value)


def labels(text: str, number: int = 1) -> Iterator[tuple[str, str]]:
    """The pairs of `a="x",b="y"`, escapes undone."""
    position = 0
    while position < len(text):
        found = LABEL.match(text, position)
        if found is None:
            raise ExpositionError(f"line {number}: labels end in {text[position : position + 40]!r}")
        yield found["name"], unescaped(found["value"])
        position = found.end()


def unescaped(text: str) -> str:
    r"""The text with \\, \" and \n undone."""
    return ESCAPE.sub(lambda found: {"n": "\n"}.get(found[1], found[1]), text)
