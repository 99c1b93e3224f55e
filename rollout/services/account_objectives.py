"""How is told what each objective says of the canary, and by which numbers?"""

from collections.abc import Iterator
from datetime import datetime

from rollout.model.rollout import Mode
from rollout.model.status import ObjectiveVerdict, RolloutStatus, Run
from rollout.services.paper import Paper, age, clock, table


def objectives(status: RolloutStatus, on: Paper, now: datetime) -> list[str]:
    """Two lines or more for each objective; none before the first verdict."""
    verdicts = status.verdicts
    if not verdicts:
        return []
    rows = [_objective(verdict, on, now) for verdict in verdicts]
    lines = []
    for line, verdict in zip(table(("",) * 7, rows)[1:], verdicts, strict=True):
        lines.append(line)
        if verdict.verdict != "PASS" or verdict.evidence:
            lines.append(on.wrapped(f"  {verdict.code}: {verdict.message}", 4))
        lines += [on.wrapped(f"  {words}", 4) for words in _evidence(status.run, verdict)]
        lines.append(on.styled(f"  {verdict.query}", "faint"))
    return lines


def _evidence(run: Run | None, verdict: ObjectiveVerdict) -> Iterator[str]:
    """How much speaks against the canary, and what the judge compares it with; only where it gathers evidence."""
    if verdict.evidence:
        worth, _, needed = verdict.evidence.partition(" of ")
        yield f"evidence against the canary: {_worth(worth)}; a rollback needs {needed}"
    for kept in run.judged if run is not None else ():
        if kept.objective == verdict.name and kept.learnt:
            yield f"learnt before the first request: {kept.learnt}"


def _worth(worth: str) -> str:
    """What evidence of so much means: it begins at 1, and less than that speaks for the canary."""
    try:
        return f"none so far ({worth}, less than 1)" if float(worth) < 1 else f"{worth}, where 1 is none"
    except ValueError:
        return worth  # "over 1000000"


def _objective(verdict: ObjectiveVerdict, on: Paper, now: datetime) -> tuple[str, ...]:
    return (
        f"{on.mark(verdict.verdict.value)} {verdict.name}",
        on.toned(verdict.verdict.value),
        verdict.value or "-",
        verdict.limit,
        f"{verdict.samples} requests" if verdict.samples is not None else "",
        f"at {clock(verdict.at)} ({age(verdict.at, now)} ago)",
        "only shown, never decides" if verdict.mode is Mode.OBSERVE else "",
    )
