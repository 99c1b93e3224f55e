"""Which weights would every object have at every step, and what stands in the way? Nothing is written."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from rollout.cli.errors import Exit, StoppedError
from rollout.cli.mesh_session import home
from rollout.cli.options import Access, access, rollout_name
from rollout.cli.session import key, run
from rollout.cli.terminal import paper, say, spell
from rollout.services.paper import Paper, exactly, table

if TYPE_CHECKING:
    from rollout.manifest.parse import Manifest
    from rollout.ports.metrics import Metrics
    from rollout.progression.freezing import FreezeAhead
    from rollout.progression.view import View
    from rollout.services.observe import Observer
    from rollout.services.owners import OwnedRoute
    from rollout.services.planning import RolloutPlan, Row, Stage
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
        for line in markdown(found) if access.output == "markdown" else lines(found, paper()):
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


def lines(plan: "RolloutPlan", on: Paper) -> list[str]:
    """The plan as people read it."""
    head = f"{on.styled(str(plan.key), 'strong')}  {plan.stable or 'stable unknown'}"
    head += f" {on.symbol('arrow')} {plan.canary}" if plan.canary else ""
    found = [head + ("  (what is left of the present run)" if plan.is_running else "")]
    if plan.note:
        found.append(f"  {plan.note}")
    if plan.rows:
        found += ["", *(f"  {line}" for line in table(_header(plan), [*_about(plan), *_weights(plan)]))]
    found += [f"  {text}" for text in _remarks(plan)]
    for item in plan.owned:
        found += ["", *on.wrapped(f"  {_owned(item)}", 2).splitlines()]
        found += [f"      {line}" for line in item.snippet.splitlines()]
    if plan.holds:
        rows = [(on.styled(hold.code, "bad" if hold.warning else "waiting"), hold.message) for hold in plan.holds]
        width = max(len(hold.code) for hold in plan.holds) + 5
        found += ["", on.styled("  In its way now", "strong")]
        found += [on.wrapped(f"  {line}", width) for line in table(("", ""), rows)[1:]]
    elif plan.canary:
        found += ["", f"  {on.styled(on.symbol('good'), 'good')} nothing stands in its way now"]
    return found


def markdown(plan: "RolloutPlan") -> list[str]:
    """The plan for a comment on a pull request."""
    found = [f"### {plan.key}: {plan.stable or '?'} -> {plan.canary or 'nothing to do'}", ""]
    found += [plan.note, ""] if plan.note else []
    if plan.rows:
        rows = [_header(plan), tuple("---" for _ in _header(plan)), *_about(plan), *_weights(plan)]
        found += [f"| {' | '.join(row)} |" for row in rows]
    found += ["", *(f"- {text}" for text in _remarks(plan))]
    for item in plan.owned:
        found += ["", _owned(item), "```yaml", *item.snippet.splitlines(), "```", ""]
    found += [f"- **{hold.code}** {hold.message}" for hold in plan.holds]
    return found


def _header(plan: "RolloutPlan") -> tuple[str, ...]:
    return ("ROUTE", "POOL", "BACKEND", *(_title(stage) for stage in plan.stages))


def _title(stage: "Stage") -> str:
    weight = f" ({stage.weight} %)" if stage.name.startswith("step") else ""
    return f"{stage.name}{weight}".upper()


def _about(plan: "RolloutPlan") -> Iterator[tuple[str, ...]]:
    """Rows that are about the stages themselves, where there is something to say."""
    facts = {
        "soak": [exactly(stage.soak) if stage.soak else "-" for stage in plan.stages],
        "approval": [stage.approval or "-" for stage in plan.stages],
        "pods": ["-" if stage.pods is None else str(stage.pods) for stage in plan.stages],
    }
    for name, cells in facts.items():
        if any(cell != "-" for cell in cells):
            yield ("", "", name, *cells)


def _weights(plan: "RolloutPlan") -> Iterator[tuple[str, ...]]:
    before: Row | None = None
    for row in plan.rows:
        same_route = before is not None and before.route == row.route
        same_pool = same_route and before is not None and before.pool == row.pool
        cells = tuple("-" if weight is None else str(weight) for weight in row.weights)
        backend = f"{row.backend} ({row.role})" if row.role else str(row.backend)
        yield ("" if same_route else str(row.route), "" if same_pool else row.pool, backend, *cells)
        before = row


def _remarks(plan: "RolloutPlan") -> Iterator[str]:
    from rollout.services.account_hooks import when

    if plan.stages:
        gates = f", and {plan.approvals} approval{'s' if plan.approvals > 1 else ''}" if plan.approvals else ""
        yield f"takes at least {exactly(plan.duration)}{gates}; the evidence may take longer"
    if plan.outlook:
        yield f"{plan.canary}: {plan.outlook}"
    for freeze in plan.freezes:
        yield f"FreezeWindow {freeze.window} keeps its weight {_during(freeze)}, if it is not done before"
    for hook in plan.hooks:
        yield when(hook)
    for subset in plan.subsets:
        labels = ",".join(f"{name}={value}" for name, value in subset.labels)
        yield f"makes subset {subset.name} ({labels}) before any route names it"
    if plan.left_alone:
        yield f"leaves alone: {', '.join(plan.left_alone)}"


def _during(freeze: "FreezeAhead") -> str:
    start, end = (f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC" for at in (freeze.start, freeze.end))
    return f"from {start} until {end}"


def _owned(item: "OwnedRoute") -> str:
    return f"{item.route}: {item.owner} owns it and may undo weights; {item.todo}"


def as_data(plan: "RolloutPlan") -> dict[str, Any]:
    """The plan for machines; durations are seconds."""
    return {
        "apiVersion": "cli.rollout.dev/v1alpha1",
        "kind": "Plan",
        "metadata": {"namespace": plan.key.namespace, "name": plan.key.name},
        "stable": plan.stable or None,
        "canary": plan.canary or None,
        "running": plan.is_running,
        "note": plan.note or None,
        "stages": [_stage_data(stage) for stage in plan.stages],
        "weights": [
            {
                "route": str(row.route),
                "pool": row.pool,
                "backend": str(row.backend),
                "role": row.role or None,
                "weights": list(row.weights),
            }
            for row in plan.rows
        ],
        "leftAlone": list(plan.left_alone),
        "subsets": [{"name": subset.name, "labels": dict(subset.labels)} for subset in plan.subsets],
        "owners": [
            {"route": item.route, "tool": item.owner.tool, "name": item.owner.name or None, "snippet": item.snippet}
            for item in plan.owned
        ],
        "outlook": plan.outlook or None,
        "freezes": [
            {"window": str(one.window), "from": one.start.isoformat(), "to": one.end.isoformat()}
            for one in plan.freezes
        ],
        "leastSeconds": plan.duration.total_seconds(),
        "approvals": plan.approvals,
        "hooks": [{"name": hook.name, "type": hook.type.value} for hook in plan.hooks],
        "holds": [{"code": hold.code, "message": hold.message, "warning": hold.warning} for hold in plan.holds],
    }


def _stage_data(stage: "Stage") -> dict[str, Any]:
    return {
        "name": stage.name,
        "weight": stage.weight,
        "soak": stage.soak.total_seconds(),
        "approval": stage.approval or None,
        "pods": stage.pods,
    }
