"""What is wrong in these manifests, and what would a change take away from revisions that still need it?"""

import asyncio
import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import click

from rollout.cli.errors import Exit, StoppedError, translated
from rollout.cli.findings import github, gitlab, line, rows
from rollout.cli.terminal import say, spell

if TYPE_CHECKING:
    from rollout.manifest.errors import SpecError
    from rollout.services.removal import Lost, Removal


@click.command()
@click.argument("paths", nargs=-1, required=True, metavar="FILE|DIR...")
@click.option("-n", "--namespace", default="default", metavar="NAME", help="Of objects that name none.")
@click.option(
    "--since", metavar="REV", default="", help="Also fail when a workload that a revision needs went since this commit."
)
@click.option("--context", metavar="NAME", help="With --since: ask this cluster what may go.")
@click.option("--kubeconfig", metavar="FILE", help="With --since: ask the cluster of this kubeconfig what may go.")
@click.option("-o", "--output", type=click.Choice(["json", "yaml", "github", "gitlab"]), help="Output format.")
def lint(paths: tuple[str, ...], output: str | None, **chosen: str | None) -> None:
    """Check manifests offline: each error as file:line:col, exit code 1 when there is one. `-` reads stdin."""
    from rollout.cli.files import manifests
    from rollout.manifest.lint import lint as check
    from rollout.manifest.overlap import overlaps

    if (chosen["context"] or chosen["kubeconfig"]) and not chosen["since"]:
        raise click.UsageError("--context and --kubeconfig go with --since; the rest of lint needs no cluster")
    namespace = chosen["namespace"] or "default"
    with translated(as_json=output in ("json", "yaml")):
        files = manifests(paths)
        errors = check(files, namespace=namespace)
        errors += overlaps(files, namespace=namespace)
        removed = _removed(paths[0], namespace, chosen) if chosen["since"] else _Removed()
        errors += removed.errors
    _show(errors, removed.unread, output)
    if output is None:
        click.echo(removed.compared, err=True, nl=bool(removed.compared))
        files_read = f"{len(files)} file{'' if len(files) == 1 else 's'}"
        found = f"{len(errors)} error{'' if len(errors) == 1 else 's'}" if errors else "no errors"
        click.echo(f"{files_read}, {found}", err=True)
    if errors:
        sys.exit(int(Exit.DIFFERENT))


def _show(errors: "list[SpecError]", unread: tuple[str, ...], output: str | None) -> None:
    if output in ("json", "yaml"):
        document = {"apiVersion": "cli.rollout.dev/v1alpha1", "kind": "Lint", "errors": rows(errors)}
        say(spell({**document, "unread": list(unread)}, output))
        return
    for path in unread:
        click.echo(f"not looked into: {path}", err=True)
    match output:
        case "gitlab":
            say(gitlab(errors))
        case _:
            for error in errors:
                say(github(error) if output == "github" else line(error))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Removed:
    """What --since adds. compared: with what, a sentence; unread: `path: why`."""

    errors: "list[SpecError]" = field(default_factory=list)
    unread: tuple[str, ...] = ()
    compared: str = ""


def _removed(path: str, namespace: str, chosen: dict[str, str | None]) -> _Removed:
    """What the change takes away, at its last place, named from where we are."""
    from rollout.manifest.errors import SpecError
    from rollout.ports.errors import NotFound, Rejected
    from rollout.services.removal import removal
    from rollout.wiring.linting import history

    place = Path.cwd() if path == "-" else Path(path)
    try:
        with history(place if place.is_dir() else place.parent) as past:
            removed = removal(past, chosen["since"] or "", namespace=namespace)
            root = past.root
    except (NotFound, Rejected) as error:
        raise StoppedError(Exit.USAGE, f"--since {chosen['since']}: {error}", code="NoHistory") from error
    lost = _asked(removed, chosen) if chosen["context"] or chosen["kubeconfig"] else removed.lost
    errors = [
        SpecError(error.message, about=error.about, file=os.path.relpath(root / error.file), line=error.line)
        for error in (one.error() for one in lost)
    ]
    return _Removed(errors=errors, unread=removed.unread, compared=f"compared with {removed.base[:12]}")


def _asked(removed: "Removal", chosen: dict[str, str | None]) -> "tuple[Lost, ...]":
    """What is left of it once the live Rollouts were asked."""
    from rollout.services.removal import unremovable
    from rollout.wiring.tools import connected

    async def ask() -> "tuple[Lost, ...]":
        async with connected(chosen["kubeconfig"], chosen["context"]) as cluster:
            return await unremovable(cluster.objects, removed)

    return asyncio.run(ask())
