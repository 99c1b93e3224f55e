"""What would these manifests change in the cluster? Asked of the API server itself; nothing is written."""

import difflib
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import click

from rollout.cli.errors import Exit, StoppedError
from rollout.cli.options import Access, access
from rollout.cli.session import run
from rollout.cli.terminal import paper, say, spell
from rollout.services.paper import Paper

if TYPE_CHECKING:
    from rollout.wiring.tools import Cluster

# What the server writes by itself says nothing about what a manifest changes.
_SERVERS = ("managedFields", "resourceVersion", "uid", "creationTimestamp", "generation", "selfLink")


@click.command()
@access()
@click.argument("paths", nargs=-1, metavar="[FILE|DIR]...")
@click.option("-f", "--filename", "more", multiple=True, metavar="FILE|DIR", help="The same, as kubectl has it.")
def diff(access: Access, paths: tuple[str, ...], more: tuple[str, ...]) -> None:
    """What manifests would change in the cluster: exit code 0 nothing, 1 something, more when it cannot be told."""
    files = (*paths, *more)
    if not files:
        raise click.UsageError("name files or folders with manifests; `-` is stdin")
    run(access, lambda cluster: _diff(access, cluster, files))


async def _diff(access: Access, cluster: "Cluster", files: tuple[str, ...]) -> Exit:
    from rollout.ports.errors import NotFound, Rejected

    changed = False
    for place, obj in _objects(files, access.namespace or cluster.namespace):
        metadata = obj["metadata"]
        try:
            new = await cluster.writes.apply(obj, dry_run=True)
        except Rejected as error:
            raise StoppedError(Exit.USAGE, f"{place}: {error}", code="Rejected") from error
        try:
            live = await cluster.objects.get(obj["kind"], str(new["metadata"].get("namespace", "")), metadata["name"])
        except NotFound:
            live = {}
        name = "/".join(filter(None, (new["metadata"].get("namespace"), obj["kind"], metadata["name"])))
        found = list(lines(name, live, new, paper()))
        changed = changed or bool(found)
        for line in found:
            say(line)
    return Exit.DIFFERENT if changed else Exit.OK


def lines(name: str, live: Mapping[str, Any], new: Mapping[str, Any], on: Paper) -> Iterator[str]:
    """The unified diff of an object as YAML; nothing when it stays as it is."""
    before, after = (spell(_bare(obj), "yaml").splitlines() if obj else [] for obj in (live, new))
    tones = {"+": "good", "-": "bad"}
    for line in difflib.unified_diff(before, after, f"live/{name}", f"new/{name}", lineterm=""):
        yield on.styled(line, tones.get(line[:1], ""))


def _bare(obj: Mapping[str, Any]) -> dict[str, Any]:
    metadata = {name: value for name, value in obj["metadata"].items() if name not in _SERVERS}
    return {**{name: value for name, value in obj.items() if name != "status"}, "metadata": metadata}


def _objects(files: tuple[str, ...], namespace: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every object in the files with its place; our namespaced ones get a namespace where they name none."""
    from rollout.cli.files import manifests
    from rollout.manifest.yaml import documents

    for path, content in manifests(files):
        for document in documents(content, path):
            data = document.data
            if data is None:
                continue
            place = f"{path}:{document.line(())}"
            if not isinstance(data, dict) or not isinstance(data.get("metadata"), dict) or "kind" not in data:
                raise StoppedError(Exit.USAGE, f"{place}: not an object with apiVersion, kind and metadata")
            yield place, _placed(data, namespace)


def _placed(data: dict[str, Any], namespace: str) -> dict[str, Any]:
    from rollout.manifest.group import GROUP

    metadata = {name: value for name, value in data["metadata"].items() if name != "creationTimestamp"}
    if str(data.get("apiVersion", "")).startswith(f"{GROUP}/") and data["kind"] != "MeshMigration":
        metadata.setdefault("namespace", namespace)
    return {**data, "metadata": metadata}
