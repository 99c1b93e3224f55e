"""How is the plan of a run told, on a screen, in a comment on a pull request, and to machines?"""

from collections.abc import Iterator
from datetime import UTC
from typing import Any

from rollout.progression.freezing import FreezeAhead
from rollout.services.account_data import API_VERSION
from rollout.services.account_hooks import when
from rollout.services.owners import OwnedRoute
from rollout.services.paper import Paper, exactly, table
from rollout.services.planning import RolloutPlan, Row, Stage


def screen(plan: RolloutPlan, on: Paper) -> list[str]:
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


def markdown(plan: RolloutPlan) -> list[str]:
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


def _header(plan: RolloutPlan) -> tuple[str, ...]:
    return ("ROUTE", "POOL", "BACKEND", *(_title(stage) for stage in plan.stages))


def _title(stage: Stage) -> str:
    weight = f" ({stage.weight} %)" if stage.name.startswith("step") else ""
    return f"{stage.name}{weight}".upper()


def _about(plan: RolloutPlan) -> Iterator[tuple[str, ...]]:
    """Rows that are about the stages themselves, where there is something to say."""
    facts = {
        "soak": [exactly(stage.soak) if stage.soak else "-" for stage in plan.stages],
        "approval": [stage.approval or "-" for stage in plan.stages],
        "pods": ["-" if stage.pods is None else str(stage.pods) for stage in plan.stages],
    }
    for name, cells in facts.items():
        if any(cell != "-" for cell in cells):
            yield ("", "", name, *cells)


def _weights(plan: RolloutPlan) -> Iterator[tuple[str, ...]]:
    before: Row | None = None
    for row in plan.rows:
        same_route = before is not None and before.route == row.route
        same_pool = same_route and before is not None and before.pool == row.pool
        cells = tuple("-" if weight is None else str(weight) for weight in row.weights)
        backend = f"{row.backend} ({row.role})" if row.role else str(row.backend)
        yield ("" if same_route else str(row.route), "" if same_pool else row.pool, backend, *cells)
        before = row


def _remarks(plan: RolloutPlan) -> Iterator[str]:
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


def _during(freeze: FreezeAhead) -> str:
    start, end = (f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC" for at in (freeze.start, freeze.end))
    return f"from {start} until {end}"


def _owned(item: OwnedRoute) -> str:
    return f"{item.route}: {item.owner} owns it and may undo weights; {item.todo}"


def as_data(plan: RolloutPlan) -> dict[str, Any]:
    """The plan for machines; durations are seconds."""
    return {
        "apiVersion": API_VERSION,
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


def _stage_data(stage: Stage) -> dict[str, Any]:
    return {
        "name": stage.name,
        "weight": stage.weight,
        "soak": stage.soak.total_seconds(),
        "approval": stage.approval or None,
        "pods": stage.pods,
    }
