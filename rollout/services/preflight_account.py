"""How is told what is in the way of a namespace's move into the mesh, and how it is mended?"""

from collections.abc import Mapping
from typing import Any

from rollout.migration.preflight.catalogue import Verdict
from rollout.model.migration import Finding
from rollout.services.account_data import API_VERSION
from rollout.services.migration_reads import Moving
from rollout.services.paper import Paper, table


def screen(verdicts: Mapping[str, Verdict], on: Paper, *, wide: bool = False) -> list[str]:
    """For each namespace what was found, worst first, and how to mend it. wide: also what only informs."""
    found: list[str] = []
    for name, verdict in verdicts.items():
        found += ["", *_namespace(name, verdict, on, wide=wide)] if found else _namespace(name, verdict, on, wide=wide)
    return found


def _namespace(name: str, verdict: Verdict, on: Paper, *, wide: bool) -> list[str]:
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


def as_data(moving: Moving, verdicts: Mapping[str, Verdict]) -> dict[str, Any]:
    """All findings for machines."""
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


def _finding(verdict: Verdict, found: Finding) -> dict[str, Any]:
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
