"""How does rollout get into a cluster, and how does it leave again?"""

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import click

from rollout.cli.errors import Exit, StoppedError
from rollout.cli.options import Access, Command, timeout
from rollout.cli.session import run

if TYPE_CHECKING:
    from rollout.wiring.tools import Cluster

_SHOWN = 5  # more names than this help nobody


def _namespace(command: Command) -> Command:
    """-n, with another default and meaning than elsewhere."""
    shown = "Where the controller lives."
    option = click.option(
        "-n", "--namespace", "place", default="rollout-system", show_default=True, metavar="NAME", help=shown
    )
    return option(command)


def _reach(command: Command) -> Command:
    """--context and --kubeconfig, as everywhere."""
    for option in (
        click.option("--kubeconfig", metavar="FILE", help="Kubeconfig; default: as kubectl finds it."),
        click.option("--context", metavar="NAME", help="Context of the kubeconfig; default: the current one."),
    ):
        command = option(command)
    return command


@click.command()
@_reach
@_namespace
@click.option("--image", default="", metavar="IMAGE", help="Image of the controller.  [default: the shipped one]")
@click.option("--prometheus-url", default="", metavar="URL", help="Prometheus API that the controller asks.")
@click.option("--dry-run", is_flag=True, help="Print the objects as YAML; needs no cluster.")
@timeout("1m")
def install(**chosen: Any) -> None:
    """Install or update CRDs, rights and controller by server-side apply; repeating it changes nothing."""
    import yaml

    from rollout.cli.shipped import Choices, controller_objects
    from rollout.crds import definitions

    choices = Choices(namespace=chosen["place"], image=chosen["image"], prometheus_url=chosen["prometheus_url"])
    crds, others = tuple(definitions().values()), controller_objects(choices)
    if chosen["dry_run"]:
        click.echo(yaml.safe_dump_all([*crds, *others], sort_keys=False, width=120), nl=False)
        return

    async def work(cluster: "Cluster") -> Exit | None:
        from rollout.services.installing import apply_all

        await apply_all(cluster.objects, cluster.writes, crds, others, click.echo, _patience(chosen["timeout"]))
        click.echo("installed; `rollout check` tells whether all is well")
        return None

    run(Access(kubeconfig=chosen["kubeconfig"], context=chosen["context"]), work)


@click.command()
@_reach
@_namespace
@click.option(
    "--crds", is_flag=True, help="Also delete the CRDs, and with them every GitSource, SloPolicy and command."
)
@click.option("--delete-namespace", is_flag=True, help="Also delete the namespace with all that is in it.")
@click.option("--force", is_flag=True, help="Leave Rollouts behind without a controller; never together with --crds.")
def uninstall(**chosen: Any) -> None:
    """Remove what install made. Traffic stays as it is; delete Rollouts first, while the controller can let go of them."""
    from rollout.cli.shipped import Choices, controller_objects
    from rollout.crds import definitions

    doomed = [
        obj
        for obj in controller_objects(Choices(namespace=chosen["place"]))
        if obj["kind"] != "Namespace" or chosen["delete_namespace"]
    ]

    async def work(cluster: "Cluster") -> Exit | None:
        from rollout.services.installing import remove_all, rollouts_there

        left = await rollouts_there(cluster.objects)
        if left and (chosen["crds"] or not chosen["force"]):
            raise _refused(left, crds=chosen["crds"])
        await remove_all(cluster.writes, doomed, click.echo)
        if chosen["crds"]:
            await remove_all(cluster.writes, tuple(definitions().values()), click.echo)
        _tell_what_stays(chosen, left)
        return None

    run(Access(kubeconfig=chosen["kubeconfig"], context=chosen["context"]), work)


def _patience(wanted: timedelta) -> timedelta:
    return wanted or timedelta(days=1)


def _refused(left: tuple[str, ...], *, crds: bool) -> StoppedError:
    names = ", ".join(left[:_SHOWN]) + (f" and {len(left) - _SHOWN} more" if len(left) > _SHOWN else "")
    message = f"{len(left)} Rollouts are there: {names}. Their finalizer waits for the controller to bring traffic home"
    hint = "delete them while the controller runs (`kubectl delete rlt -n NAMESPACE --all`), then repeat this"
    if not crds:
        hint += "; --force removes only the controller: traffic stays as it is and the Rollouts wait for a new one"
    return StoppedError(Exit.CONFLICT, message, code="RolloutsExist", hint=hint)


def _tell_what_stays(chosen: dict[str, Any], left: tuple[str, ...]) -> None:
    if not chosen["delete_namespace"]:
        click.echo(f"kept: namespace {chosen['place']} (--delete-namespace removes it and its Secrets and GitSources)")
    if not chosen["crds"]:
        click.echo("kept: the CRDs and all objects of their kinds (--crds removes them)")
    if left:
        click.echo(
            f"kept: {len(left)} Rollouts, which nobody works on now; deleting one waits until install brings a controller"
        )
