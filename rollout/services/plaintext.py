"""Who has spoken plaintext to a namespace since the last look, and would we have noticed?

The ledger's memory is this process's own. After a restart it begins where the status says that it had looked, and owes a
look back from there.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from policies.ledger import Ledger, Look, Terms, ledger_hold, noted, resumed, retrospect, uncertain
from policies.ledger_coverage import Telemetry, coverage, self_tested
from policies.ledger_events import Account, Event, Sample
from policies.soak import gap as silent_too_long
from rollout.migration.self_test import told_of
from rollout.model.mesh import MeshNamespace, MeshPod
from rollout.model.migration import Exemption, MigrationSpec, NamespaceStatus
from rollout.model.migration_seen import PlaintextLook
from rollout.model.telemetry import Asked, MeshAnswer, Series

Answers = Mapping[Asked, MeshAnswer]


@dataclass(slots=True)
class Listener:
    """Keeps a ledger for each namespace that is listened to, and what it told until somebody has kept that."""

    _ledgers: dict[tuple[str, str], Ledger] = field(default_factory=dict)
    _untold: dict[tuple[str, str], tuple[Event, ...]] = field(default_factory=dict)

    def look(
        self, spec: MigrationSpec, status: NamespaceStatus, namespace: MeshNamespace, answers: Answers, now: datetime
    ) -> PlaintextLook:
        """What this look tells, and what looks before it told that was not `kept`; nothing where nothing was asked."""
        place = (spec.name, status.name)
        if Asked.PLAINTEXT not in answers:
            self._ledgers.pop(place, None)
            self._untold.pop(place, None)
            return PlaintextLook()
        known = self._ledgers.get(place)
        ledger = known or _begun(status)
        terms = Terms(window=spec.soak, interval=spec.interval, accounts=tuple(_accounts(spec, namespace, now)))
        ledger, events = noted(ledger, _seen(namespace, answers), terms, now)
        ledger, more = _looked_back(ledger, answers, events, terms)
        self._ledgers[place] = ledger
        test = told_of(status)
        if test is not None and known is None:  # a memory that begins anew meets the marked request once more
            test = replace(test, seen_at=None)
        fresh = (*events, *more)
        tested, fresh = self_tested(test, fresh) if test is not None else (None, fresh)
        events = (*self._untold.get(place, ()), *fresh)
        self._untold[place] = events
        return PlaintextLook(
            events=events,
            complete=not (gap := _gap(spec, status, namespace, ledger, answers, now)),
            gap=gap,
            silent=_silent(spec, namespace, answers, now),
            known_until=ledger.known_until,
            tested=tested.seen_at if tested is not None else None,
        )

    def kept(self, migration: str) -> None:
        """What was told is in a status that was saved: it need not be told again."""
        self._untold = {place: events for place, events in self._untold.items() if place[0] != migration}

    def forget(self, migration: str) -> None:
        """Drop what is remembered of a migration that is gone."""
        self.kept(migration)
        self._ledgers = {place: one for place, one in self._ledgers.items() if place[0] != migration}


def _begun(status: NamespaceStatus) -> Ledger:
    return resumed(status.soak.known_until) if status.soak.known_until is not None else Ledger()


def _seen(namespace: MeshNamespace, answers: Answers) -> Look | None:
    plaintext, proxies = answers[Asked.PLAINTEXT].series, _rows(answers, Asked.PROXIES)
    if plaintext is None or proxies is None:
        return None
    return Look(
        samples=tuple(map(_sample, plaintext)),
        proxies={pod.name: pod.proxy_since for pod in _meshed(namespace)},
        reporting=_scrapes(proxies),
    )


def _looked_back(
    ledger: Ledger, answers: Answers, told: tuple[Event, ...], terms: Terms
) -> tuple[Ledger, tuple[Event, ...]]:
    """What is owed is paid by the metrics server's own memory, where its answer reaches back far enough."""
    answer = answers.get(Asked.PLAINTEXT_IN_WINDOW)
    if ledger.owed is None or answer is None or answer.series is None:
        return ledger, ()
    if answer.at - answer.question.window > ledger.owed:
        return ledger, ()
    return retrospect(ledger, map(_sample, answer.series), told, terms.accounts)


