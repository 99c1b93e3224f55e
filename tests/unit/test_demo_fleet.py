"""Is the story of the fleet's demo what the controller can tell, and does it say when it does not happen?"""

from datetime import UTC, datetime
from functools import partial
from itertools import pairwise
from pathlib import Path

import pytest
import yaml

from rollout.cli.fleet_story import MIGRATION, WORDS, WORKLOADS, Story, event, spoken
from rollout.cli.telling import Teller, UnfinishedError
from rollout.manifest.lint import lint
from rollout.migration.stages import FORWARD, TRANSITIONS
from rollout.model.migration_marks import PlaintextCaller
from rollout.model.status import Reason
from rollout.wiring.embedded_fleet import embedded_fleet
from rollout.wiring.shipped import NAMESPACE


def test_a_controller_accepts_the_migration_of_the_demo() -> None:
    content = yaml.safe_dump(dict(MIGRATION)).encode()

    assert lint((("migration.yaml", content),), namespace=NAMESPACE) == []
    assert [name for wave in MIGRATION["spec"]["waves"] for name in wave["namespaces"]] == list(WORKLOADS)


def test_every_step_of_the_way_has_its_words() -> None:
    forward = {
        trigger for stage, after in pairwise(FORWARD) for trigger, to in TRANSITIONS[stage].items() if to is after
    }

    assert forward == set(WORDS)


def test_what_goes_wrong_is_told_in_the_words_of_the_controller(capsys: pytest.CaptureFixture[str]) -> None:
    event(Teller(6), "pay", Reason(code="FallenBack", message="pay: takes plaintext again", warning=True))

    assert capsys.readouterr().out.endswith("s  pay    takes plaintext again\n")


def test_what_was_broken_is_told_without_the_names_of_stages(capsys: pytest.CaptureFixture[str]) -> None:
    broken = Reason(code="LimitBroken", message="pay: Strict -> FallingBack: 2 were refused: by b", warning=True)

    event(Teller(6), "pay", broken)

    assert capsys.readouterr().out.endswith("s  pay    2 were refused: by b\n")


def test_a_hold_that_ends_by_itself_is_no_line(capsys: pytest.CaptureFixture[str]) -> None:
    event(Teller(6), "pay", Reason(code="NeighbourChanging", message="pay: waits"))

    assert capsys.readouterr().out == ""


async def test_a_story_that_does_not_happen_says_what_is_missing(tmp_path: Path) -> None:
    teller = Teller(6)

    async with embedded_fleet(tmp_path / "kubeconfig", partial(event, teller)) as fleet:
        with pytest.raises(UnfinishedError, match="there is not shop in Observing"):
            await Story(fleet, teller, patience_s=0).play()


@pytest.mark.parametrize(("source", "who"), [("", "somebody without a proxy"), ("10.0.9.9", "10.0.9.9")])
def test_a_caller_is_named_by_what_is_known(source: str, who: str) -> None:
    last = datetime(2026, 11, 21, 9, 0, 5, tzinfo=UTC)

    said = spoken(PlaintextCaller(workload="web", source=source, calls=3, last=last))

    assert said == f"{who} called shop/web 3 times, the last time at 09:00:05"
