"""Is the map in tests/README.md true: does each test that it names exist, and is nothing left out?"""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.support.golden import GOLDEN

ROOT = Path(__file__).parents[2]
TESTS = ROOT / "tests"
# Bullets of each chapter of what was asked for: every one has lines of its own in the map.
COUNTS = "0:5 1:4 2:4 3:4 4:3 5:3 6:1 7:3 8:2 9:4 10:1 11:5 12:9 13:4 14:11 15:5 done:5"
BULLETS = {chapter: int(count) for chapter, _, count in (pair.partition(":") for pair in COUNTS.split())}
ROW = re.compile(r"\| ((?:\d+\.\d+|done)\.\d+) (.+?) \| (.+) \|")
TEST_ID = re.compile(r"`([^`]+)::([^`]+)`")
STORIES = (
    "promotion",
    "rollback",
    "abort_and_retry",
    "pause_and_resume",
    "approval_wait",
    "promote_past_a_gate_refused",
    "new_revision_mid_run",
    "template_changed_mid_run",
    "return_to_stable",
    "no_data",
    "prometheus_outage",
    "drift_healed",
    "hand_edit_towards_stable",
    "workload_not_available",
    "capacity_missing",
    "first_deployment",
    "adoption_of_an_unversioned_service",
    "stable_vanishes_with_pass",
    "stable_vanishes_with_fail",
    "overlap_of_backends",
    "revert_after_promotion",
    "restart_is_no_new_run",
    "stable_template_changed",
    "conflict_while_lowering",
    "deletion_mid_run",
    "restart_mid_run",
    "one_of_two_routes_refuses",
    "judged_promotion",
    "judged_auto",
    "judged_bad_at_5_percent",
    "judged_slow_leak",
    "judged_late_fault",
    "judged_fault_in_bake",
    "judged_idle_canary",
    "judged_burst",
    "judged_low_traffic",
    "incident_held",
    "incident_of_the_canary",
)


def rows() -> Iterator[tuple[str, str]]:
    """Number and tests of each claim, as the map has them."""
    for line in (TESTS / "README.md").read_text().splitlines():
        found = ROW.fullmatch(line)
        if found:
            yield found[1], found[3]


def named() -> list[tuple[str, str]]:
    """File and test of everything that the map names."""
    return sorted({(file, test) for _, tests in rows() for file, test in TEST_ID.findall(tests)})


@cache
def kept_in(file: str) -> frozenset[str]:
    """Names of the tests of a file: functions, `Class::method`, classes, and state machines' test cases."""
    path = ROOT / file
    return frozenset(_tests(ast.parse(path.read_text()))) if path.is_file() else frozenset()


def _tests(tree: ast.Module) -> Iterator[str]:
    for node in tree.body:
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) if name.startswith("test_"):
                yield name
            case ast.ClassDef(name=name) if name.startswith("Test"):
                yield name
                inside = (item.name for item in node.body if isinstance(item, ast.FunctionDef | ast.AsyncFunctionDef))
                yield from (f"{name}::{method}" for method in inside if method.startswith("test_"))
            case ast.Assign(targets=[ast.Name(id=name)]) if name.startswith("Test"):
                yield name
            case _:
                pass


@pytest.mark.parametrize(("file", "test"), named(), ids=str)
def test_a_test_that_the_map_names_exists(file: str, test: str) -> None:
    known = kept_in(file)

    assert known if test == "*" else test in known, f"tests/README.md names {file}::{test}, which does not exist"


@pytest.mark.parametrize(("number", "tests"), [pytest.param(*row, id=row[0]) for row in rows()])
def test_a_claim_has_a_test_or_says_why_not(number: str, tests: str) -> None:
    assert TEST_ID.search(tests) or re.search(r"not yet: \S+", tests), f"{number} has neither"


def test_no_claim_is_there_twice() -> None:
    counted = Counter(number for number, _ in rows())

    assert [number for number, times in counted.items() if times > 1] == []


def test_every_line_of_the_map_is_read() -> None:
    lines = (TESTS / "README.md").read_text().split("## The map")[1].splitlines()
    unread = [line for line in lines if line.startswith("|") and not ROW.fullmatch(line)]

    assert set(unread) == {"| claim | tests |", "|---|---|"}


@pytest.mark.parametrize("bullet", [f"{chapter}.{n}" for chapter, last in BULLETS.items() for n in range(1, last + 1)])
def test_every_bullet_has_its_lines(bullet: str) -> None:
    numbers = [number for number, _ in rows()]

    assert any(number == bullet or number.startswith(f"{bullet}.") for number in numbers)


@pytest.mark.parametrize("story", STORIES)
def test_every_story_that_was_asked_for_is_told(story: str) -> None:
    told = "".join(path.read_text() for path in sorted((TESTS / "sequences").glob("test_*.py")))

    assert (GOLDEN / f"{story}.txt").is_file()
    assert f'same_story("{story}"' in told
