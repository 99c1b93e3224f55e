"""Does the page of reasons know every reason that the controller gives?"""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCES = [*ROOT.glob("rollout/progression/*.py"), *ROOT.glob("rollout/services/*.py")]


def given() -> set[str]:
    """Every code that a Reason is made with, and every code of a judgement."""
    codes = {code for file in SOURCES for code in re.findall(r'code="(\w+)"', file.read_text())}
    judged = [ROOT / "policies" / "slo.py", ROOT / "policies" / "sequential" / "standing.py"]
    judged.append(ROOT / "rollout" / "progression" / "judging.py")
    shapes = (r'Verdict\.\w+, "(\w+)"', r'_inconclusive\("(\w+)"')
    return codes | {code for file in judged for shape in shapes for code in re.findall(shape, file.read_text())}


def explained() -> set[str]:
    """The codes in the first column of the page's tables."""
    page = (ROOT / "docs" / "reasons.md").read_text()
    cells = [line.split("|")[1] for line in page.splitlines() if line.startswith("| ")]
    return {code.strip() for cell in cells for code in cell.split(",") if code.strip() != "code"}


def test_every_reason_is_explained_with_what_to_do() -> None:
    codes = given()

    assert len(codes) > 30
    assert codes - explained() == set()


def test_no_reason_is_explained_that_is_never_given() -> None:
    assert explained() - given() - {"StableUnknown"} == set()  # given by its constant
