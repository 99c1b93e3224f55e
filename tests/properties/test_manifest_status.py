"""Does any status survive being written into the object and read back?"""

import json
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from rollout.manifest.status import status_from_dict, status_to_dict
from rollout.model.names import BackendName
from rollout.model.status import Checkpoint, RolloutStatus
from tests.support.examples import examples

names = st.from_regex(r"[a-z]([-a-z0-9]{0,8}[a-z0-9])?", fullmatch=True)
st.register_type_strategy(BackendName, st.builds(BackendName, service=names, subset=names | st.just("")))
st.register_type_strategy(float, st.floats(allow_nan=False, allow_infinity=False))
st.register_type_strategy(datetime, st.datetimes(timezones=st.just(UTC)))
bounds = st.lists(st.floats(allow_nan=False, allow_infinity=False)).map(tuple)
st.register_type_strategy(Checkpoint, st.builds(Checkpoint, bounds=bounds))


@examples(150)
@given(st.from_type(RolloutStatus))
def test_a_status_reads_back_as_it_was_written(status: RolloutStatus) -> None:
    written = json.loads(json.dumps(status_to_dict(status)))

    assert status_from_dict(written) == status
