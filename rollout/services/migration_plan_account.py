"""How is a migration's plan told, on a screen and to machines?"""

from collections.abc import Iterator
from typing import Any

from rollout.migration.plan import PlannedNamespace, PlannedWave
from rollout.services.account_data import API_VERSION
from rollout.services.migration_plan import MigrationPlan
from rollout.services.paper import Paper, span, table

_ASSUMED = (
    "Times are the least: soaks begin anew when plaintext comes, people are taken to answer at once, and pods that are made "
    "anew to take a minute. Which workload becomes STRICT first goes by its requests until then."
)


def screen(found: MigrationPlan, on: Paper) -> list[str]:
    """The plan as lines."""
    plan, spec = found.plan, found.spec
    waves = f"{len(spec.waves)} wave{'s' if len(spec.waves) > 1 else ''}"
    total = f"{len(spec.namespaces)} namespaces in {waves}, at least {span(plan.estimate)}"
    lines = [f"{on.styled(spec.name, 'strong')}  {total}"]
    if found.blind:
        words = f"{found.blind}: planned as if nobody called anybody; --prometheus-url names one"
        lines.append(on.wrapped(f"  {on.styled('callers unknown:', 'waiting')} {words}", 4))
    for wave in plan.waves:
        lines += ["", *_wave(wave, found, on)]
    lines += ["", *_unblock(found, on)] if not found.blind else []
    return [*lines, "", on.wrapped(_ASSUMED)]


def _wave(wave: PlannedWave, found: MigrationPlan, on: Paper) -> Iterator[str]:
    words = [f"{wave.concurrency} at a time", f"done after at least {span(wave.estimate)}"]
    if wave.approval:
        words.insert(0, f"needs {wave.approval}")
    yield f"{on.styled(f'WAVE {wave.name}', 'strong')}  {', '.join(words)}"
    for one in wave.namespaces:
        yield from (f"  {line}" for line in _namespace(one, found, on))


def _namespace(one: PlannedNamespace, found: MigrationPlan, on: Paper) -> Iterator[str]:
    way = found.ways.get(one.name)
    times = f"at least {span(one.least)} alone, {span(one.estimate)} with its waits" if one.least else "nothing ahead"
    yield f"{one.name}  {on.toned(one.stage.value)}  {times}"
    if way is not None and not way.before.exists:
        yield on.styled("  there is no such namespace", "bad")
    for hold in one.holds:
        yield on.wrapped(f"  {on.styled(hold.code, 'waiting')}: {hold.message}", 4)
    if way is not None and way.before.tool:
        words = f"{way.before.tool} would put these back: commit what --write DIR prints"
        yield on.wrapped(f"  {on.styled('owned:', 'waiting')} {words}", 4)
    if way is not None and way.steps:
        rows = [(stage.value, str(write)) for stage, write in way.steps]
        yield from (f"  {line}" for line in table(("STAGE", "WRITE"), rows))


def _unblock(found: MigrationPlan, on: Paper) -> list[str]:
    if not found.plan.unblock:
        return ["Nobody waits for the enrolment of another namespace."]
    lines = [on.styled("Enrol in this order, so that the most can become STRICT the soonest:", "strong")]
    for one in found.plan.unblock:
        what = f"then {', '.join(one.unlocks)} can" if one.unlocks else "with those below it"
        outside = "" if one.namespace in found.spec.namespaces else "  (in no wave)"
        lines.append(on.wrapped(f"  {one.namespace}{outside}: {what}", 4))
    return lines


def as_data(found: MigrationPlan) -> dict[str, Any]:
    """The plan for machines. Durations are seconds, and the least."""
    return {
        "apiVersion": API_VERSION,
        "kind": "MeshPlan",
        "migration": found.spec.name,
        "estimateSeconds": found.plan.estimate.total_seconds(),
        "callersUnknown": found.blind,
        "waves": [
            {
                "name": wave.name,
                "concurrency": wave.concurrency,
                "approval": wave.approval,
                "estimateSeconds": wave.estimate.total_seconds(),
                "namespaces": [_planned(one, found) for one in wave.namespaces],
            }
            for wave in found.plan.waves
        ],
        "unblock": [{"namespace": one.namespace, "unlocks": list(one.unlocks)} for one in found.plan.unblock],
    }


def _planned(one: PlannedNamespace, found: MigrationPlan) -> dict[str, Any]:
    way = found.ways.get(one.name)
    return {
        "namespace": one.name,
        "stage": one.stage.value,
        "leastSeconds": one.least.total_seconds(),
        "estimateSeconds": one.estimate.total_seconds(),
        "holds": [{"code": hold.code, "message": hold.message} for hold in one.holds],
        "writes": [{"stage": stage.value, "write": str(write)} for stage, write in (way.steps if way else ())],
    }
