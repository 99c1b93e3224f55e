"""What will a migration write, wave by wave, and how long does it take at least? Nothing is written to the cluster."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from rollout.cli.errors import Exit, StoppedError
from rollout.cli.mesh_session import filename, home, meant, migration, prometheus
from rollout.cli.options import Access, access
from rollout.cli.session import run
from rollout.cli.terminal import paper, say, spell

if TYPE_CHECKING:
    from rollout.services.migration_plan import MigrationPlan
    from rollout.wiring.tools import Cluster


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
    from rollout.services.migration_plan_account import as_data, screen
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
