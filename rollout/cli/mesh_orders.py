"""How does a person steer one namespace of a MeshMigration?"""

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import click

from rollout.cli.errors import Exit
from rollout.cli.mesh_session import home, migration, the_migration
from rollout.cli.options import Access, Command, Named, access, timeout
from rollout.cli.orders import Wish, for_migration, told
from rollout.cli.session import run

if TYPE_CHECKING:
    from rollout.wiring.tools import Cluster


def _order(
    name: str, verb: str, text: str, *options: Callable[[Command], Command], needs_reason: bool
) -> click.Command:
    """The click command of a verb for a namespace. needs_reason: whether the controller refuses it without one."""

    def give(access: Access, subject: str, **given: Any) -> None:
        run(access, lambda cluster: _given(access, cluster, verb, subject, given))

    give.__doc__ = text
    command: Command = timeout("30s")(give)
    given: dict[str, Any] = {"required": True} if needs_reason else {"default": ""}
    command = click.option("--reason", metavar="TEXT", help="Why, for the record.", **given)(command)
    command = home()(migration()(command))
    for option in reversed(options):
        command = option(command)
    command = click.argument("subject", metavar="NAMESPACE")(command)
    return click.command(name)(access("json", "yaml", namespaced=False)(command))


acknowledge = _order(
    "acknowledge",
    "acknowledge",
    'Take responsibility for a warning: FINDING is a check, or "CHECK OBJECT" as preflight shows it.',
    click.argument("finding", metavar="FINDING"),
    needs_reason=True,
)
fallback = _order(
    "fallback", "fallback", "Open the namespace again at once; the controller does it in one tick.", needs_reason=False
)
rollback = _order("rollback", "rollback", "Put the namespace back as it was before, step by step.", needs_reason=False)
retry = _order("retry", "retry", "Go on with a namespace that fell back or was rolled back.", needs_reason=False)
skip_soak = _order(
    "skip-soak",
    "promote",
    "Say that the namespace was quiet for long enough; the next plaintext makes that void.",
    needs_reason=True,
)


async def _given(access: Access, cluster: "Cluster", verb: str, namespace: str, given: dict[str, Any]) -> Exit:
    from rollout.services.migration_reads import line_of

    moving = await the_migration(cluster, given["migration"])
    line_of(moving, namespace)  # not there is exit code 6, and no command
    within: timedelta = given["timeout"]
    wish = Wish(
        verb=verb,
        name=Named(kind="MeshMigration", name=moving.name),
        reason=given["reason"],
        subject=namespace,
        finding=given.get("finding", ""),
        home=given["home"],
    )
    return await told(access, cluster, await for_migration(cluster, wish), within)
