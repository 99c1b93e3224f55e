"""What does a status look like in the object, and what is refused when it is read?"""

import json
from dataclasses import replace

import pytest

from policies.verdict import Verdict
from rollout.manifest.errors import SpecError
from rollout.manifest.status import status_from_dict, status_to_dict
from rollout.model.rollout import Mode
from rollout.model.status import RolloutStatus
from tests.support.builders import NOON, a_full_status, a_run, a_status, a_verdict
from tests.support.recorded import objects


def test_a_full_status_reads_back_as_it_was_written() -> None:
    status = a_full_status()

    assert status_from_dict(status_to_dict(status)) == status


def test_what_people_look_at_stands_at_the_top() -> None:
    written = status_to_dict(a_status(run=a_run(weight=5)))

    shown = {name: written[name] for name in ("phase", "stableRevision", "canaryRevision", "run", "weight", "step")}
    assert shown == {
        "phase": "Progressing",
        "stableRevision": "v1",
        "canaryRevision": "v2",
        "run": 1,
        "weight": 5,
        "step": 1,
    }
    assert (written["steps"], written["template"]) == (2, "template-v2")
    assert written["stepStartedAt"] == "2026-11-21T12:00:00Z"


def test_what_a_run_can_prove_is_shown_and_how_the_judge_knows_is_not() -> None:
    written = status_to_dict(a_full_status())

    kept = written["machine"]["run"]
    assert written["outlook"] == "can prove <= 0.3% failed, in about 6 min at 50 rps"
    assert [entry["objective"] for entry in kept["judged"]] == ["errors", "slow", "logins", "payments"]
    assert kept["incident"] == {
        "since": "2026-11-21T12:00:00Z",
        "until": "2026-11-21T12:02:00Z",
        "count": 2,
        "over": True,
    }


def test_four_full_checkpoints_make_a_status_little_larger_than_they_are() -> None:
    status = a_full_status()
    assert status.run is not None
    without = replace(status, run=replace(status.run, judged=()))

    more = len(json.dumps(status_to_dict(status))) - len(json.dumps(status_to_dict(without)))

    assert [len(kept.state) for kept in status.run.judged] == [1024] * 4
    assert 4 * 1024 < more < 5 * 1024


@pytest.mark.parametrize("place", ["memory", "real"])
def test_a_status_of_the_version_before_is_read_without_a_memory_of_the_judge(place: str) -> None:
    kept = [entry for entry in objects("v0_1_0", place, NOON) if entry["kind"] == "Rollout"]
    assert kept

    for entry in kept:
        run = status_from_dict(entry["status"]).run
        assert run is not None
        assert (run.judged, run.outlook, run.incident) == ((), "", None)
        assert run.step == entry["status"]["step"]


def test_backends_are_written_as_people_name_them() -> None:
    written = status_to_dict(a_full_status())

    assert written["added"][0]["backend"] == "checkout/v2"
    assert written["machine"]["stable"] == {"backend": "checkout-v1", "template": "template-v1"}


def test_conditions_are_those_of_kubernetes() -> None:
    (condition,) = status_to_dict(a_full_status())["conditions"]

    assert condition == {
        "type": "Ready",
        "status": "Unknown",
        "reason": "Progressing",
        "message": "step 1",
        "lastTransitionTime": "2026-11-21T12:00:00Z",
    }


def test_conditions_are_there_when_there_are_none() -> None:
    assert status_to_dict(RolloutStatus())["conditions"] == []


def test_the_verdict_is_the_worst_that_decides() -> None:
    observed = a_verdict(Verdict.FAIL, name="orders", mode=Mode.OBSERVE)

    written = status_to_dict(a_status(verdicts=(a_verdict(Verdict.PASS), observed)))

    assert written["verdict"] == "PASS"


@pytest.mark.parametrize("nothing", [{}, None])
def test_no_status_is_one_without_memory(nothing: dict[str, object] | None) -> None:
    assert status_from_dict(nothing or {}) == RolloutStatus()


@pytest.mark.parametrize(
    ("change", "machine", "said"),
    [
        ({"holdings": 1}, {}, "status.holdings"),
        ({"phase": "Dreaming"}, {}, "status.phase"),
        ({}, {"dreams": []}, "status.dreams"),
        ({"weight": "5"}, {}, "status.run.weight"),
    ],
)
def test_what_this_version_does_not_know_is_refused(
    change: dict[str, object], machine: dict[str, object], said: str
) -> None:
    written = status_to_dict(a_full_status())
    machine = {**written["machine"], **machine}

    with pytest.raises(SpecError) as caught:
        status_from_dict({**written, "machine": machine, **change})

    assert said in str(caught.value)


def test_a_canary_without_the_rest_of_its_run_is_refused() -> None:
    with pytest.raises(SpecError, match="cannot read the status"):
        status_from_dict({"phase": "Idle", "canaryRevision": "v2"})


def test_reading_leaves_the_object_alone() -> None:
    written = status_to_dict(a_full_status())

    status_from_dict(written)

    assert written == status_to_dict(a_full_status())
