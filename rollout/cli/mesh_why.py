"""Which gate of a namespace waits for what, and who still speaks plaintext to it?"""

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from rollout.cli.errors import Exit
from rollout.cli.mesh_session import migration, the_migration
from rollout.cli.options import Access, access
from rollout.cli.session import run
from rollout.cli.terminal import paper, say, spell

if TYPE_CHECKING:
    from rollout.wiring.tools import Cluster


@click.command()
@access("json", "yaml", namespaced=False)
@click.argument("subject", metavar="NAMESPACE")
@migration()
def why(access: Access, subject: str, migration: str) -> None:
    """Why a namespace stands where it does: its gates, and the callers that still speak plaintext."""
    run(access, lambda cluster: _why(access, cluster, subject, migration))


async def _why(access: Access, cluster: "Cluster", namespace: str, name: str) -> Exit:
    from rollout.services.migration_account import as_data, screen
    from rollout.services.migration_reads import explained

    found = explained(await the_migration(cluster, name), namespace, datetime.now(UTC))
    if access.as_json:
        say(spell(as_data(found), access.output))
    else:
        for line in screen(found, paper()):
            say(line)
    return Exit.OK
