"""How does what is stored look over HTTP?"""

import json

from policies.verdict import worst
from rollout.manifest.status import status_to_dict
from rollout.model.migration import NamespaceStatus
from rollout.model.rollout import Mode
from rollout.model.status import Reason
from rollout.ports.migrations import StoredMigration
from rollout.ports.rollouts import Stored
from rollout.progression.telling import NEEDS_A_PERSON
from rollout.web.shapes import Hold, Migration, Moving, One, Summary


def summary(stored: Stored) -> Summary:
    """A Rollout in a line."""
    status, spec = stored.status, stored.spec
    run = status.run
    deciding = [one.verdict for one in status.verdicts if one.mode is Mode.DECIDE]
    return Summary(
        namespace=stored.key.namespace,
        name=stored.key.name,
        phase=status.phase.value,
        stable=status.stable.name if status.stable else None,
        revision=run.canary.name if run else spec.revision if spec else None,
        run=status.runs,
        step=run.step if run else 0,
        steps=len(run.plan) if run else 0,
        weight=run.weight if run else None,
        verdict=worst(deciding).value if deciding else None,
        holds=holds(status.reasons),
        needs_person=any(reason.code in NEEDS_A_PERSON for reason in status.reasons),
        next=status.next,
        error=stored.error,
        commit=stored.commit,
    )


def one(stored: Stored) -> One:
    """A Rollout with all that is remembered of it."""
    run = stored.status.run
    return One(
        summary=summary(stored),
        status=status_to_dict(stored.status),
        spec=json.loads(stored.raw) if stored.raw else None,
        template=run.canary.template if run else "",
    )


def migration(stored: StoredMigration) -> Migration:
    """A MeshMigration with its namespaces, in the order of its waves."""
    spec, status = stored.spec, stored.status
    waves = {name: wave.name for wave in spec.waves for name in wave.namespaces} if spec else {}
    names = [*waves, *(known.name for known in status.namespaces if known.name not in waves)]
    return Migration(
        name=stored.name,
        wave=status.wave,
        paused=status.paused,
        done=status.done,
        total=len(names),
        holds=holds(status.reasons),
        next=status.next,
        error=stored.error,
        namespaces=[_moving(status.of(name), waves.get(name, "")) for name in names],
    )


def _moving(known: NamespaceStatus, wave: str) -> Moving:
    return Moving(
        name=known.name,
        wave=wave,
        stage=known.stage.value,
        since=known.since,
        holds=holds(known.reasons),
        callers=[
            f"{caller.source or 'unknown'}: {caller.calls} calls of {caller.workload}" for caller in known.callers
        ],
        fallbacks=known.fallbacks,
        next=known.next,
    )


def holds(reasons: tuple[Reason, ...]) -> list[Hold]:
    """Reasons as they are told."""
    return [Hold(code=one.code, message=one.message, warning=one.warning) for one in reasons]