def _gap(
    spec: MigrationSpec,
    status: NamespaceStatus,
    namespace: MeshNamespace,
    ledger: Ledger,
    answers: Answers,
    now: datetime,
) -> str:
    """Why silence would prove nothing now; "" when it would."""
    hold = ledger_hold(ledger, spec.interval, now)
    if hold is not None:
        problem = answers[Asked.PLAINTEXT].problem
        return f"{hold.sentence}: {problem}" if problem else hold.sentence
    pods = {pod.name: pod.workload for pod in _meshed(namespace)}
    doubts = uncertain(ledger, {pod.name: pod.proxy_since for pod in _meshed(namespace)})
    had = {edge.workload for edge in status.baseline if edge.success is not None}
    traffic = {owner: owner.partition(" ")[2] in had for owner in pods.values()}
    proxies = _rows(answers, Asked.PROXIES)
    if proxies is not None and not doubts and _is_nobody_there(spec, namespace, now):
        return ""
    told = Telemetry(
        scrapes=None if proxies is None else _scrapes(proxies),
        shares=_values(answers, Asked.SCRAPED),
        mtls=_values(answers, Asked.MTLS),
    )
    missing = (*doubts, *coverage(pods, traffic, told, spec.interval, now).missing)
    more = len(missing) - 1
    return (missing[0] + (f"; and {more} more" if more else "")) if missing else ""


def _is_nobody_there(spec: MigrationSpec, namespace: MeshNamespace, now: datetime) -> bool:
    """Whether there is no pod that anybody could speak plaintext to, but for those that need no proxy."""
    spared = [one for one in spec.exceptions_of(namespace.name) if one.port is None and now.date() < one.expires]
    return all(
        pod.is_finished or (not pod.meshed and any(one.workload.items() <= pod.labels.items() for one in spared))
        for pod in namespace.pods
    )


def _silent(spec: MigrationSpec, namespace: MeshNamespace, answers: Answers, now: datetime) -> str:
    """A sentence where too many proxies were not scraped for too long; that nobody could say is the gap's matter."""
    proxies = _rows(answers, Asked.PROXIES)
    if proxies is None:
        return ""
    started = {pod.name: pod.proxy_since for pod in _meshed(namespace)}
    return silent_too_long(started, _scrapes(proxies), spec.interval, now)


def _meshed(namespace: MeshNamespace) -> list[MeshPod]:
    return [pod for pod in namespace.pods if pod.meshed and not pod.is_finished]


def _accounts(spec: MigrationSpec, namespace: MeshNamespace, now: datetime) -> Iterable[Account]:
    """The exceptions in force. Metrics do not tell ports: one for a port covers pods that declare no other one."""
    for one in spec.exceptions_of(namespace.name):
        if now.date() >= one.expires:
            continue
        names = frozenset(pod.name for pod in namespace.pods if _covers(one, pod))
        yield Account(name=f"{one.owner}'s exception", covers=_OfPods(names=names))


def _covers(one: Exemption, pod: MeshPod) -> bool:
    return one.workload.items() <= pod.labels.items() and (one.port is None or pod.ports == (one.port,))


@dataclass(frozen=True, slots=True, kw_only=True)
class _OfPods:
    names: frozenset[str]

    def __call__(self, labels: Mapping[str, str]) -> bool:
        return labels.get("pod", "") in self.names


def _sample(row: Series) -> Sample:
    text = ",".join(f"{name}={value}" for name, value in sorted(row.labels.items()))
    return Sample(series=text, labels=dict(row.labels), value=row.value, at=row.at)


def _scrapes(rows: Iterable[Series]) -> dict[str, datetime]:
    """When each proxy was scraped last."""
    return {row.label("pod"): row.at for row in rows}


def _rows(answers: Answers, asked: Asked) -> tuple[Series, ...] | None:
    answer = answers.get(asked)
    return None if answer is None else answer.series


def _values(answers: Answers, asked: Asked) -> dict[str, float] | None:
    rows = _rows(answers, asked)
    return None if rows is None else {row.label("pod"): row.value for row in rows}
