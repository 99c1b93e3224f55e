"""Does the dashboard keep to what a browser is told of it, and can its files be read at once?"""

import re
from pathlib import Path

import pytest

from tests.repo.tree import ROOT, files, where

STATIC = ROOT / "rollout" / "web" / "static"
LONGEST = 300
LONGEST_FUNCTION = 40
# What makes text into more than text. Text from git and Kubernetes becomes text nodes, and nothing else.
MAKES_MARKUP = re.compile(
    r"\b(innerHTML|outerHTML|insertAdjacentHTML|setHTMLUnsafe|setHTML|srcdoc|createContextualFragment|DOMParser|parseFromString"
    r"|eval|Function|execCommand)\b\s*[(=+.]|document\.write|new Function|javascript:(?!['\"]?\.)"
)
# What the Content-Security-Policy forbids: it would be seen in a browser only, and late.
INLINE = re.compile(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=|<base|<iframe|<object|<embed", re.IGNORECASE)
STYLE_ATTRIBUTE = re.compile(r"setAttribute\(\s*['\"]style|cssText")
ELSEWHERE = re.compile(r"""(?:https?:)?//[\w.-]+\.\w+|@import|url\(""")
NAMESPACES = ("http://www.w3.org/2000/svg",)
STARTS = re.compile(
    r"^(?:export )?(?:async )?function\*? \w+|^  (?:static )?(?:async )?#?\w+\([^)]*\) \{$", re.MULTILINE
)


def static(*suffixes: str) -> list[Path]:
    """Files of the dashboard."""
    return [path for path in files() if path.parent == STATIC and path.suffix in suffixes]


def lines_with(pattern: re.Pattern[str], *suffixes: str) -> list[str]:
    """`path:line` of each line of code that the pattern is in; comments say what is not done."""
    return [
        f"{where(path)}:{number}"
        for path in static(*suffixes)
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if not line.lstrip().startswith(("//", "*", "/*")) and pattern.search(line)
    ]


def test_no_script_makes_markup_out_of_text() -> None:
    assert lines_with(MAKES_MARKUP, ".js") == []


@pytest.mark.parametrize(
    "line",
    [
        "node.innerHTML = words",
        "node.insertAdjacentHTML('beforeend', words)",
        "document.write(words)",
        "eval(words)",
        "new Function(words)",
        "new DOMParser().parseFromString(words)",
        "link.href = 'javascript:alert(1)'",
    ],
)
def test_a_line_that_makes_markup_is_noticed(line: str) -> None:
    assert MAKES_MARKUP.search(line)


def test_no_markup_has_script_or_style_in_it() -> None:
    assert lines_with(INLINE, ".html") == []
    assert lines_with(STYLE_ATTRIBUTE, ".js") == []


def test_nothing_is_loaded_from_another_place() -> None:
    found = lines_with(ELSEWHERE, ".js", ".css", ".html", ".svg")
    own = [place for place in found if any(name in line_at(place) for name in NAMESPACES)]

    assert sorted(set(found) - set(own)) == []


def line_at(place: str) -> str:
    path, _, number = place.rpartition(":")
    return (ROOT / path).read_text(encoding="utf-8").splitlines()[int(number) - 1]


def test_no_file_of_the_dashboard_is_too_long_to_be_read_at_once() -> None:
    lengths = {
        where(path): len(path.read_text(encoding="utf-8").splitlines()) for path in static(".js", ".css", ".html")
    }

    assert {path: length for path, length in lengths.items() if length > LONGEST} == {}
    assert len(lengths) > 10


def test_no_function_of_the_dashboard_is_too_long_to_be_read_at_once() -> None:
    long = {f"{where(path)}: {name}": length for path in static(".js") for name, length in functions(path)}

    assert {place: length for place, length in long.items() if length > LONGEST_FUNCTION} == {}


def functions(path: Path) -> list[tuple[str, int]]:
    """Name and length of each function and method that begins a line: they end at the brace in the same column."""
    text = path.read_text(encoding="utf-8")
    found = []
    for start in STARTS.finditer(text):
        indent = re.match(r" *", start[0])
        end = re.compile(rf"^{indent[0] if indent else ''}}}", re.MULTILINE).search(text, start.end())
        found.append((start[0].strip(), text.count("\n", start.start(), end.end() if end else len(text)) + 1))
    return found


def test_every_script_and_sheet_says_which_question_it_answers() -> None:
    firsts = {where(path): path.read_text(encoding="utf-8").split("\n\n")[0] for path in static(".js", ".css")}

    assert [place for place, first in firsts.items() if not first.startswith(("//", "/*")) or "?" not in first] == []
