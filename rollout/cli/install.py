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


def _overlay(command: Command) -> Command:
    """--overlay and --watch."""
    choice = click.Choice(["istio", "gateway-api", "linkerd", "namespaced", "shards"])
    shown = (
        "Only this mesh's kinds and rights, one namespace (with --watch), three shards; may be given more than once."
    )
    watch = click.option("--watch", metavar="NAME", default="", help="The namespace of --overlay namespaced.")
    return click.option("--overlay", "overlays", type=choice, multiple=True, help=shown)(watch(command))


@click.command()
@_reach
@_namespace
@click.option("--image", default="", metavar="IMAGE", help="Image of the controller.  [default: the shipped one]")
@click.option("--prometheus-url", default="", metavar="URL", help="Prometheus API that the controller asks.")
@_overlay
@click.option("--dry-run", is_flag=True, help="Print the objects as YAML; needs no cluster.")
@timeout("1m")
def install(**chosen: Any) -> None:
    """Install or update CRDs, rights and controller by server-side apply; repeating it changes nothing."""
    import yaml

    from rollout.crds import definitions
    from rollout.wiring.shipped import Choices, controller_objects

    _check_overlays(chosen["overlays"], chosen["watch"])
    choices = Choices(
        namespace=chosen["place"],
        image=chosen["image"],
        prometheus_url=chosen["prometheus_url"],
        overlays=chosen["overlays"],
        watch=chosen["watch"],
    )
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
@click.option("--crds", is_flag=True, help="Also delete the CRDs, and with them every object of our kinds.")
@click.option("--delete-namespace", is_flag=True, help="Also delete the namespace with all that is in it.")
@click.option("--force", is_flag=True, help="Even while Rollouts are there; traffic stays as it is.")
@timeout("2m")
def uninstall(**chosen: Any) -> None:
    """Remove what install made. Traffic stays as it is; delete Rollouts first, while the controller can let go of them."""
    from rollout.crds import definitions
    from rollout.wiring.shipped import CONTROLLER, installed_objects

    doomed = [
        obj for obj in installed_objects(chosen["place"]) if obj["kind"] != "Namespace" or chosen["delete_namespace"]
    ]

    async def work(cluster: "Cluster") -> Exit | None:
        from rollout.services import removing

        left = await removing.rollouts_there(cluster.objects)
        if left and not chosen["force"]:
            raise _refused(left, crds=chosen["crds"])
        elsewhere = await removing.bindings_elsewhere(cluster.objects, f"app.kubernetes.io/name={CONTROLLER}")
        await removing.remove_all(cluster.writes, [*elsewhere, *doomed], click.echo)
        if chosen["crds"]:
            crds, within = tuple(definitions().values()), _patience(chosen["timeout"])
            stuck = await removing.remove_kinds(cluster.objects, cluster.writes, crds, click.echo, within)
            if stuck:
                raise _unfinished(stuck, within)
        _tell_what_stays(chosen, left)
        return None

    run(Access(kubeconfig=chosen["kubeconfig"], context=chosen["context"]), work)


def _check_overlays(overlays: tuple[str, ...], watch: str) -> None:
    if len(set(overlays) - {"namespaced", "shards"}) > 1:
        raise click.UsageError("--overlay takes one mesh, `namespaced` and `shards` besides; without it all are served")
    if ("namespaced" in overlays) != bool(watch):
        raise click.UsageError("--overlay namespaced and --watch NAME go together: which namespace is it for?")


def _patience(wanted: timedelta) -> timedelta:
    return wanted or timedelta(days=1)


def _refused(left: tuple[str, ...], *, crds: bool) -> StoppedError:
    message = f"{len(left)} Rollouts are there: {_listed(left)}. Only the controller can bring their traffic to stable"
    hint = "delete them while the controller runs (`kubectl delete rlt -n NAMESPACE --all`), then repeat this; "
    if crds:
        hint += "--force deletes them as they are: all routes keep the weights that they have now"
    else:
        hint += "--force removes only the controller: traffic stays as it is and the Rollouts wait for a new one"
    return StoppedError(Exit.CONFLICT, message, code="RolloutsExist", hint=hint)


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(names[:_SHOWN]) + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")


def _unfinished(stuck: tuple[str, ...], waited: timedelta) -> StoppedError:
    message = f"after {waited.total_seconds():g} s there are still\n" + "\n".join(f"  {line}" for line in stuck)
    hint = "remove what they wait for and repeat the command; it goes on where it stopped"
    return StoppedError(Exit.TIMED_OUT, message, hint=hint)


def _tell_what_stays(chosen: dict[str, Any], left: tuple[str, ...]) -> None:
    if not chosen["delete_namespace"]:
        click.echo(f"kept: namespace {chosen['place']} (--delete-namespace removes it and its Secrets)")
    if not chosen["crds"]:
        click.echo("kept: the CRDs and all objects of their kinds (--crds removes them)")
    if left and chosen["crds"]:
        click.echo(
            f"kept: the weights and entries in the routes of {len(left)} Rollouts: {_listed(left)}; they are yours now"
        )
    elif left:
        click.echo(
            f"kept: {len(left)} Rollouts, which nobody works on now; deleting one waits until install brings a controller"
        )
