"""Does each row of the preflight catalogue find what it is there for, where it is, and nothing else?"""

from collections.abc import Iterator, Mapping
from dataclasses import replace

import pytest

from rollout.migration.preflight.catalogue import CHECKS, NOT_YET, verdict
from rollout.migration.preflight.gathered import Obj
from tests.support.ailments import Ill, well
from tests.support.ailments_admission import OF_ADMISSION
from tests.support.ailments_mesh import OF_THE_MESH
from tests.support.ailments_more import MORE
from tests.support.ailments_pods import OF_PODS
from tests.support.ailments_ports import OF_PORTS

SAMPLES = OF_THE_MESH | OF_ADMISSION | OF_PORTS | OF_PODS | MORE
ILL = [
    pytest.param(row, ill, id=f"{row}-{number}")
    for row, samples in SAMPLES.items()
    for number, ill in enumerate(samples, 1)
]


def test_nothing_is_found_where_nothing_is_wrong() -> None:
    assert verdict(well().gathered()).findings == ()


@pytest.mark.parametrize(("row", "ill"), ILL)
def test_a_row_finds_its_ailment_in_the_object_and_the_field(row: str, ill: Ill) -> None:
    world = well()
    ill.make(world)

    found = [one for one in verdict(world.gathered()).findings if one.check == row]

    assert [(one.object, one.field, one.severity) for one in found] == [(ill.object, ill.field, ill.severity)]
    assert ill.why in found[0].why
    assert found[0].fix


@pytest.mark.parametrize(("row", "ill"), ILL)
def test_a_row_finds_its_ailment_alone(row: str, ill: Ill) -> None:
    world = well()
    ill.make(world)

    assert {one.check for one in verdict(world.gathered()).findings} == {row, *ill.also}


@pytest.mark.parametrize(("row", "ill"), ILL)
def test_a_row_looks_at_nothing_but_what_it_reads_and_asks(row: str, ill: Ill) -> None:
    world = well()
    ill.make(world)
    gathered = world.gathered()
    check = next(one for one in CHECKS if one.id == row)
    watched = Watched(gathered.objects)

    check.findings(replace(gathered, objects=watched, told={asked: gathered.told[asked] for asked in check.asks}))

    assert watched.seen <= set(check.reads)


def test_each_row_has_a_sample_and_each_sample_a_row() -> None:
    assert sorted(check.id for check in CHECKS) == sorted(SAMPLES)


def test_rows_that_wait_for_other_meshes_are_no_checks() -> None:
    assert not {check.id for check in CHECKS} & set(NOT_YET)


class Watched(Mapping[str, tuple[Obj, ...]]):
    """Objects by kind that remember which kinds were looked at."""

    def __init__(self, objects: Mapping[str, tuple[Obj, ...]]) -> None:
        self.objects = objects
        self.seen: set[str] = set()

    def __getitem__(self, kind: str) -> tuple[Obj, ...]:
        self.seen.add(kind)
        return self.objects[kind]

    def __iter__(self) -> Iterator[str]:
        return iter(self.objects)

    def __len__(self) -> int:
        return len(self.objects)
