"""How is told, on a screen and to machines, why a namespace stands where it does on its way into the mesh?"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from rollout.services.account_data import API_VERSION
from rollout.services.migration_reads import Explained, needs_a_person
from rollout.services.paper import Paper, age, span, table

_INDENT = 14


def screen(found: Explained, on: Paper) -> list[str]:
    """The account of a namespace as lines."""
    sections = (
        _head(found, on),
        _titled("Gates", _gates(found, on)),
        _titled("Plaintext", _plaintext(found)),
        _titled("Soak", _soak(found)),
        _titled("Accepted", [f"{one.key}: {one.by}: {one.reason}" for one in found.one.acknowledged]),
    )
    lines: list[str] = []
    for section in sections:
        rows = list(section)
        lines += [*rows, ""] if rows else []
    lines.append(on.wrapped(f"Next          {found.one.next or 'the controller has not looked at it yet'}", _INDENT))
    titles = ["Possible      ", *([" " * _INDENT] * len(found.commands))]
    return [*lines, *(title + command for title, command in zip(titles, found.commands, strict=False))]


def _head(found: Explained, on: Paper) -> Iterator[str]:
    one, status = found.one, found.moving.status
    stage = one.stage.value
    parts = [on.styled(one.name, "strong"), f"{on.mark(stage)} {on.toned(stage)}"]
    parts.append(f"wave {found.wave} of {found.moving.name}" if found.wave else f"in no wave of {found.moving.name}")
    if one.since is not None:
        parts.append(f"for {age(one.since, found.now)}")
    yield "  ".join(parts)
    if status.paused:
        yield on.wrapped(f"  {on.styled('the migration is paused:', 'waiting')} {status.paused}", 4)
    if one.why_back:
        yield on.wrapped(f"  {on.styled('went back:', 'bad')} {one.why_back}", 4)


def _titled(title: str, rows: list[str]) -> Iterator[str]:
    if rows:
        yield title
        yield from (f"  {row}" for row in rows)


def _gates(found: Explained, on: Paper) -> list[str]:
    rows = []
    for reason in found.one.reasons:
        tone = "bad" if reason.warning else "waiting"
        who = " (waits for a person)" if needs_a_person(reason) else ""
        text = f"{on.styled(on.symbol(tone), tone)} {reason.code}{who}: {reason.message}"
        rows.append(on.wrapped(text, 6))
    return rows


def _plaintext(found: Explained) -> list[str]:
    callers = found.one.callers
    if not callers:
        return [found.quiet] if found.quiet else []
    newest = sorted(callers, key=lambda one: one.last, reverse=True)
    rows = [
        (
            one.source or "unknown",
            one.workload,
            str(one.calls),
            f"{one.last:%Y-%m-%d %H:%M:%S}",
            age(one.last, found.now),
        )
        for one in newest
    ]
    unknown = any(not one.source for one in callers)
    hint = f"unknown: has no proxy; `kubectl -n {found.one.name} logs POD -c istio-proxy` of what it called has its address"
    return [*table(("CALLER", "CALLED", "CALLS", "LAST SEEN", "AGO"), rows), *([hint] if unknown else [])]


def _soak(found: Explained) -> list[str]:
    soak = found.one.soak
    if soak.clock is None:
        return [f"begins anew: {soak.restarted}"] if soak.restarted else []
    left = f", {span(found.left)} left" if found.left else ", over" if found.left is not None else ""
    rows = [f"quiet since {soak.clock:%Y-%m-%d %H:%M:%S} UTC, for at least {span(soak.window)}{left}"]
    if soak.skipped_by:
        rows.append(f"the rest is skipped by {soak.skipped_by}: {soak.skipped_why}")
    return rows


def as_data(found: Explained) -> dict[str, Any]:
    """The account for machines."""
    one = found.one
    return {
        "apiVersion": API_VERSION,
        "kind": "MeshWhy",
        "migration": found.moving.name,
        "namespace": one.name,
        "wave": found.wave,
        "stage": one.stage.value,
        "since": _moment(one.since),
        "paused": found.moving.status.paused,
        "wentBack": one.why_back,
        "gates": [
            {
                "code": reason.code,
                "message": reason.message,
                "warning": reason.warning,
                "waitsForAPerson": needs_a_person(reason),
            }
            for reason in one.reasons
        ],
        "findings": {"block": one.blocked, "unacknowledged": one.warned},
        "plaintext": [
            {"caller": item.source, "called": item.workload, "calls": item.calls, "last": _moment(item.last)}
            for item in one.callers
        ],
        "soak": {
            "since": _moment(one.soak.clock),
            "windowSeconds": one.soak.window.total_seconds(),
            "proves": found.quiet,
        },
        "next": one.next,
        "possible": list(found.commands),
    }


def _moment(value: datetime | None) -> str | None:
    return None if value is None else value.isoformat()
