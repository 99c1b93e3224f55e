"""What is wrong in these manifests, without a cluster?"""

import sys
from typing import TYPE_CHECKING

import click

from rollout.cli.errors import Exit, translated
from rollout.cli.terminal import say, spell

if TYPE_CHECKING:
    from rollout.manifest.errors import SpecError


@click.command()
@click.argument("paths", nargs=-1, required=True, metavar="FILE|DIR...")
@click.option("-n", "--namespace", default="default", metavar="NAME", help="Of objects that name none.")
@click.option("-o", "--output", type=click.Choice(["json", "yaml"]), help="Output format.")
def lint(paths: tuple[str, ...], namespace: str, output: str | None) -> None:
    """Check manifests offline: each error as file:line:col, exit code 1 when there is one. `-` reads stdin."""
    from rollout.cli.files import manifests
    from rollout.manifest.lint import lint as check

    with translated(as_json=output is not None):
        files = manifests(paths)
        errors = check(files, namespace=namespace)
    if output is not None:
        say(spell({"apiVersion": "cli.rollout.dev/v1alpha1", "kind": "Lint", "errors": _data(errors)}, output))
    else:
        for error in errors:
            say(line(error))
        files_read = f"{len(files)} file{'' if len(files) == 1 else 's'}"
        found = f"{len(errors)} error{'' if len(errors) == 1 else 's'}" if errors else "no errors"
        click.echo(f"{files_read}, {found}", err=True)
    if errors:
        sys.exit(int(Exit.DIFFERENT))


def line(error: "SpecError") -> str:
    """One error as compilers write it, so that editors and git hosts find the place."""
    about = f"{error.about}: " if error.about else ""
    path = f" ({error.path})" if error.path else ""
    return f"{error.place or '-'}: {about}{error.message}{path}"


def _data(errors: list["SpecError"]) -> list[dict[str, object]]:
    return [
        {
            "file": error.file,
            "line": error.line,
            "column": error.column,
            "object": error.about,
            "path": error.path,
            "message": error.message,
        }
        for error in errors
    ]
