"""Does every file keep to the house rules?"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from tests.repo.tree import PRODUCT, ROOT, Function, files, functions, modules, parsed, public_functions, where

LONGEST_FILE = 330
LONGEST_FUNCTION = 45
MOST_PARAMETERS = 6
VAGUE_NAMES = {"utils", "helpers", "common", "base", "manager"}
TOP_LEVEL = {
    ".ci",
    ".editorconfig",
    ".gitignore",
    ".pre-commit-config.yaml",
    "LICENSE",
    "Makefile",
    "README.md",
    "adapters",
    "deploy",
    "docs",
    "policies",
    "pyproject.toml",
    "requirements.lock",
    "rollout",
    "tests",
    "webhooks",
}
WITH_A_PAGE = ("rollout", "policies", "adapters", "webhooks", "deploy", "tests")
# Each pattern is put together from parts, so that this file keeps to its own rules.
UNFINISHED = re.compile(r"\b(TO" + r"DO|FIX" + r"ME|XX" + r"X)\b")
SILENCED = re.compile(r"#\s*(no" + r"qa|type:\s*ig" + "nore)")
MOCKED = re.compile(r"unittest" + r"\.mock|from unittest import mo" + "ck|Magic" + "Mock|mocker" + r"\.patch")
SLEPT = re.compile(r"\btime" + r"\.sleep\(|from time import .*\bsle" + "ep")
MACHINE_PATH = re.compile(r"(?<![\w.}/-])/(wo" + r"rk|ro" + r"ot|Us" + r"ers|ho" + r"me/[a-z]+)(/|\b)")
STARTS = {"rollout/cli/__main__.py", "rollout/cli/serve.py"}  # the program itself; its flags are made from the settings
TEXT = {".py", ".md", ".yaml", ".yml", ".toml", ".go", ".json", ".cfg", ".sh", ""}
GENERATED = {"requirements.lock", "go.sum"}


def everywhere() -> list[Path]:
    """All Python files."""
    return modules(*PRODUCT, "tests")


def found(pattern: re.Pattern[str], paths: list[Path]) -> list[str]:
    """`path:line` of each line that the pattern is in."""
    return [
        f"{where(path)}:{number}"
        for path in paths
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if pattern.search(line)
    ]


def texts() -> list[Path]:
    """Files that people write and read."""
    return [path for path in files() if path.suffix in TEXT and path.name not in GENERATED]


def test_no_file_is_too_long_to_be_read_at_once() -> None:
    lengths = {where(path): len(path.read_text(encoding="utf-8").splitlines()) for path in everywhere()}

    assert {path: lines for path, lines in lengths.items() if lines > LONGEST_FILE} == {}


def test_no_function_of_the_product_is_too_long_to_be_read_at_once() -> None:
    lengths = {where(path, node): lines(node) for path in modules(*PRODUCT) for node in functions(path)}

    assert {place: length for place, length in lengths.items() if length > LONGEST_FUNCTION} == {}


def lines(node: Function) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def test_no_function_of_the_product_takes_too_many_parameters() -> None:
    counts = {where(path, node): len(parameters(node)) for path in modules(*PRODUCT) for node in functions(path)}

    assert {place: count for place, count in counts.items() if count > MOST_PARAMETERS} == {}


def parameters(node: Function) -> list[str]:
    given = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
    return [argument.arg for argument in given if argument.arg not in ("self", "cls")]


def test_nothing_is_left_unfinished() -> None:
    assert found(UNFINISHED, texts()) == []


def test_no_tool_is_silenced_in_a_line() -> None:
    assert found(SILENCED, everywhere()) == []


def test_nothing_is_mocked() -> None:
    assert found(MOCKED, everywhere()) == []


def test_nothing_waits_by_sleeping_its_thread() -> None:
    assert found(SLEPT, everywhere()) == []


def test_no_file_names_a_folder_of_one_machine() -> None:
    assert found(MACHINE_PATH, texts()) == []


def test_no_module_has_a_name_that_says_nothing() -> None:
    assert [where(path) for path in everywhere() if {path.stem, path.parent.name} & VAGUE_NAMES] == []


def test_packages_hold_nothing_but_a_sentence() -> None:
    packages = [path for path in everywhere() if path.name == "__init__.py"]

    assert [where(path) for path in packages if code(path)] == []


def code(path: Path) -> list[ast.stmt]:
    """The statements after the docstring."""
    body = parsed(path).body
    return body[1:] if ast.get_docstring(parsed(path)) else body


def test_every_module_says_which_question_it_answers() -> None:
    firsts = {where(path): first_line(path) for path in everywhere() if code(path) or path.name != "__init__.py"}

    assert [place for place, line in firsts.items() if "?" not in line] == []


def first_line(path: Path) -> str:
    return (ast.get_docstring(parsed(path)) or "").partition("\n")[0]


def test_every_public_function_of_the_product_says_its_result() -> None:
    assert list(undocumented()) == []


def undocumented() -> Iterator[str]:
    for path in modules(*PRODUCT):
        for node in public_functions(path):
            if not ast.get_docstring(node):
                yield f"{where(path, node)} {node.name}"


def test_nothing_happens_when_a_module_of_the_product_is_imported() -> None:
    allowed = (ast.Import, ast.ImportFrom, ast.Assign, ast.AnnAssign, ast.ClassDef, ast.FunctionDef)
    calm = (*allowed, ast.AsyncFunctionDef, ast.If)  # `if TYPE_CHECKING` and `if __name__ == "__main__"`
    busy = [where(path, node) for path in modules(*PRODUCT) for node in code(path) if not isinstance(node, calm)]

    assert [place for place in busy if place.partition(":")[0] not in STARTS] == []


def test_the_top_level_holds_what_was_agreed() -> None:
    assert {path.relative_to(ROOT).parts[0] for path in files()} == TOP_LEVEL


def test_every_folder_says_which_question_it_answers() -> None:
    pages = {name: ROOT / name / "README.md" for name in WITH_A_PAGE}

    assert [name for name, page in pages.items() if not page.exists() or "?" not in page.read_text()] == []
