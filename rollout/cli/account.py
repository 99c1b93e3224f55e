"""How is all that is known of a Rollout told on one screen, or as data?"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from rollout.cli.gates import gate_rows, gates_data
from rollout.cli.hooks import hook_rows, hooks_data
from rollout.cli.objectives import objectives
from rollout.cli.terminal import Paper, age, clock, exactly, span, table
from rollout.model.commands import Verb
from rollout.model.rollout import OnInconclusive
from rollout.model.status import Past, Phase, Run
from rollout.progression.holds import settled_at
from rollout.progression.soak import least_until, soak_until
from rollout.progression.view import View, percent, plan_step
from rollout.services.looking import Share, possible, shares_of, unseen
from rollout.services.planning import chosen_words
from rollout.services.queries import News, Standing

API_VERSION = "cli.rollout.dev/v1alpha1"
_INDENT = 14


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A Rollout, the world as its rules see it, and what happened. unseen: why the world could not be looked at."""

    standing: Standing
    view: View | None
    news: tuple[News, ...]
    unseen: str
    now: datetime

    @property
    def soak_until(self) -> datetime | None:
        """When the present step has soaked; None where it need not, has not begun or cannot be told."""
        rules = self.view or unseen(self.standing, self.now)
        return soak_until(rules) if rules is not None and rules.status.run is not None else None


def screen(account: Account, on: Paper) -> list[str]:
    """The account as lines."""
    sections = (
        _head(account, on),
        _rows("Weights", _weights(account, on)),
        _rows("Objectives", objectives(account.standing.status, on, account.now)),
        _rows("Outlook", _outlook(account, on)),
        _rows("Holds", _holds(account, on)),
        _rows("Clocks", _clocks(account)),
        _rows("Lately", _lately(account, on)),
    )
    lines: list[str] = []
    for section in sections:
        found = list(section)
        lines += [*found, ""] if found else []
    lines += [on.wrapped(line, _INDENT) for line in _prospect(account, on)]
    return lines


def _head(account: Account, on: Paper) -> Iterator[str]:
    item, status, run = account.standing, account.standing.status, account.standing.status.run
    mark = on.mark(status.phase.value)
    if status.phase is Phase.IDLE and (status.reasons or item.error):
        mark = on.styled(on.symbol("waiting"), "waiting")
    parts = [on.styled(str(item.key), "strong"), f"{mark} {on.toned(status.phase.value)}"]
    if run is not None:
        stable = status.stable.name if status.stable else "nothing"
        parts.append(f"run {status.runs}: {stable} {on.symbol('arrow')} {run.canary.name}")
        parts += [step_words(run), f"{run.weight} %"]
    else:
        parts.append(f"stable {status.stable.name}" if status.stable else "stable unknown")
        if item.wanted and (status.stable is None or item.wanted != status.stable.name):
            parts.append(f"git names {item.wanted}")
    yield "  ".join(parts)
    if run is not None:
        begun = f"run began {clock(run.started)} ({age(run.started, account.now)} ago)"
        yield f"  {begun}, this step {clock(run.step_started)} ({age(run.step_started, account.now)} ago)"
    place = " @ ".join(filter(None, (item.source, item.commit[:12])))
    if place:
        yield f"  spec {place}"
    if not item.is_seen:
        yield on.styled("  the controller has not looked at the newest spec yet", "waiting")
    if item.error:
        yield on.wrapped(f"  {on.styled('cannot be read:', 'bad')} {item.error}", 4)
    if account.unseen:
        yield on.wrapped(f"  {on.styled('routes and backends were not looked at:', 'waiting')} {account.unseen}", 4)


def step_words(run: Run) -> str:
    """Where a run is in its plan."""
    if run.straight:
        return "straight to 100 %"
    if not run.plan:
        return "before the first weight, which the judge chooses"
    if run.step == 0:
        return f"before step 1 of {len(run.plan)}"
    return f"step {run.step} of {len(run.plan)}" if run.step <= len(run.plan) else "all steps passed"


