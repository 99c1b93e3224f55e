"""What will a migration write, wave by wave, and how long does it take at least? Nothing is written to the cluster."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rollout.cli.errors import Exit, StoppedError
from rollout.cli.mesh_session import filename, home, meant, migration, prometheus
from rollout.cli.options import Access, access
from rollout.cli.session import run
from rollout.cli.terminal import paper, say, spell
from rollout.services.paper import Paper, span, table

if TYPE_CHECKING:
    from rollout.migration.plan import PlannedNamespace, PlannedWave
    from rollout.services.migration_plan import MigrationPlan
    from rollout.wiring.tools import Cluster

_ASSUMED = (
    "Times are the least: soaks begin anew when plaintext comes, people are taken to answer at once, and pods that are made "
    "anew to take a minute. Which workload becomes STRICT first goes by its requests until then."
)


@click.command()
@access("json", "yaml", namespaced=False)
@migration()
@filename()
@home()
@prometheus()
@click.option("--dry-run", is_flag=True, help="Only the writes, in order, one a line.")
@click.option(
    "--write", "directory", type=click.Path(file_okay=False), metavar="DIR", help="Manifests for a commit, into files."
)
def plan(access: Access, directory: str | None, *, dry_run: bool, **given: str) -> None:
    """Waves, all writes in order, least times, and whom to enrol first; nothing in the cluster is changed."""
    run(access, lambda cluster: _plan(access, cluster, given, directory, dry_run=dry_run))


async def _plan(
    access: Access, cluster: "Cluster", given: dict[str, str], directory: str | None, *, dry_run: bool
) -> Exit:
    from rollout.services.migration_plan import plan_now
    from rollout.wiring.tools import observing_fleet

    moving = await meant(cluster, given["migration"], given["path"])
    async with observing_fleet(cluster, given["home"], given["prometheus_url"]) as observer:
        found = await plan_now(observer, moving.wanted, moving.status, datetime.now(UTC))
    if directory:
        for file in written(found, Path(directory)):
            click.echo(f"wrote {file}", err=access.as_json)
    if access.as_json:
        say(spell(as_data(found), access.output))
    elif not directory:
        for line in dry(found) if dry_run else screen(found, paper()):
            say(line)
    return Exit.OK


def dry(found: "MigrationPlan") -> list[str]:
    """The writes alone, in the order of waves and namespaces, as the controller's log has them."""
    return [str(write) for wave in found.plan.waves for one in wave.namespaces for write in one.writes]


def screen(found: "MigrationPlan", on: Paper) -> list[str]:
    """The plan as lines."""
    plan, spec = found.plan, found.spec
    waves = f"{len(spec.waves)} wave{'s' if len(spec.waves) > 1 else ''}"
    total = f"{len(spec.namespaces)} namespaces in {waves}, at least {span(plan.estimate)}"
    lines = [f"{on.styled(spec.name, 'strong')}  {total}"]
    if found.blind:
        words = f"{found.blind}: planned as if nobody called anybody; --prometheus-url names one"
        lines.append(on.wrapped(f"  {on.styled('callers unknown:', 'waiting')} {words}", 4))
    for wave in plan.waves:
        lines += ["", *_wave(wave, found, on)]
    lines += ["", *_unblock(found, on)] if not found.blind else []
    return [*lines, "", on.wrapped(_ASSUMED)]


def _wave(wave: "PlannedWave", found: "MigrationPlan", on: Paper) -> Iterator[str]:
    words = [f"{wave.concurrency} at a time", f"done after at least {span(wave.estimate)}"]
    if wave.approval:
        words.insert(0, f"needs {wave.approval}")
    yield f"{on.styled(f'WAVE {wave.name}', 'strong')}  {', '.join(words)}"
    for one in wave.namespaces:
        yield from (f"  {line}" for line in _namespace(one, found, on))


def _namespace(one: "PlannedNamespace", found: "MigrationPlan", on: Paper) -> Iterator[str]:
    way = found.ways.get(one.name)
    times = f"at least {span(one.least)} alone, {span(one.estimate)} with its waits" if one.least else "nothing ahead"
    yield f"{one.name}  {on.toned(one.stage.value)}  {times}"
    if way is not None and not way.before.exists:
        yield on.styled("  there is no such namespace", "bad")
    for hold in one.holds:
        yield on.wrapped(f"  {on.styled(hold.code, 'waiting')}: {hold.message}", 4)
    if way is not None and way.before.tool:
        words = f"{way.before.tool} would put these back: commit what --write DIR prints"
        yield on.wrapped(f"  {on.styled('owned:', 'waiting')} {words}", 4)
    if way is not None and way.steps:
        rows = [(stage.value, str(write)) for stage, write in way.steps]
        yield from (f"  {line}" for line in table(("STAGE", "WRITE"), rows))


def _unblock(found: "MigrationPlan", on: Paper) -> list[str]:
    if not found.plan.unblock:
        return ["Nobody waits for the enrolment of another namespace."]
    lines = [on.styled("Enrol in this order, so that the most can become STRICT the soonest:", "strong")]
    for one in found.plan.unblock:
        what = f"then {', '.join(one.unlocks)} can" if one.unlocks else "with those below it"
        outside = "" if one.namespace in found.spec.namespaces else "  (in no wave)"
        lines.append(on.wrapped(f"  {one.namespace}{outside}: {what}", 4))
    return lines


def written(found: "MigrationPlan", directory: Path) -> list[str]:
    """The files that were written below the directory: STAGE/NAMESPACE.yaml."""
    import yaml

    from rollout.migration.manifests import manifests_of

    files = []
    for name, way in found.ways.items():
        for stage, objects in manifests_of(way).items():
            file = directory / stage / f"{name}.yaml"
            try:
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(yaml.safe_dump_all(objects, sort_keys=False), encoding="utf-8")
            except OSError as error:
                raise StoppedError(Exit.USAGE, f"{file}: {error.strerror or error}", code="Unwritable") from error
            files.append(str(file))
    return files


def as_data(found: "MigrationPlan") -> dict[str, Any]:
    """The plan for machines. Durations are seconds, and the least."""
    from rollout.services.account_data import API_VERSION

    return {
        "apiVersion": API_VERSION,
        "kind": "MeshPlan",
        "migration": found.spec.name,
        "estimateSeconds": found.plan.estimate.total_seconds(),
        "callersUnknown": found.blind,
        "waves": [
            {
                "name": wave.name,
                "concurrency": wave.concurrency,
                "approval": wave.approval,
                "estimateSeconds": wave.estimate.total_seconds(),
                "namespaces": [_planned(one, found) for one in wave.namespaces],
            }
            for wave in found.plan.waves
        ],
        "unblock": [{"namespace": one.namespace, "unlocks": list(one.unlocks)} for one in found.plan.unblock],
    }


def _planned(one: "PlannedNamespace", found: "MigrationPlan") -> dict[str, Any]:
    way = found.ways.get(one.name)
    return {
        "namespace": one.name,
        "stage": one.stage.value,
        "leastSeconds": one.least.total_seconds(),
        "estimateSeconds": one.estimate.total_seconds(),
        "holds": [{"code": hold.code, "message": hold.message} for hold in one.holds],
        "writes": [{"stage": stage.value, "write": str(write)} for stage, write in (way.steps if way else ())],
    }
