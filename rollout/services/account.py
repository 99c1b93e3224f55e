"""Why does a Rollout stand as it does, and how is that told on one screen?"""

from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta

from rollout.model.commands import Verb
from rollout.model.rollout import OnInconclusive
from rollout.model.status import Past, Phase, Run
from rollout.ports.errors import PortError
from rollout.ports.objects import Objects
from rollout.progression.holds import settled_at
from rollout.progression.soak import least_until, soak_until
from rollout.progression.view import View, percent
from rollout.services.account_gates import gate_rows
from rollout.services.account_hooks import hook_rows
from rollout.services.account_objectives import objectives
from rollout.services.looking import Share, look_at, possible, shares_of, unseen
from rollout.services.observe import Observer
from rollout.services.paper import Paper, age, clock, exactly, span, table
from rollout.services.planning import chosen_words
from rollout.services.queries import News, Standing, git_trouble, news

_INDENT = 14


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A Rollout, the world as its rules see it, and what happened. unseen: why the world could not be looked at.

    git: why its newest commit does not arrive, "" where it does or that was not asked.
    """

    standing: Standing
    view: View | None
    news: tuple[News, ...]
    unseen: str
    now: datetime
    git: str = ""

    @property
    def soak_until(self) -> datetime | None:
        """When the present step has soaked; None where it need not, has not begun or cannot be told."""
        rules = self.view or unseen(self.standing, self.now)
        return soak_until(rules) if rules is not None and rules.status.run is not None else None


async def accounted(
    standing: Standing, looking_at: AbstractAsyncContextManager[Observer], now: datetime, objects: Objects | None = None
) -> Account:
    """All that is known of a Rollout now; what could not be looked at is said, not raised.

    looking_at: who looks, once it is entered. objects: where Events are read from, None to read none.
    """
    view, hindered = None, ""
    told: tuple[News, ...] = ()
    git = ""
    try:
        async with looking_at as observer:
            view = await look_at(observer, standing, now)
    except PortError as error:
        hindered = "" if standing.error else str(error)
    try:
        if objects is not None:
            git = await git_trouble(objects, standing)
            told = await news(objects, standing)
    except PortError as error:
        hindered = hindered or str(error)
    return Account(standing=standing, view=view, news=told, unseen=hindered, now=now, git=git)


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
    if account.git:
        yield on.wrapped(f"  {on.styled('no news from git:', 'waiting')} {account.git}", 4)
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
