"""What is in the way of a namespace's move into the mesh, and how is it mended?"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from rollout.cli.errors import Exit, StoppedError
from rollout.cli.mesh_session import filename, home, meant, migration, prometheus
from rollout.cli.options import Access, access
from rollout.cli.session import run
from rollout.cli.terminal import paper, say, spell
from rollout.services.paper import Paper, table

if TYPE_CHECKING:
    from rollout.migration.preflight.catalogue import Verdict
    from rollout.model.migration import Finding
    from rollout.services.migration_reads import Moving
    from rollout.wiring.tools import Cluster


@click.command()
@access("json", "yaml", "wide", namespaced=False)
@click.argument("namespaces", nargs=-1, metavar="[NAMESPACE]...")
@migration()
@filename()
@home()
@prometheus()
def preflight(access: Access, namespaces: tuple[str, ...], **given: str) -> None:
    """Run all checks now; exit code 1 when one blocks, 5 when one waits for an acknowledgement."""
    run(access, lambda cluster: _preflight(access, cluster, namespaces, given))


async def _preflight(access: Access, cluster: "Cluster", names: tuple[str, ...], given: dict[str, str]) -> Exit:
    from rollout.services.migration_plan import checked
    from rollout.wiring.tools import observing_fleet

    moving = await meant(cluster, given["migration"], given["path"])
    spec, now = moving.wanted, datetime.now(UTC)
    wanted = names or spec.namespaces
    unknown = [name for name in wanted if name not in spec.namespaces]
    if unknown:
        some = ", ".join(spec.namespaces[:5])
        raise StoppedError(Exit.NOT_FOUND, f"no wave of {moving.name} names {', '.join(unknown)}; it has {some}")
    async with observing_fleet(cluster, given["home"], given["prometheus_url"]) as observer:
        verdicts = await checked(observer, spec, moving.status, wanted, now)
    if access.as_json:
        say(spell(as_data(moving, verdicts), access.output))
    else:
        for line in screen(verdicts, paper(), wide=access.output == "wide"):
            say(line)
    return ending(verdicts)


def ending(verdicts: "Mapping[str, Verdict]") -> Exit:
    """0 when all may go on, 1 when one is blocked, 5 when one waits for an acknowledgement."""
    if any(one.blocking for one in verdicts.values()):
        return Exit.DIFFERENT
    return Exit.WAITING if any(one.waiting for one in verdicts.values()) else Exit.OK


def screen(verdicts: "Mapping[str, Verdict]", on: Paper, *, wide: bool = False) -> list[str]:
    """For each namespace what was found, worst first, and how to mend it. wide: also what only informs."""
    found: list[str] = []
    for name, verdict in verdicts.items():
        found += ["", *_namespace(name, verdict, on, wide=wide)] if found else _namespace(name, verdict, on, wide=wide)
    return found


def _namespace(name: str, verdict: "Verdict", on: Paper, *, wide: bool) -> list[str]:
    shown = [*verdict.blocking, *verdict.waiting, *(verdict.informing if wide else ())]
    counts = (
        f"{len(verdict.blocking)} block, {len(verdict.waiting)} wait for an acknowledgement, "
        f"{len(verdict.acknowledged)} acknowledged, {len(verdict.informing)} inform"
    )
    lines = [f"{on.styled(name, 'strong')}  {counts}"]
    rows = [(one.check, on.toned(one.severity.value), one.object, one.field or "-") for one in shown]
    heads = table(("CHECK", "SEVERITY", "OBJECT", "FIELD"), rows) if rows else []
    lines += [f"  {line}" for line in heads[:1]]
    for head, one in zip(heads[1:], shown, strict=True):
        lines.append(f"  {head}")
        lines.append(on.wrapped(f"      why: {one.why}", 11))
        lines.append(on.wrapped(f"      fix: {one.fix}", 11))
    if verdict.waiting:
        example = verdict.waiting[0].key
        lines.append(f'  to answer for a warning: rollout mesh acknowledge {name} "{example}" --reason TEXT')
    return lines


def as_data(moving: "Moving", verdicts: "Mapping[str, Verdict]") -> dict[str, Any]:
    """All findings for machines."""
    from rollout.services.account_data import API_VERSION

    return {
        "apiVersion": API_VERSION,
        "kind": "MeshPreflight",
        "migration": moving.name,
        "clear": all(one.is_clear for one in verdicts.values()),
        "namespaces": [
            {"namespace": name, "clear": one.is_clear, "findings": [_finding(one, found) for found in one.findings]}
            for name, one in verdicts.items()
        ],
    }


def _finding(verdict: "Verdict", found: "Finding") -> dict[str, Any]:
    return {
        "check": found.check,
        "severity": found.severity.value,
        "object": found.object,
        "field": found.field,
        "why": found.why,
        "fix": found.fix,
        "caller": found.caller,
        "acknowledged": found in verdict.acknowledged,
        "couldNotLook": found in verdict.unknown,
    }
