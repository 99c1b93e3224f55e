"""Does our own reader refuse, with its place, whatever anybody must refuse, and take what all must take?"""

from collections import Counter

import pytest

from rollout.manifest.errors import SpecError, SpecErrors
from rollout.manifest.parse import parse_command, parse_file
from rollout.manifest.yaml import documents
from tests.support.samples import KINDS, LAYERS, Invalid, invalid, valid

ROWS = invalid()
STORED = {"namespace": "default", "uid": "u", "creationTimestamp": "2026-11-21T12:00:00Z"}


def read(kind: str, text: str) -> None:
    """Read it as what it is: a command comes from the cluster, all else from git."""
    if kind != "RolloutCommand":
        parse_file("sample.yaml", text.encode())
        return
    (document,) = documents(text.encode(), "sample.yaml")
    parse_command({**document.data, "metadata": {**document.data["metadata"], **STORED}})


def errors_of(row: Invalid) -> tuple[SpecError, ...]:
    with pytest.raises(SpecErrors) as caught:
        read("" if row.id == "in-git" else row.kind, row.text)
    return caught.value.errors


def test_the_table_is_large_and_leaves_out_no_kind_and_no_layer() -> None:
    by_kind, by_layer = Counter(row.kind for row in ROWS), Counter(row.by for row in ROWS)

    assert len(ROWS) >= 130
    assert all(by_kind[kind] >= 10 for kind in KINDS)
    assert all(by_layer[layer] >= 10 for layer in LAYERS)
    assert set(by_layer) == set(LAYERS)


def test_every_row_has_a_name_of_its_own() -> None:
    assert [name for name, count in Counter(map(str, ROWS)).items() if count > 1] == []


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_our_reader_refuses_every_row_and_says_where_and_what(row: Invalid) -> None:
    errors = errors_of(row)

    (error,) = (one for one in errors if row.says in one.message and one.path == row.path)
    if row.kind != "RolloutCommand" or row.id == "in-git":
        assert error.file == "sample.yaml"
        assert error.line in row.lines


@pytest.mark.parametrize(("name", "text"), valid())
def test_our_reader_takes_what_is_valid(name: str, text: str) -> None:
    read(name.partition("-")[0], text)
