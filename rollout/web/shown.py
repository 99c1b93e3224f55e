"""How does what is stored look over HTTP?"""

import json
from collections.abc import Collection, Iterator

from policies.verdict import worst
from rollout.manifest.status import status_to_dict
from rollout.migration.orders import possible
from rollout.migration.telling import NEEDS_A_PERSON as MOVES_NEED_A_PERSON
from rollout.model.commands import Verb
from rollout.model.migration import MigrationStatus, NamespaceStatus, Stage
from rollout.model.migration import Wave as WaveSpec
from rollout.model.rollout import Mode
from rollout.model.status import Reason
from rollout.ports.migrations import StoredMigration
from rollout.ports.rollouts import Stored
from rollout.progression.telling import NEEDS_A_PERSON
from rollout.web.shapes import Hold, Migration, Moving, One, Plaintext, Summary, Wave, WaveApproved


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
        holds=holds(status.reasons, NEEDS_A_PERSON),
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
    namespaces = [_moving(status.of(name), waves.get(name, "")) for name in names]
    return Migration(
        name=stored.name,
        mesh=spec.mesh.value if spec else "",
        target=spec.target.value if spec else "",
        wave=status.wave,
        paused=status.paused,
        done=status.done,
        total=len(names),
        holds=holds(status.reasons, MOVES_NEED_A_PERSON),
        needs_person=bool(status.paused) or any(one.needs_person for one in namespaces),
        next=status.next,
        error=stored.error,
        waves=[_wave(wave, status) for wave in spec.waves] if spec else [],
        namespaces=namespaces,
    )


def _wave(wave: WaveSpec, status: MigrationStatus) -> Wave:
    return Wave(
        name=wave.name,
        namespaces=list(wave.namespaces),
        concurrency=wave.concurrency,
        approval=wave.approval,
        approved=[
            WaveApproved(by=one.by, at=one.at, channel=one.channel) for one in status.approved if one.wave == wave.name
        ],
        begun=any(status.of(name).stage not in (Stage.PENDING, Stage.EXCEPTED) for name in wave.namespaces),
    )


def _moving(known: NamespaceStatus, wave: str) -> Moving:
    return Moving(
        name=known.name,
        wave=wave,
        stage=known.stage.value,
        visited=known.visited.value,
        since=known.since,
        holds=holds(known.reasons, MOVES_NEED_A_PERSON),
        needs_person=any(reason.code in MOVES_NEED_A_PERSON for reason in known.reasons),
        callers=[
            Plaintext(source=one.source, workload=one.workload, calls=one.calls, last=one.last) for one in known.callers
        ],
        fallbacks=known.fallbacks,
        why_back=known.why_back,
        verbs=list(_verbs(known)),
        next=known.next,
    )


def _verbs(known: NamespaceStatus) -> Iterator[str]:
    """What the controller would not refuse at once: acknowledging needs a finding, skipping a soak one that runs."""
    answerable = known.warned or any(reason.code == "OwnedByTool" for reason in known.reasons)
    yield from (verb for verb in possible(known.stage) if verb != Verb.ACKNOWLEDGE or answerable)
    if known.stage is Stage.OBSERVING and known.soak.clock is not None and not known.soak.skipped_by:
        yield Verb.PROMOTE.value


def holds(reasons: tuple[Reason, ...], persons: Collection[str]) -> list[Hold]:
    """Reasons as they are told. persons: the codes that only a person ends."""
    return [
        Hold(code=one.code, message=one.message, warning=one.warning, needs_person=one.code in persons)
        for one in reasons
    ]
