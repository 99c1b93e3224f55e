"""Why does a Rollout stand as it does, with every rule and number, and what happens next? One screen."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from rollout.cli.errors import Exit
from rollout.cli.mesh_session import home
from rollout.cli.options import Access, access, rollout_name
from rollout.cli.session import key, run
from rollout.cli.terminal import paper, say, spell

if TYPE_CHECKING:
    from rollout.services.account import Account
    from rollout.wiring.tools import Cluster


@click.command()
@access("json", "yaml")
@click.argument("name", type=rollout_name)
@home()
def why(access: Access, name: str, home: str) -> None:
    """Why it stands as it does, with every rule and number, and what happens next."""
    run(access, lambda cluster: _why(access, replace(cluster, home=home), name))


async def _why(access: Access, cluster: "Cluster", name: str) -> Exit:
    from rollout.services.account import screen
    from rollout.services.account_data import as_data

    found = await account(cluster, access, name, datetime.now(UTC))
    if access.as_json:
        say(spell(as_data(found), access.output))
    else:
        for line in screen(found, paper()):
            say(line)
    return Exit.OK


async def account(cluster: "Cluster", access: Access, name: str, now: datetime) -> "Account":
    """All that is known of a Rollout now; what could not be looked at is said, not raised."""
    from rollout.services import queries
    from rollout.services.account import accounted
    from rollout.wiring.tools import glancing

    standing = await queries.rollout(cluster.objects, key(access, cluster, name))
    return await accounted(standing, glancing(cluster, standing, now), now, cluster.objects)
