"""Does any status of a MeshMigration survive being written into the object, kept by a server, and read back?"""

import json
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from adapters.memory.cluster import MemoryCluster
from adapters.memory.schemas import shaped, undeclared
from rollout.crds import definitions
from rollout.manifest.migration_status import migration_status_from_dict, migration_status_to_dict
from rollout.model.migration import MigrationStatus
from tests.support.examples import examples

st.register_type_strategy(float, st.floats(allow_nan=False, allow_infinity=False))
st.register_type_strategy(datetime, st.datetimes(timezones=st.just(UTC)))
CLUSTER = MemoryCluster()
CLUSTER.seed(*definitions().values())
FLEET = CLUSTER.kinds.target("/apis/rollout.dev/v1alpha1/meshmigrations/fleet")


@examples(150)
@given(st.from_type(MigrationStatus))
def test_a_status_reads_back_as_it_was_written(status: MigrationStatus) -> None:
    written = json.loads(json.dumps(migration_status_to_dict(status)))

    assert migration_status_from_dict(written) == status


@examples(100)
@given(st.from_type(MigrationStatus))
def test_the_schema_knows_every_field_and_fills_in_none(status: MigrationStatus) -> None:
    written = json.loads(json.dumps(migration_status_to_dict(status)))

    assert list(undeclared(FLEET, {"status": written})) == []
    assert (
        shaped(
            FLEET,
            {"spec": {"mesh": {"kind": "linkerd"}, "waves": [{"name": "a", "namespaces": ["b"]}]}, "status": written},
        )["status"]
        == written
    )
