"""What does the preflight conclude from findings, from what people acknowledged, and from what could not be read?"""

from dataclasses import replace

import pytest

from rollout.migration.preflight.catalogue import ASKS, CHECKS, KINDS, verdict
from rollout.migration.preflight.check import Check
from rollout.model.migration import Severity
from rollout.model.migration_marks import Acknowledged
from rollout.model.telemetry import Asked
from tests.support.ailments import World, answered, put, well

WARNED = put("StatefulSet", "cache", "spec.updateStrategy.type", "OnDelete")
BLOCKED = put("Deployment", "api", "spec.template.spec.securityContext", {"runAsUser": 1337})
CHECKED = {check.id: check for check in CHECKS}


def acknowledged(key: str) -> Acknowledged:
    return Acknowledged(key=key, by="ana", reason="known")


def ill() -> World:
    """One warning and one block."""
    world = well()
    WARNED(world)
    BLOCKED(world)
    return world


def test_a_well_namespace_may_go_on() -> None:
    assert verdict(well().gathered()).is_clear


def test_a_warning_waits_for_a_person() -> None:
    world = well()
    WARNED(world)

    said = verdict(world.gathered())

    assert [one.key for one in said.waiting] == ["STS-01 StatefulSet shop/cache"]
    assert (said.blocking, said.acknowledged, said.is_clear) == ((), (), False)


@pytest.mark.parametrize("key", ["STS-01 StatefulSet shop/cache", "STS-01"])
def test_a_warning_is_acknowledged_by_its_key_or_by_its_row(key: str) -> None:
    world = well()
    WARNED(world)

    said = verdict(world.gathered(), [acknowledged(key)])

    assert [one.check for one in said.acknowledged] == ["STS-01"]
    assert said.waiting == ()
    assert said.is_clear


def test_an_acknowledgement_for_another_object_opens_nothing() -> None:
    world = well()
    WARNED(world)

    said = verdict(world.gathered(), [acknowledged("STS-01 StatefulSet shop/other")])

    assert not said.is_clear


@pytest.mark.parametrize("key", ["UID-01 Deployment shop/api", "UID-01"])
def test_what_blocks_cannot_be_acknowledged(key: str) -> None:
    said = verdict(ill().gathered(), [acknowledged(key), acknowledged("STS-01")])

    assert [one.check for one in said.blocking] == ["UID-01"]
    assert [one.check for one in said.acknowledged] == ["STS-01"]
    assert not said.is_clear


def test_what_is_only_said_holds_nothing_up() -> None:
    check = replace(CHECKED["STS-01"], severity=Severity.INFO, asks=(Asked.EDGES,))
    gathered = replace(well().gathered(), told={})

    said = verdict(gathered, (), [check])

    assert [one.check for one in said.informing] == ["STS-01"]
    assert said.is_clear


def test_all_findings_are_in_order_and_in_one_of_the_four_places() -> None:
    said = verdict(ill().gathered(), [acknowledged("STS-01")])

    assert list(said.findings) == sorted(said.findings)
    assert set(said.findings) == {*said.blocking, *said.waiting, *said.acknowledged, *said.informing}


@pytest.mark.parametrize(("row", "kind"), [(check.id, kind) for check in CHECKS for kind in check.reads])
def test_a_kind_that_could_not_be_read_is_one_finding_of_the_row_and_never_silence(row: str, kind: str) -> None:
    world = ill()
    world.unread = {kind: "forbidden"}

    found = [one for one in verdict(world.gathered()).findings if one.check == row]

    assert [(one.object, one.severity) for one in found] == [(kind, CHECKED[row].severity)]
    assert "could not be read (forbidden)" in found[0].why


@pytest.mark.parametrize(("row", "asked"), [(check.id, asked) for check in CHECKS for asked in check.asks])
@pytest.mark.parametrize("is_asked", [True, False])
def test_a_question_without_an_answer_is_one_finding_of_the_row(row: str, asked: Asked, *, is_asked: bool) -> None:
    world = well()
    world.told.pop(asked)
    if is_asked:
        world.told[asked] = replace(answered(asked), series=None, problem="timed out")

    found = [one for one in verdict(world.gathered()).findings if one.check == row]

    assert [(one.object, one.severity) for one in found] == [(f"metrics {asked}", CHECKED[row].severity)]
    assert ("timed out" if is_asked else "it was not asked") in found[0].why


def test_what_is_unknown_is_told_apart_from_what_is_found() -> None:
    world = ill()
    world.unread = {"PodDisruptionBudget": "forbidden"}

    said = verdict(world.gathered())

    assert "MESH-02" in {one.check for one in said.unknown}
    assert not {"UID-01", "STS-01"} & {one.check for one in said.unknown}


def test_several_unknown_things_are_one_finding() -> None:
    world = well()
    world.unread = {"Pod": "forbidden", "Job": "timed out"}

    said = verdict(world.gathered(), (), [CHECKED["STS-01"]])

    assert [one.object for one in said.findings] == ["Job, Pod"]
    assert "forbidden; timed out" in said.findings[0].why


def test_a_row_is_not_asked_while_it_cannot_see_all() -> None:
    def asked(_: object) -> tuple[()]:
        raise AssertionError("it was asked")

    check = Check(id="X-01", title="x", severity=Severity.BLOCK, reads=("Pod",), find=asked)
    world = well()
    world.unread = {"Pod": "forbidden"}

    assert [one.check for one in verdict(world.gathered(), (), [check]).blocking] == ["X-01"]


def test_a_kind_that_no_row_reads_may_be_unread() -> None:
    world = well()
    world.unread = {"Lease": "forbidden"}

    assert verdict(world.gathered()).is_clear


def test_what_is_gathered_is_what_the_rows_look_at() -> None:
    assert {kind for check in CHECKS for kind in check.reads} == KINDS
    assert {asked for check in CHECKS for asked in check.asks} == ASKS


def test_no_two_rows_have_one_id() -> None:
    assert len(CHECKED) == len(CHECKS)
