"""How do MeshMigrations stand, for people: which stage, which gate waits for what, who still speaks plaintext?

All of it is what the controller wrote into the object; nothing else is looked at.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from policies.soak_evidence import confidence
from rollout.manifest.errors import SpecError, SpecErrors
from rollout.manifest.migration_status import migration_status_from_dict
from rollout.manifest.parse import parse_mesh_migration
from rollout.migration.orders import possible
from rollout.migration.telling import NEEDS_A_PERSON
from rollout.model.migration import MigrationSpec, MigrationStatus, NamespaceStatus, Stage
from rollout.model.migration_marks import SoakMark
from rollout.model.status import Reason
from rollout.ports.errors import NotFound, Rejected
from rollout.ports.objects import Obj, Objects

KIND = "MeshMigration"


@dataclass(frozen=True, slots=True, kw_only=True)
class Moving:
    """A MeshMigration. spec: None when it cannot be read; `error` then says why. obj: {} for one that is only in a file."""

    name: str
    spec: MigrationSpec | None
    status: MigrationStatus
    error: str = ""
    obj: Obj

    @property
    def wanted(self) -> MigrationSpec:
        """The spec; Rejected with all that is wrong in it when it cannot be read."""
        if self.spec is None:
            raise Rejected(f"MeshMigration {self.name} cannot be read: {self.error}")
        return self.spec


async def migration(objects: Objects, name: str) -> Moving:
    """The MeshMigration of this name; NotFound when there is none."""
    return _moving(await objects.get(KIND, "", name))


async def migrations(objects: Objects) -> tuple[Moving, ...]:
    """All of them, by name."""
    return tuple(_moving(obj) for obj in await objects.list(KIND))


def _moving(obj: Obj) -> Moving:
    spec, status, errors = None, MigrationStatus(), []
    try:
        spec = parse_mesh_migration(obj)
    except SpecErrors as error:
        errors += [str(one) for one in error.errors]
    try:
        status = migration_status_from_dict(obj.get("status") or {})
    except SpecError as error:
        errors.append(str(error))
    return Moving(name=obj["metadata"]["name"], spec=spec, status=status, error="; ".join(errors), obj=obj)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A namespace in a table. wave: "" where the spec names it no more. hold: what holds it first, a person's work before all."""

    wave: str
    one: NamespaceStatus
    hold: Reason | None


def lines(moving: Moving) -> tuple[Line, ...]:
    """The namespaces by waves, and then those that no wave names any more."""
    spec, status = moving.spec, moving.status
    found = [Line(wave=wave, one=one, hold=held_by(one)) for wave, one in _named(spec, status)]
    known = {line.one.name for line in found}
    found += [Line(wave="", one=one, hold=held_by(one)) for one in status.namespaces if one.name not in known]
    return tuple(found)


def _named(spec: MigrationSpec | None, status: MigrationStatus) -> Iterator[tuple[str, NamespaceStatus]]:
    for wave in spec.waves if spec is not None else ():
        for name in wave.namespaces:
            yield wave.name, status.of(name)


def held_by(one: NamespaceStatus) -> Reason | None:
    """The reason that people should read first: one that waits for a person, else the first; None for none."""
    return next((reason for reason in one.reasons if needs_a_person(reason)), next(iter(one.reasons), None))


def needs_a_person(reason: Reason) -> bool:
    """Whether only a person ends it."""
    return reason.code in NEEDS_A_PERSON


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """Why one namespace stands where it does. quiet: what the silence so far proves, "" where nothing is listened to.

    left: what is left of the soak's window, None while no clock runs. commands: what a person may say now.
    """

    moving: Moving
    wave: str
    one: NamespaceStatus
    quiet: str
    left: timedelta | None
    commands: tuple[str, ...]
    now: datetime


def explained(moving: Moving, namespace: str, now: datetime) -> Explained:
    """The account of a namespace; NotFound when the migration has nothing to do with it."""
    line = line_of(moving, namespace)
    soak = line.one.soak
    listened = soak.looked is not None or soak.clock is not None
    return Explained(
        moving=moving,
        wave=line.wave,
        one=line.one,
        quiet=silence(soak, now) if listened else "",
        left=max(soak.window - (now - soak.clock), timedelta(0)) if soak.clock is not None else None,
        commands=tuple(_commands(moving, line)),
        now=now,
    )


def line_of(moving: Moving, namespace: str) -> Line:
    """The namespace's line; NotFound, with some that there are, when the migration has nothing to do with it."""
    for line in lines(moving):
        if line.one.name == namespace:
            return line
    some = ", ".join(line.one.name for line in lines(moving)[:5])
    raise NotFound(f"MeshMigration {moving.name} has no namespace {namespace}; it has {some or 'none'}")


def silence(soak: SoakMark, now: datetime) -> str:
    """What the window without plaintext says of how often it comes, as a sentence."""
    if soak.clock is None:
        return confidence(0, timedelta(0))
    return confidence(0, min(soak.looked or now, now) - soak.clock)


def _commands(moving: Moving, line: Line) -> Iterator[str]:
    one, status = line.one, moving.status
    codes = {reason.code for reason in one.reasons}
    if "AwaitingApproval" in codes:
        yield f"rollout approve meshmigration/{moving.name} --wave {line.wave}"
    for verb in possible(one.stage):
        if verb != "acknowledge":
            yield f"rollout mesh {verb} {one.name}"
        elif one.warned or "OwnedByTool" in codes:
            yield f'rollout mesh acknowledge {one.name} "FINDING" --reason TEXT'
    if one.stage is Stage.OBSERVING and one.soak.clock is not None and not one.soak.skipped_by:
        yield f"rollout mesh skip-soak {one.name} --reason TEXT"
    if status.paused or codes & {"FallbackBudgetSpent", "Paused"}:
        yield f"rollout resume meshmigration/{moving.name}"


async def of_namespace(objects: Objects, namespace: str) -> Moving | None:
    """The MeshMigration that has to do with the namespace; None where there is none."""
    found = await migrations(objects)
    return next((one for one in found if any(line.one.name == namespace for line in lines(one))), None)
