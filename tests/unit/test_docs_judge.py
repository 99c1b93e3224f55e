"""Does the page about the judge show what works?"""

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from policies.sequential import latency, pacing, proof, standing, weighing
from rollout.manifest.parse import parse_object
from rollout.model.rollout import Auto
from rollout.progression import incidents, learning
from tests.support.builders import a_rollout_manifest
from tests.support.cli import a_release_at

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "judge.md").read_text(encoding="utf-8")
COMMANDS = [line.removeprefix("$ rollout ") for line in PAGE.splitlines() if line.startswith("$ rollout ")]
BLOCKS = [yaml.safe_load(text) for text in re.findall(r"^```yaml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)]


def shown_objectives() -> list[list[dict[str, Any]]]:
    return [block["objectives"] for block in BLOCKS if "objectives" in block]


async def test_the_commands_of_the_page_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    async with a_release_at(tmp_path) as terminal:
        results = [(command, await terminal.type(*command.split())) for command in COMMANDS]

    assert len(results) >= 6
    assert [(command, result.err) for command, result in results if result.code] == []


def test_the_rollout_of_the_page_is_read() -> None:
    (manifest,) = (block for block in BLOCKS if "kind" in block)

    spec = parse_object(manifest)

    assert spec.auto == Auto(max=50, min_duration=timedelta(minutes=5))


@pytest.mark.parametrize("objectives", shown_objectives())
def test_the_objectives_of_the_page_are_read(objectives: list[dict[str, Any]]) -> None:
    spec = parse_object(a_rollout_manifest(objectives=objectives))

    assert [entry.name for entry in spec.objectives] == [entry["name"] for entry in objectives]


def test_the_defaults_that_the_page_tells_are_those_of_the_forms() -> None:
    told = dict(re.findall(r"^\| `((?:auto|analysis)\.\w+)` \| `?([\w.%]+)`? \|", PAGE, re.MULTILINE))
    spec = parse_object(
        a_rollout_manifest(without=("steps",), auto={}, objectives=[{"name": "e", "kind": "error-ratio", "max": "1%"}])
    )

    assert spec.auto is not None
    assert told == {
        "auto.max": str(spec.auto.max),
        "auto.minDuration": f"{spec.auto.min_duration.seconds // 60}m",
        "analysis.falseRollback": f"{spec.analysis.false_rollback:.0%}",
        "analysis.harmBudget": str(spec.analysis.harm_budget),
        "analysis.minRequests": str(spec.analysis.min_requests),
        "analysis.interval": f"{spec.analysis.interval.seconds}s",
    }


@pytest.mark.parametrize(
    ("told", "is_so"),
    [
        ("twice\n  stable's record", weighing.ABOVE_RECORD == 2),
        ("at least three bad requests", standing.FEWEST == 3),
        ("the evidence against the canary is 5 or more", standing.SUSPICIOUS == 5),
        ("needs the opposite proof, at 5 %", proof.LEVEL == 0.05),
        ("react (30 s)", pacing.REACTION == 30),
        ("that three\n  minutes at the highest weight can prove", pacing.PROOF_SECONDS == 180),
        ("less than twice what is usual for stable", pacing.NO_WORSE == 2),
        ("0.5 to 50 % of stable's requests exceed, four at most", (latency.RARE, latency.OFTEN) == (0.005, 0.5)),
        ("four at most", latency.MOST == 4),
        ("fewer than 1.75 x stable's slow requests", latency.LIMIT == 1.75),
        ("within 1 to 10 %", (pacing.FIRST_LEAST, pacing.FIRST_MOST) == (0.01, 0.1)),
        ("2.5 x as high", pacing.GROWTH == 2.5),
        ("(30 % below 10 requests per second)", (pacing.LOW_TOP, pacing.LOW_TRAFFIC) == (0.3, 10)),
        ("lasts 45 s", timedelta(seconds=45) == learning.SOAK),
        ("it begins with 5 %", pacing.CAREFUL == 0.05),
        ("stable's last hour", timedelta(hours=1) == learning.LOOK_BACK),
        ("held for 3 min at most", timedelta(minutes=3) == incidents.HELD),
        ("normal for 10 min", timedelta(minutes=10) == incidents.NORMAL_FOR),
    ],
)
def test_the_numbers_of_the_page_are_those_of_the_judge(told: str, is_so: bool) -> None:
    assert told in PAGE
    assert is_so
