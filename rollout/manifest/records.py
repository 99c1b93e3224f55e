"""How is the record of a namespace's move written, and read back without losing anything?"""

import json
from collections.abc import Mapping

from pydantic import TypeAdapter, ValidationError

from rollout.manifest.errors import SpecError
from rollout.model.mesh_writes import Snapshot
from rollout.model.migration import Proven

SNAPSHOT = "snapshot.json"
PROOFS = "proofs.json"
MOST_PROOFS = 60  # a way and its repetitions; the oldest go first

_SNAPSHOT = TypeAdapter(Snapshot)
_PROOFS = TypeAdapter(tuple[Proven, ...])


def record_to_data(snapshot: Snapshot | None, proofs: tuple[Proven, ...]) -> dict[str, str]:
    """The `data` of the object that holds them."""
    kept = _PROOFS.dump_python(proofs[-MOST_PROOFS:], mode="json")
    data = {PROOFS: json.dumps(kept, indent=1, sort_keys=True)}
    if snapshot is not None:
        data[SNAPSHOT] = json.dumps(_SNAPSHOT.dump_python(snapshot, mode="json"), indent=1, sort_keys=True)
    return data


def record_from_data(data: Mapping[str, str]) -> tuple[Snapshot | None, tuple[Proven, ...]]:
    """What `record_to_data` wrote; SpecError when it cannot be read, which must stop a rollback."""
    try:
        snapshot = _SNAPSHOT.validate_json(data[SNAPSHOT], strict=True) if SNAPSHOT in data else None
        proofs = _PROOFS.validate_json(data[PROOFS], strict=True) if PROOFS in data else ()
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise SpecError(f"this version cannot read the record: {first['loc']} {first['msg'].lower()}") from error
    return snapshot, proofs
