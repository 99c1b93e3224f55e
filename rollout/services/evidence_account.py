"""How is told what was proven of a namespace's move into the mesh, as a page for an auditor?"""

from collections.abc import Iterator
from datetime import datetime

from rollout.services.migration_evidence import Evidence, Gate


def markdown(found: Evidence) -> list[str]:
    """The evidence as a page."""
    sections = (
        _head(found),
        _gates(found),
        _titled("Warnings that people answer for", ("finding", "by", "reason"), _acknowledged(found)),
        _titled("Approvals", ("wave", "by"), [(one.wave, one.by) for one in found.approved]),
        _titled("Commands", ("at", "by", "what", "reason", "answer"), _commands(found)),
        _titled("As it was before", ("object", "uid", "spec or labels"), _snapshot(found)),
    )
    lines: list[str] = []
    for section in sections:
        rows = list(section)
        lines += ["", *rows] if lines and rows else rows
    return lines


def _head(found: Evidence) -> Iterator[str]:
    one = found.one
    yield f"# {one.name}: evidence of its move into the mesh"
    yield ""
    yield f"MeshMigration {found.migration}, wave {found.wave or 'none'}, stage {one.stage}, {_time(found.taken)}."
    yield f"Soak: {found.confidence}."
    if one.soak.skipped_by:
        yield f"The rest of the soak was skipped by {one.soak.skipped_by}: {one.soak.skipped_why}."
    altered = ", ".join(f"{gate.proof.stage} to {gate.proof.to}" for gate in found.altered)
    if altered:
        yield f"**Altered: {altered}.** What is recorded there is not what was written."
    elif found.gates:
        yield f"All {len(found.gates)} records have the digest that they were written with; a digest is no signature."
    if found.unread:
        yield f"The commands could not be read: {found.unread}"


def _gates(found: Evidence) -> Iterator[str]:
    if not found.gates:
        yield "No gate was passed yet, or no record of it is kept."
    for number, gate in enumerate(found.gates):
        if number:
            yield ""
        yield from _gate(gate)


def _gate(gate: Gate) -> Iterator[str]:
    proof = gate.proof
    state = "" if gate.is_intact else " **altered**"
    yield f"## {proof.stage} to {proof.to}, {_time(proof.at)}{state}"
    yield ""
    yield f"Digest `{proof.digest}`" + (f", by {proof.by}" if proof.by else "") + "."
    yield ""
    yield from _table(("what", "asked", "answer"), list(proof.facts))


def _acknowledged(found: Evidence) -> list[tuple[str, ...]]:
    return [(one.key, one.by, one.reason) for one in found.acknowledged]


def _commands(found: Evidence) -> list[tuple[str, ...]]:
    return [
        (
            _time(one.command.created),
            one.command.actor,
            " ".join(filter(None, (one.command.verb.value, one.command.subject, one.command.finding))),
            one.command.reason,
            f"{one.result}: {one.message}" if one.result else "none yet",
        )
        for one in found.given
    ]


def _snapshot(found: Evidence) -> list[tuple[str, ...]]:
    kept = found.snapshot.objects if found.snapshot is not None else ()
    rows: list[tuple[str, ...]] = []
    for one in kept:
        labels = ", ".join(f"{name}={value}" for name, value in one.labels.items() if value is not None)
        rows.append((f"{one.kind} {one.name}", one.uid, one.spec or labels or "-"))
    return rows


def _titled(title: str, header: tuple[str, ...], rows: list[tuple[str, ...]]) -> Iterator[str]:
    if rows:
        yield f"## {title}"
        yield ""
        yield from _table(header, rows)


def _table(header: tuple[str, ...], rows: list[tuple[str, ...]]) -> Iterator[str]:
    yield f"| {' | '.join(header)} |"
    yield "|" + "---|" * len(header)
    for row in rows:
        yield f"| {' | '.join(_cell(text) for text in row)} |"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ") or "-"


def _time(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"
