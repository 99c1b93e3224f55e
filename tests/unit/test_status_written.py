"""What does a status look like in the object, and what is refused when it is read?"""

import json
from dataclasses import replace

import pytest

from policies.sequential import judge
from policies.sequential.memory import LONGEST
from policies.verdict import Verdict
from rollout.manifest.errors import SpecError
from rollout.manifest.status import status_from_dict, status_to_dict
from rollout.model.rollout import Mode
from rollout.model.status import RolloutStatus
from tests.support.builders import NOON, a_full_status, a_run, a_status, a_verdict
from tests.support.judged import a_full_checkpoint
from tests.support.recorded import objects


def compact(value: object) -> str:
    """As the API server keeps it: Go's JSON, in which three signs are escaped."""
    text = json.dumps(value, separators=(",", ":"))
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


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


def test_four_full_memories_of_the_judge_take_less_than_4_kb_of_a_status() -> None:
    run = a_run(judged=tuple(a_full_checkpoint(name) for name in ("errors", "slow", "logins", "payments")))
    with_memory, without = a_status(run=run), a_status(run=replace(run, judged=()))

    more = len(compact(status_to_dict(with_memory))) - len(compact(status_to_dict(without)))

    assert [LONGEST - 40 < len(kept.state) <= LONGEST for kept in run.judged] == [True] * 4
    assert more < 4096


def test_a_memory_of_the_judge_shows_its_version_and_what_was_learnt_and_reads_back() -> None:
    run = a_run(judged=(a_full_checkpoint("errors"),))

    (entry,) = status_to_dict(a_status(run=run))["machine"]["run"]["judged"]

    assert entry["state"].startswith(f"{judge.VERSION} ")
    assert entry["learnt"].startswith("0.29% of stable's requests were bad (2123457 of 720123457, ")
    assert entry["bounds"][:3] == [0.5, 1, 5]
    assert '"bounds":[0.5,1,5,' in compact(entry)
    assert status_from_dict(status_to_dict(a_status(run=run))) == a_status(run=run)


@pytest.mark.parametrize("state", ["", "1", "1 ", "1 []", "1 W10=", "7 what another version keeps", "1 \u20ac"])
def test_a_memory_that_was_not_packed_is_left_for_the_judge_to_refuse(state: str) -> None:
    written = status_to_dict(a_status(run=a_run(judged=(a_full_checkpoint("errors"),))))
    written["machine"]["run"]["judged"][0]["state"] = state

    run = status_from_dict(written).run

    assert run is not None
    assert [kept.state for kept in run.judged] == [state]


@pytest.mark.parametrize("place", ["memory", "real"])
def test_a_status_of_the_version_before_is_read_without_a_memory_of_the_judge(place: str) -> None:
    kept = [entry for entry in objects("v0_1_0", place, NOON) if entry["kind"] == "Rollout"]
    assert kept

    for entry in kept:
        run = status_from_dict(entry["status"]).run
        assert run is not None
        assert (run.judged, run.outlook, run.incident) == ((), "", None)
        assert run.step == entry["status"]["step"]


@pytest.mark.parametrize("judged", [7, "text", [7], [{"state": 7}], [{"objective": "errors"}]])
def test_a_memory_that_is_none_is_refused_with_its_place(judged: object) -> None:
    written = status_to_dict(a_status(run=a_run()))
    written["machine"]["run"]["judged"] = judged

    with pytest.raises(SpecError, match=r"status\.run\.judged"):
        status_from_dict(written)


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


def test_a_status_of_before_there_were_webhooks_is_read() -> None:
    written = status_to_dict(a_status(run=a_run()))
    del written["machine"]["run"]["hooks"], written["machine"]["owed"]

    assert status_from_dict(written) == a_status(run=a_run())