def _rows(title: str, rows: list[str]) -> Iterator[str]:
    if rows:
        yield title
        yield from (f"  {row}" for row in rows)


def _weights(account: Account, on: Paper) -> list[str]:
    if account.view is None:
        return []
    rows = []
    for share in shares_of(account.view):
        wanted = "-" if share.wanted is None else f"{share.wanted} %"
        agrees = not share.problem and share.wanted is not None and share.lowest == share.highest == share.wanted
        mark = on.styled(on.symbol("good"), "good") if agrees else on.styled(on.symbol("waiting"), "waiting")
        rows.append((mark, str(share.route), f"wanted {wanted}", f"seen {_seen(share)}", share.problem))
    return table(("",) * 5, rows)[1:] if rows else []


def _seen(share: Share) -> str:
    low, high = percent(share.lowest), percent(share.highest)
    return f"{low} %" if low == high else f"{low} to {high} %"


def _outlook(account: Account, on: Paper) -> list[str]:
    run, spec = account.standing.status.run, account.standing.spec
    if run is None:
        return []
    since = f"counted from {clock(run.trial_since)}" if run.trial_since else "counted from the first weight on"
    words = (f"{run.outlook}, {since}" if run.outlook else "", chosen_words(spec, run) if spec is not None else "")
    return [on.wrapped(line, 2) for line in words if line]


def _holds(account: Account, on: Paper) -> list[str]:
    reasons = account.standing.status.reasons
    rows = [(on.styled(reason.code, "bad" if reason.warning else "waiting"), reason.message) for reason in reasons]
    run = account.standing.status.run
    rows += gate_rows(run, account.view) if run is not None else []
    rows += _override(run)
    rows += hook_rows(account.standing.spec, account.standing.status)
    return [on.wrapped(line, _INDENT) for line in table(("", ""), rows)[1:]] if rows else []


def _override(run: Run | None) -> list[tuple[str, str]]:
    over = run.override if run is not None else None
    if over is None:
        return []
    return [
        ("overridden", f"{', '.join(over.windows)} by {over.by} ({over.channel}) at {clock(over.at)}: {over.reason}")
    ]


def _clocks(account: Account) -> list[str]:
    status, spec = account.standing.status, account.standing.spec
    run = status.run
    if run is None or spec is None:
        return []
    rows: list[tuple[str, str]] = []
    until = account.soak_until
    if until is not None:
        rows.append(("soak", _remaining(until, account.now)))
    if account.view is not None and spec.labels_of(run.canary.name) and run.weight == 0:
        rows.append(("subset settles", _remaining(settled_at(account.view, run), account.now)))
    least = least_until(account.view) if account.view is not None else None
    if least is not None:
        rows.append(("least duration", _remaining(least, account.now)))
    rows.append(
        ("available within", _spent(run.unavailable.elapsed(account.now), spec.available_within, "then it fails"))
    )
    then = (
        "then it rolls back" if spec.analysis.on_inconclusive is OnInconclusive.ROLLBACK else "then it goes on holding"
    )
    rows.append(("step deadline", _spent(run.verdict_missing.elapsed(account.now), spec.analysis.step_deadline, then)))
    if spec.analysis.bake:
        rows.append(("bake", f"{exactly(spec.analysis.bake)} at 100 %"))
    return table(("", ""), rows)[1:]


def _remaining(until: datetime, now: datetime) -> str:
    return f"until {clock(until)} ({span(until - now)} left)" if until > now else f"over since {clock(until)}"


def _spent(spent: timedelta, limit: timedelta, then: str) -> str:
    return f"{span(spent)} of {exactly(limit)} spent, {then}"


def _lately(account: Account, on: Paper) -> list[str]:
    rows = []
    if account.news:
        last = account.news[-1]
        rows.append(("last event", f"{clock(last.last)}  {last.code}: {last.message}"))
    if account.standing.status.history:
        past = account.standing.status.history[0]
        told = any(past.message in reason.message for reason in account.standing.status.reasons)
        rows.append(("last run", _ended_words(past) if told else past_words(past)))
    if account.standing.status.removable:
        rows.append(("git may remove", ", ".join(account.standing.status.removable)))
    return [on.wrapped(line, _INDENT) for line in table(("", ""), rows)[1:]] if rows else []


