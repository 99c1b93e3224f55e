"""Does `kubectl get` see the columns that a definition asks for?"""

from datetime import UTC, datetime
from typing import Any

import pytest

from adapters.memory.kinds import Column, Kind
from adapters.memory.tables import table

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
CREATED = {"name": "a", "creationTimestamp": "2026-11-21T11:58:30Z", "resourceVersion": "1"}


def cells(path: str, **content: Any) -> list[Any]:
    """The row of an object in a table with one column of its own."""
    kind = Kind(group="x.y", plural="widgets", kind="Widget", columns=(Column(name="C", type="string", path=path),))
    shown = table(kind, [{"metadata": CREATED, **content}], {}, NOON)
    row: list[Any] = shown["rows"][0]["cells"]
    return row


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (".status.phase", "Paused"),
        (".status.steps[1].weight", 50),
        (".status.missing.field", None),
        ('.status.conditions[?(@.type=="Ready")].status', "False"),
        (".status['phase']", "Paused"),
        (".status.steps", "[{'weight': 5}, {'weight': 50}]"),
    ],
)
def test_a_column_shows_what_its_path_names(path: str, expected: Any) -> None:
    status = {
        "phase": "Paused",
        "steps": [{"weight": 5}, {"weight": 50}],
        "conditions": [{"type": "Stalled", "status": "True"}, {"type": "Ready", "status": "False"}],
    }

    assert cells(path, status=status) == ["a", expected, "1m"]
