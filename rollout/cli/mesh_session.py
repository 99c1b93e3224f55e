"""Which MeshMigration is meant, and where is its controller?"""

from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from rollout.cli.errors import Exit, StoppedError
from rollout.cli.options import Command

if TYPE_CHECKING:
    from rollout.services.migration_reads import Moving
    from rollout.wiring.tools import Cluster

HOME = "rollout-system"  # where `rollout install` puts the controller


def migration() -> Callable[[Command], Command]:
    """The option that names the MeshMigration; the only one is meant without it."""
    return click.option(
        "--migration", default="", metavar="NAME", help="The MeshMigration; default: the only one there is."
    )


def home() -> Callable[[Command], Command]:
    """The option that says where the controller is: its commands and records are there."""
    return click.option(
        "--controller-namespace",
        "home",
        default=HOME,
        show_default=True,
        metavar="NAME",
        help="Where the controller is.",
    )


def filename() -> Callable[[Command], Command]:
    """The option that takes the MeshMigration from a file."""
    return click.option(
        "-f", "--filename", "path", default="", metavar="FILE", help="One that is not in the cluster yet; `-` is stdin."
    )


def prometheus() -> Callable[[Command], Command]:
    """The option that names a metrics server."""
    return click.option(
        "--prometheus-url", default="", metavar="URL", callback=_url, help="Also ask this Prometheus who calls whom."
    )


def _url(_ctx: click.Context, _param: click.Parameter, value: str) -> str:
    if value and not value.startswith(("http://", "https://")):
        raise click.BadParameter(f"{value} is no URL: write http://HOST:PORT")
    return value


async def the_migration(cluster: "Cluster", name: str) -> "Moving":
    """The MeshMigration of this name, or the only one; it ends the command when that is not clear."""
    from rollout.services.migration_reads import migration, migrations

    if name:
        return await migration(cluster.objects, name)
    found = await migrations(cluster.objects)
    if len(found) == 1:
        return found[0]
    if not found:
        raise StoppedError(
            Exit.NOT_FOUND, "there is no MeshMigration", hint="`rollout explain meshmigration` shows how to write one"
        )
    names = ", ".join(one.name for one in found)
    raise StoppedError(Exit.USAGE, f"there are {len(found)} MeshMigrations: {names}", hint="name one with --migration")


def from_file(path: str) -> "Moving":
    """The only MeshMigration in a file or folder, "-" for stdin, as if the controller had never seen it."""
    from rollout.cli.files import manifests
    from rollout.manifest.parse import parse_file
    from rollout.model.migration import MigrationSpec, MigrationStatus
    from rollout.services.migration_reads import Moving

    parsed = [one for file, content in manifests((path,)) for one in parse_file(file, content).manifests]
    found = [one.spec for one in parsed if isinstance(one.spec, MigrationSpec)]
    if len(found) != 1:
        raise StoppedError(Exit.USAGE, f"{path} has {len(found)} MeshMigrations; one is wanted")
    return Moving(name=found[0].name, spec=found[0], status=MigrationStatus(), obj={})


async def meant(cluster: "Cluster", name: str, path: str) -> "Moving":
    """The MeshMigration of a file where one is given, else that of the cluster."""
    return from_file(path) if path else await the_migration(cluster, name)
