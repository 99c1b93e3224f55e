"""What can an auditor be given about a namespace's move into the mesh?"""

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from rollout.cli.errors import Exit
from rollout.cli.mesh_session import home, migration, the_migration
from rollout.cli.options import Access, access
from rollout.cli.session import run
from rollout.cli.terminal import say, spell

if TYPE_CHECKING:
    from rollout.wiring.tools import Cluster


@click.command()
@access("markdown", "json", "yaml", namespaced=False)
@click.argument("subject", metavar="NAMESPACE")
@migration()
@home()
def evidence(access: Access, subject: str, migration: str, home: str) -> None:
    """What was proven of a namespace, with queries, values, times and who approved; exit code 1 if a record was altered."""
    run(access, lambda cluster: _evidence(access, cluster, subject, migration, home))


async def _evidence(access: Access, cluster: "Cluster", namespace: str, name: str, home: str) -> Exit:
    from rollout.services import migration_evidence
    from rollout.services.evidence_account import markdown
    from rollout.wiring.tools import mesh_records

    moving = await the_migration(cluster, name)
    place = home, datetime.now(UTC)
    found = await migration_evidence.evidence(cluster.objects, mesh_records(cluster, home), moving, namespace, place)
    if access.as_json:
        say(spell(migration_evidence.as_data(found), access.output))
    else:
        for line in markdown(found):
            say(line)
    return Exit.DIFFERENT if found.altered else Exit.OK
