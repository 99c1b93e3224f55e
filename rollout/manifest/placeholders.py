"""Which placeholders may free text hold?"""

import re
from collections.abc import Iterator

from rollout.manifest.data import Path
from rollout.manifest.errors import Problem
from rollout.manifest.problems import did_you_mean

KNOWN = ("revision", "namespace", "name")
_PLACEHOLDER = re.compile(r"\{\s*([A-Za-z_][A-Za-z0-9_.]*)\s*\}")


def unknown_placeholders(text: str, path: Path) -> Iterator[Problem]:
    """A problem for each `{word}` that is none of ours; PromQL's own braces always hold more than a word."""
    for match in _PLACEHOLDER.finditer(text):
        word = match[1]
        if match[0] != f"{{{word}}}" or word not in KNOWN:
            hint = did_you_mean(word, list(KNOWN))
            yield Problem(path=path, message=f"unknown placeholder {match[0]}{hint}")
