"""Which files does the project consist of, and how are they read?"""

import ast
import subprocess
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PRODUCT = ("rollout", "policies", "adapters", "webhooks")
FOREIGN = {
    ROOT / "tests/bench/detection_sim.py"
}  # the judges' common yardstick: one file that runs alone, kept as it is
Function = ast.FunctionDef | ast.AsyncFunctionDef


@cache
def files() -> tuple[Path, ...]:
    """Every file that git has or would take: ignored ones are no part of the project."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return tuple(sorted(path for name in set(listed.split("\0")) if name and (path := ROOT / name).is_file()))


def modules(*folders: str) -> list[Path]:
    """Our Python files below these top-level folders."""
    own = (path for path in files() if path.suffix == ".py" and path not in FOREIGN)
    return [path for path in own if path.relative_to(ROOT).parts[0] in folders]


def pages() -> list[Path]:
    """Markdown files."""
    return [path for path in files() if path.suffix == ".md"]


@cache
def parsed(path: Path) -> ast.Module:
    """A Python file as a syntax tree."""
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def functions(path: Path) -> Iterator[Function]:
    """Every function of a file, nested ones too."""
    yield from _functions(parsed(path).body)


def _functions(body: Sequence[ast.AST]) -> Iterator[Function]:
    for node in body:  # statements alone: most of a tree is expressions, in which none is defined
        if isinstance(node, Function):
            yield node
        for inside in ("body", "orelse", "finalbody", "handlers", "cases"):
            yield from _functions(getattr(node, inside, []))


def public_functions(path: Path) -> Iterator[Function]:
    """Functions and methods that others may call: no underscore in their own name or their class's."""
    yield from _public(parsed(path).body)


def _public(body: list[ast.stmt]) -> Iterator[Function]:
    for node in body:
        if isinstance(node, Function) and not node.name.startswith("_"):
            yield node
        elif isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            yield from _public(node.body)


def where(path: Path, node: ast.stmt | None = None) -> str:
    """`path:line`, as editors open it."""
    place = str(path.relative_to(ROOT))
    return f"{place}:{node.lineno}" if node else place
