"""Where does every namespace of a MeshMigration stand?"""

from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from rollout.cli.errors import Exit
from rollout.cli.mesh_session import migration, the_migration
from rollout.cli.options import Access, access
from rollout.cli.session import run
from rollout.cli.terminal import paper, say, shown_object, spell
from rollout.services.paper import Paper, age, table

if TYPE_CHECKING:
    from rollout.services.migration_reads import Line, Moving
    from rollout.wiring.tools import Cluster

_HEADER = ("WAVE", "NAMESPACE", "STAGE", "SINCE", "HOLD")
_WIDE = ("BLOCKED", "WARNED", "PLAINTEXT", "FALLBACKS")


@click.command()
@access("json", "yaml", "wide", "name", namespaced=False)
@migration()
def status(access: Access, migration: str) -> None:
    """Where every namespace stands, and what holds it first."""
    run(access, lambda cluster: _status(access, cluster, migration))


async def _status(access: Access, cluster: "Cluster", name: str) -> Exit:
    moving = await the_migration(cluster, name)
    if access.as_json:
        say(spell(shown_object(moving.obj), access.output))
        return Exit.OK
    if access.output == "name":
        say(f"meshmigration.rollout.dev/{moving.name}")
        return Exit.OK
    for line in screen(moving, paper(), datetime.now(UTC), wide=access.output == "wide"):
        say(line)
    return Exit.OK


def screen(moving: "Moving", on: Paper, now: datetime, *, wide: bool = False) -> list[str]:
    """The migration in a few lines, and the table of its namespaces."""
    from rollout.services.migration_reads import lines

    rows = [_row(line, on, now, wide=wide) for line in lines(moving)]
    return [*_head(moving, on), "", *table((*_HEADER, *(_WIDE if wide else ())), rows)]


def _head(moving: "Moving", on: Paper) -> list[str]:
    spec, status = moving.spec, moving.status
    parts = [on.styled(moving.name, "strong")]
    if spec is not None:
        parts += [f"{spec.mesh}, target {spec.target}", f"{status.done} of {len(spec.namespaces)} done"]
    if status.wave:
        parts.append(f"wave {status.wave}")
    found = ["  ".join(parts)]
    stages = Counter(one.stage.value for one in status.namespaces)
    if stages:
        found.append("  " + ", ".join(f"{count} {on.toned(stage)}" for stage, count in sorted(stages.items())))
    if moving.error:
        found.append(on.wrapped(f"  {on.styled('cannot be read:', 'bad')} {moving.error}", 4))
    elif not status.namespaces:
        found.append(on.styled("  the controller has not looked at it yet", "waiting"))
    found += [on.wrapped(f"  {on.styled(one.code, 'waiting')}: {one.message}", 4) for one in status.reasons]
    return found


def _row(line: "Line", on: Paper, now: datetime, *, wide: bool) -> tuple[str, ...]:
    one, hold = line.one, line.hold
    said = "-" if hold is None else f"{hold.code}: {hold.message}" if wide else hold.code
    cells = (line.wave or "-", one.name, on.toned(one.stage.value), age(one.since, now), said)
    if not wide:
        return cells
    counts = (one.blocked, one.warned, len(one.callers), one.fallbacks)
    return (*cells, *(str(count) for count in counts))
