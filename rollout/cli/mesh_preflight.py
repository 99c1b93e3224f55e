"""What is in the way of a namespace's move into the mesh, and how is it mended?"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from rollout.cli.errors import Exit, StoppedError
from rollout.cli.mesh_session import filename, home, meant, migration, prometheus
from rollout.cli.options import Access, access
from rollout.cli.session import run
from rollout.cli.terminal import paper, say, spell

if TYPE_CHECKING:
    from rollout.migration.preflight.catalogue import Verdict
    from rollout.wiring.tools import Cluster


@click.command()
@access("json", "yaml", "wide", namespaced=False)
@click.argument("namespaces", nargs=-1, metavar="[NAMESPACE]...")
@migration()
@filename()
@home()
@prometheus()
def preflight(access: Access, namespaces: tuple[str, ...], **given: str) -> None:
    """Run all checks now; exit code 1 when one blocks, 5 when one waits for an acknowledgement."""
    run(access, lambda cluster: _preflight(access, cluster, namespaces, given))


async def _preflight(access: Access, cluster: "Cluster", names: tuple[str, ...], given: dict[str, str]) -> Exit:
    from rollout.services.migration_plan import checked
    from rollout.services.preflight_account import as_data, screen
    from rollout.wiring.tools import observing_fleet

    moving = await meant(cluster, given["migration"], given["path"])
    spec, now = moving.wanted, datetime.now(UTC)
    wanted = names or spec.namespaces
    unknown = [name for name in wanted if name not in spec.namespaces]
    if unknown:
        some = ", ".join(spec.namespaces[:5])
        raise StoppedError(Exit.NOT_FOUND, f"no wave of {moving.name} names {', '.join(unknown)}; it has {some}")
    async with observing_fleet(cluster, given["home"], given["prometheus_url"]) as observer:
        verdicts = await checked(observer, spec, moving.status, wanted, now)
    if access.as_json:
        say(spell(as_data(moving, verdicts), access.output))
    else:
        for line in screen(verdicts, paper(), wide=access.output == "wide"):
            say(line)
    return ending(verdicts)


def ending(verdicts: "Mapping[str, Verdict]") -> Exit:
    """0 when all may go on, 1 when one is blocked, 5 when one waits for an acknowledgement."""
    if any(one.blocking for one in verdicts.values()):
        return Exit.DIFFERENT
    return Exit.WAITING if any(one.waiting for one in verdicts.values()) else Exit.OK
