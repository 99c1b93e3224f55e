"""What hangs together: a Rollout, its routes, their backends, and the workloads behind them?"""

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from rollout.cli.errors import Exit
from rollout.cli.options import Access, access, rollout_name
from rollout.cli.session import key, run
from rollout.cli.terminal import paper, say, spell

if TYPE_CHECKING:
    from rollout.wiring.tools import Cluster


@click.command()
@access("json", "yaml")
@click.argument("name", type=rollout_name)
def tree(access: Access, name: str) -> None:
    """A Rollout with its routes, backends, workloads and weights."""
    run(access, lambda cluster: _tree(access, cluster, name))


async def _tree(access: Access, cluster: "Cluster", name: str) -> Exit:
    from rollout.services import looking, queries
    from rollout.services.tree_account import as_data, screen
    from rollout.wiring.tools import observing

    standing = await queries.rollout(cluster.objects, key(access, cluster, name))
    async with observing(cluster, standing.key.namespace) as observer:
        view = await looking.look_at(observer, standing, datetime.now(UTC))
    if access.as_json:
        say(spell(as_data(view), access.output))
    else:
        for line in screen(view, paper()):
            say(line)
    return Exit.OK
