"""Which weights would every object have at every step, and what stands in the way? Nothing is written."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from rollout.cli.errors import Exit, StoppedError
from rollout.cli.mesh_session import home
from rollout.cli.options import Access, access, rollout_name
from rollout.cli.session import key, run
from rollout.cli.terminal import paper, say, spell

if TYPE_CHECKING:
    from rollout.manifest.parse import Manifest
    from rollout.ports.metrics import Metrics
    from rollout.progression.view import View
    from rollout.services.observe import Observer
    from rollout.services.planning import RolloutPlan
    from rollout.wiring.tools import Cluster


@click.command()
@access("json", "yaml", "markdown")
@click.argument("name", type=rollout_name, required=False)
@click.option(
    "-f", "--filename", "files", multiple=True, metavar="FILE|DIR", help="Plan these manifests; `-` is stdin."
)
@click.option(
    "--prometheus-url", default="", metavar="URL", help="Also read stable's last hour there: what can a run prove?"
)
@home()
def plan(access: Access, name: str | None, files: tuple[str, ...], prometheus_url: str, home: str) -> None:
    """Every object's weights at every step, without writing."""
    if (name is None) == (not files):
        raise click.UsageError("name one Rollout, or give manifests with -f")
    if prometheus_url and not prometheus_url.startswith(("http://", "https://")):
        raise click.UsageError(f"--prometheus-url {prometheus_url} is no URL: write http://HOST:PORT")
    run(access, lambda cluster: _plan(access, replace(cluster, home=home), name or "", files, prometheus_url))


async def _plan(access: Access, cluster: "Cluster", name: str, files: tuple[str, ...], url: str) -> Exit:
    from rollout.services.plan_account import as_data, markdown, screen
    from rollout.wiring.tools import measuring

    async with measuring(url) as metrics:
        asked = _of_files(access, cluster, files, metrics) if files else _of_cluster(access, cluster, name, metrics)
        plans = await asked
    if access.as_json:
        data = [as_data(found) for found in plans]
        say(spell(data[0] if len(data) == 1 else {"kind": "List", "items": data}, access.output))
        return Exit.OK
    for number, found in enumerate(plans):
        if number:
            say("")
        for line in markdown(found) if access.output == "markdown" else screen(found, paper()):
            say(line)
    return Exit.OK


async def _of_cluster(access: Access, cluster: "Cluster", name: str, metrics: "Metrics | None") -> "list[RolloutPlan]":
    from rollout.services import looking, queries
    from rollout.wiring.tools import observing

    standing = await queries.rollout(cluster.objects, key(access, cluster, name))
    async with observing(cluster, standing.key.namespace, metrics) as observer:
        view = await looking.look_at(observer, standing, datetime.now(UTC))
        return [await _with_owners(cluster, await planned(observer, view, metrics), view.spec)]


async def planned(observer: "Observer", view: "View", metrics: "Metrics | None") -> "RolloutPlan":
    """The plan of what was seen; with stable's history where somebody can be asked for it."""
    from rollout.services import looking, planning

    begun = planning.beginning(view)
    if metrics is not None and begun is not None:
        view = await looking.measured(observer, view, begun)
    return planning.planned(view)


async def _of_files(
    access: Access, cluster: "Cluster", files: tuple[str, ...], metrics: "Metrics | None"
) -> "list[RolloutPlan]":
    from rollout.cli.files import manifests
    from rollout.manifest.errors import SpecErrors
    from rollout.manifest.lint import lint
    from rollout.manifest.parse import parse_file
    from rollout.model.rollout import RolloutSpec
    from rollout.wiring.tools import observing

    namespace = access.namespace or cluster.namespace
    contents = manifests(files)
    errors = lint(contents, namespace=namespace)
    if errors:
        raise SpecErrors(errors)
    parsed = [found for path, content in contents for found in parse_file(path, content, namespace=namespace).manifests]
    rollouts = [found for found in parsed if isinstance(found.spec, RolloutSpec)]
    if not rollouts:
        raise StoppedError(Exit.USAGE, f"no Rollout in {', '.join(files)}")
    plans = []
    for place in sorted({found.key.namespace for found in rollouts}):
        async with observing(cluster, place, metrics) as observer:
            for found in (found for found in rollouts if found.key.namespace == place):
                view = await _view_of(observer, found, parsed)
                plans.append(await _with_owners(cluster, await planned(observer, view, metrics), view.spec))
    return plans


async def _with_owners(cluster: "Cluster", plan: "RolloutPlan", spec: object) -> "RolloutPlan":
    """The plan, with who applies its routes besides us."""
    from rollout.model.rollout import RolloutSpec
    from rollout.services.checking_owners import owned_routes

    routes = spec.routes if isinstance(spec, RolloutSpec) else ()
    return replace(plan, owned=await owned_routes(cluster.objects, plan.key.namespace, routes))


async def _view_of(observer: "Observer", wanted: "Manifest", parsed: "list[Manifest]") -> "View":
    """The view of a manifest, with the status that its Rollout has in the cluster, if it is there."""
    from rollout.manifest.errors import SpecError
    from rollout.manifest.slopolicy import SloPolicy, with_policies
    from rollout.model.rollout import RolloutSpec
    from rollout.model.status import RolloutStatus
    from rollout.services import looking

    spec, stored = wanted.spec, observer.rollouts.get(wanted.key)
    if not isinstance(spec, RolloutSpec):
        raise TypeError(f"{wanted.kind} {wanted.key} is no Rollout")
    policies = {
        found.spec.key.name: found.spec
        for found in parsed
        if isinstance(found.spec, SloPolicy) and found.key.namespace == wanted.key.namespace
    }
    if spec.policies and all(name in policies for name in spec.policies):
        merged = with_policies(spec, policies)
        if isinstance(merged, SpecError):
            raise merged
        spec = merged
    status = stored.status if stored is not None else RolloutStatus()
    view = await looking.look(observer, spec, status, datetime.now(UTC))
    return _with_approvals(view, parsed)


def _with_approvals(view: "View", parsed: "list[Manifest]") -> "View":
    """The view with the ApprovalPolicies of the files; one of the controller's namespace wins over a local one."""
    from rollout.model.approval import ApprovalPolicy

    place, known = view.spec.key.namespace, view.seen.approvals
    found = [one.spec for one in parsed if isinstance(one.spec, ApprovalPolicy) and one.key.namespace == place]
    own = {one.key.name: one for one in found}
    theirs = {name: one for name, one in known.items() if name not in own or one.key.namespace != place}
    return replace(view, seen=replace(view.seen, approvals={**own, **theirs}))
