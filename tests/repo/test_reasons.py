"""Does the page of reasons know every reason that the controller gives?"""

import re
from pathlib import Path

from rollout.migration.stages import Trigger
from rollout.migration.telling import NEEDS_A_PERSON

ROOT = Path(__file__).parents[2]
SOURCES = [path for name in ("progression", "migration", "services") for path in ROOT.glob(f"rollout/{name}/*.py")]
# Of the evidence for STRICT, the parts whose words nobody is told: looks are summed up in CoverageIncomplete.
UNTOLD = {"NoLook", "LookIsOld", "LookBackOwed", "NotSoaked", "SoakAlone"}
MOVES = {str(trigger) for trigger in Trigger}


def given() -> set[str]:
    """Every code that a Reason is made with, and every code of a judgement."""
    codes = {code for file in SOURCES for code in re.findall(r'code="(\w+)"', file.read_text())}
    judged = [ROOT / "policies" / "slo.py", ROOT / "policies" / "sequential" / "standing.py"]
    judged.append(ROOT / "rollout" / "progression" / "judging.py")
    shapes = (r'Verdict\.\w+, "(\w+)"', r'_inconclusive\("(\w+)"')
    verdicts = {code for file in judged for shape in shapes for code in re.findall(shape, file.read_text())}
    return codes | verdicts | (held() - UNTOLD) | MOVES


def held() -> set[str]:
    """Every code that the evidence for STRICT holds a namespace with."""
    files = [*ROOT.glob("policies/soak*.py"), *ROOT.glob("policies/ledger*.py")]
    return {code for file in files for code in re.findall(r'Hold\(\s*"(\w+)"', file.read_text())}


def explained(chapter: str = "") -> set[str]:
    """The codes in the first column of the page's tables, or of one chapter's."""
    page = (ROOT / "docs" / "reasons.md").read_text()
    page = page.split(f"\n## {chapter}\n")[1].split("\n## ")[0] if chapter else page
    cells = [line.split("|")[1] for line in page.splitlines() if line.startswith("| ")]
    return {code.strip() for cell in cells for code in cell.split(",") if code.strip() != "code"}


def test_every_reason_is_explained_with_what_to_do() -> None:
    codes = given()

    assert len(codes) > 30
    assert codes - explained() == set()


def test_no_reason_is_explained_that_is_never_given() -> None:
    assert explained() - given() - {"StableUnknown"} == set()  # given by its constant


def test_what_nobody_is_told_is_a_code_all_the_same() -> None:
    assert held() >= UNTOLD


def test_the_page_has_the_holds_of_a_migration_where_the_controller_has_them() -> None:
    assert explained("A migration waits for a person") >= NEEDS_A_PERSON
    assert not explained("A migration waits for something else") & NEEDS_A_PERSON


def test_the_page_has_every_move_of_a_namespace() -> None:
    assert explained("Moves of a namespace") == MOVES
