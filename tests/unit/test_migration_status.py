"""What of a MeshMigration's status is written, how large does it become, and what is refused when it is read?"""

import json
from typing import Any

import pytest

from rollout.manifest.errors import SpecError
from rollout.manifest.migration_status import migration_status_from_dict, migration_status_to_dict
from rollout.model.commands import Handled, Result
from rollout.model.migration import MigrationStatus, NamespaceStatus, Stage
from rollout.model.migration_marks import WaveApproval
from rollout.model.status import Condition
from tests.support.builders import NOON
from tests.support.fleet_status import a_soaking_fleet, in_mid_soak

MOST_BYTES = 1_000_000  # etcd takes 1.5 MB, and the spec and who wrote which field are in the same object


def size(status: MigrationStatus) -> int:
    return len(json.dumps(migration_status_to_dict(status), separators=(",", ":")).encode())


def test_a_thousand_namespaces_in_mid_soak_fit_into_one_object() -> None:
    written = size(a_soaking_fleet(1000))

    assert written < MOST_BYTES, f"{written} bytes"


def test_a_thousand_namespaces_that_wait_or_are_done_cost_little() -> None:
    waiting = tuple(NamespaceStatus(name=f"team-{number:04}-production") for number in range(1000))

    assert size(MigrationStatus(namespaces=waiting)) < 60_000


def test_nothing_is_written_of_what_is_as_at_the_beginning() -> None:
    begun = MigrationStatus(namespaces=(NamespaceStatus(name="shop"),))

    assert migration_status_to_dict(MigrationStatus()) == {}
    assert migration_status_to_dict(begun) == {"namespaces": [{"name": "shop", "stage": "Pending"}]}


def test_conditions_are_written_as_kubernetes_has_them() -> None:
    condition = Condition(type="Ready", status="False", reason="Moving", message="1 of 2", since=NOON)
    status = MigrationStatus(conditions=(condition,))

    written = migration_status_to_dict(status)

    assert set(written["conditions"][0]) == {"type", "status", "reason", "message", "lastTransitionTime"}
    assert migration_status_from_dict(written) == status


def test_all_that_is_remembered_reads_back() -> None:
    status = MigrationStatus(
        observed_generation=3,
        namespaces=(in_mid_soak(1), NamespaceStatus(name="docs", stage=Stage.FALLING_BACK, why_back="ana asked")),
        paused="ana: lunch",
        approved=(WaveApproval(wave="shops", by="ben"),),
        handled=(Handled(uid="u", result=Result.REFUSED, message="no"),),
    )

    assert migration_status_from_dict(json.loads(json.dumps(migration_status_to_dict(status)))) == status


def test_no_status_is_the_beginning() -> None:
    assert migration_status_from_dict({}) == MigrationStatus()


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"visitors": 3}, "status.visitors"),
        ({"namespaces": [{"name": "shop", "mood": "good"}]}, "status.namespaces[0].mood"),
        ({"namespaces": [{"name": "shop", "stage": "Levitating"}]}, "status.namespaces[0].stage"),
        ({"namespaces": [{"name": "shop", "since": "yesterday"}]}, "status.namespaces[0].since"),
        ({"namespaces": [{"name": "shop", "restarts": "3"}]}, "status.namespaces[0].restarts"),
        ({"namespaces": [{"stage": "Done"}]}, "status.namespaces[0].name"),
    ],
)
def test_what_this_version_does_not_know_is_refused_with_its_place(change: dict[str, Any], path: str) -> None:
    with pytest.raises(SpecError) as caught:
        migration_status_from_dict(change)

    assert caught.value.path == path
    assert "run the version that wrote it" in caught.value.message