def past_words(past: Past) -> str:
    """A run of the history in a sentence."""
    return f"{_ended_words(past)} ({past.message})"


def _ended_words(past: Past) -> str:
    away = f"{past.stable or 'nothing'} to {past.revision}"
    return f"run {past.run}, {away}: {past.outcome.value} at {clock(past.ended)}"


def _prospect(account: Account, on: Paper) -> Iterator[str]:
    item = account.standing
    yield f"{on.styled('Next', 'strong')}      {item.status.next or 'the controller has said nothing yet'}"
    verbs = possible(item, account.view)
    if verbs:
        backend = " BACKEND" if Verb.NAME_STABLE in verbs else ""
        where = f"{item.key.name}{backend} -n {item.key.namespace}"
        yield f"{on.styled('Possible', 'strong')}  rollout {' | '.join(verb.value for verb in verbs)} {where}"


def as_data(account: Account) -> dict[str, Any]:
    """The account for machines; durations are seconds."""
    item, status = account.standing, account.standing.status
    run = status.run
    shares = shares_of(account.view) if account.view is not None else ()
    obj_status = item.obj.get("status") or {}
    return {
        "apiVersion": API_VERSION,
        "kind": "Why",
        "metadata": {"namespace": item.key.namespace, "name": item.key.name},
        "phase": status.phase.value,
        "stable": status.stable.name if status.stable else None,
        "wanted": item.wanted or None,
        "source": item.source or None,
        "commit": item.commit or None,
        "error": item.error or None,
        "unseen": account.unseen or None,
        "run": _run_data(run, account) if run else None,
        "weights": [
            {
                "route": str(share.route),
                "wanted": share.wanted,
                "seen": {"lowest": float(share.lowest), "highest": float(share.highest)},
                "problem": share.problem or None,
            }
            for share in shares
        ],
        "objectives": obj_status.get("verdicts", []),
        "holds": obj_status.get("reasons", []),
        "hooks": hooks_data(item.spec, status),
        "lastEvent": news_data(account.news[-1]) if account.news else None,
        "lastRun": (obj_status.get("history") or [None])[0],
        "next": status.next or None,
        "possible": [verb.value for verb in possible(item, account.view)],
    }


def _run_data(run: Run, account: Account) -> dict[str, Any]:
    until, spec, now = account.soak_until, account.standing.spec, account.now
    step, gates = plan_step(run), gates_data(run, account.view)
    return {
        "number": account.standing.status.runs,
        "canary": run.canary.name,
        "step": run.step,
        "steps": len(run.plan),
        "outlook": run.outlook or None,
        "learnt": {kept.objective: kept.learnt for kept in run.judged if kept.learnt},
        "weight": run.weight,
        "confirmed": run.confirmed,
        "started": run.started.isoformat(),
        "stepStarted": run.step_started.isoformat(),
        "soakUntil": until.isoformat() if until else None,
        "approval": step.gate or None if step else None,
        "approved": all(gate["open"] for gate in gates)
        if gates
        else any(one.step == run.step for one in run.approvals),
        "gates": gates,
        "override": _override_data(run),
        "availableWithin": spec.available_within.total_seconds() if spec else None,
        "unavailableFor": run.unavailable.elapsed(now).total_seconds(),
        "verdictMissingFor": run.verdict_missing.elapsed(now).total_seconds(),
    }


def _override_data(run: Run) -> dict[str, Any] | None:
    over = run.override
    if over is None:
        return None
    return {
        "windows": list(over.windows),
        "by": over.by,
        "channel": over.channel,
        "at": over.at.isoformat(),
        "reason": over.reason,
    }


def news_data(news: News) -> dict[str, Any]:
    """News for machines."""
    return {
        "code": news.code,
        "message": news.message,
        "warning": news.warning,
        "count": news.count,
        "first": news.first.isoformat(),
        "last": news.last.isoformat(),
    }
