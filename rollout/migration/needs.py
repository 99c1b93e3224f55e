"""What has to be looked at for one namespace, by its stage?"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from rollout.migration.preflight.catalogue import ASKS
from rollout.model.migration import MigrationSpec, NamespaceStatus, Stage
from rollout.model.telemetry import Asked, MeshQuestion

CHECK_AGAIN = timedelta(minutes=5)  # the preflight checks list objects of many kinds
HELD_AGAIN = timedelta(minutes=1)  # while they hold somebody
CHECKED_WITHIN = 3 * CHECK_AGAIN  # what checks found longer ago proves nothing
GLANCE = timedelta(minutes=5)
CALLERS_WITHIN = timedelta(days=30)  # a caller that came once a month is one
FEWEST_SCRAPES = 4  # of 15 s: a shorter window sees no growth

_FARING = (Asked.REQUESTS, Asked.CONNECTIONS, Asked.LATENCY)
# What has to be known of the time before something is STRICT, so that the change is blamed for nothing older.
WATCHED_BEFORE = (Asked.REQUESTS, Asked.CONNECTIONS, Asked.RECENT, Asked.CERTIFICATES, Asked.WEBHOOKS)
_WATCHING = (
    *(*_FARING, Asked.RECENT, Asked.REFUSED, Asked.REFUSALS_EXIST, Asked.REJECTS, Asked.DRAINING),
    *(Asked.CERTIFICATES, Asked.WEBHOOKS),
)
_LISTENING = (
    *(Asked.PLAINTEXT, Asked.PLAINTEXT_IN_WINDOW, Asked.PLAINTEXT_OPEN),
    *(Asked.PROXIES, Asked.SCRAPED, Asked.MTLS, Asked.REFUSALS_EXIST),
)
_QUESTIONS: Mapping[Stage, tuple[Asked, ...]] = {
    Stage.BASELINE: _FARING,
    Stage.ENROLLING: _FARING,
    Stage.PERMISSIVE: _LISTENING,
    Stage.OBSERVING: _LISTENING,
    Stage.REHEARSAL: (*_LISTENING, Asked.LATENCY, *WATCHED_BEFORE),
    # Until the flip is verified, plaintext to what is not STRICT yet must be heard as well.
    Stage.STRICT_CANARY: (*_WATCHING, *_LISTENING),
    Stage.STRICT: (*_WATCHING, *_LISTENING),
    Stage.STRICT_SOAK: _WATCHING,
}
_CHECKED = frozenset({Stage.PREFLIGHT, Stage.BLOCKED, Stage.OBSERVING, Stage.REHEARSAL})


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """What one namespace needs to be looked at. checks: whether the preflight checks are to run."""

    questions: tuple[MeshQuestion, ...]
    checks: bool


def needs(spec: MigrationSpec, status: NamespaceStatus, now: datetime) -> Needs:
    """What to ask the metrics server, and whether the checks are due."""
    again = HELD_AGAIN if status.blocked or status.warned else CHECK_AGAIN
    due = status.looked is None or now - status.looked >= again or status.stage is Stage.PREFLIGHT
    checks = due and status.stage in _CHECKED
    listens = _LISTENING if status.closing else ()
    asked = (*_QUESTIONS.get(status.stage, ()), *listens, *(sorted(ASKS) if checks else ()))
    return Needs(
        questions=tuple(
            MeshQuestion(asked=one, namespace=status.name, window=_window(one, spec, status, now))
            for one in dict.fromkeys(asked)
            if one is not Asked.RECENT or spec.policies  # it is asked for budgets alone
        ),
        checks=checks,
    )


def _window(asked: Asked, spec: MigrationSpec, status: NamespaceStatus, now: datetime) -> timedelta:
    shortest = max(FEWEST_SCRAPES * spec.interval, timedelta(seconds=1))
    since = now - (status.since or now)
    match asked:
        case Asked.REQUESTS | Asked.CONNECTIONS | Asked.LATENCY if status.stage is Stage.BASELINE:
            return max(min(since, spec.baseline), shortest)
        case Asked.REQUESTS | Asked.CONNECTIONS | Asked.LATENCY if status.stage is Stage.REHEARSAL:
            return max(min(now - (status.soak.clock or now), spec.baseline), shortest)
        case Asked.REQUESTS | Asked.CONNECTIONS | Asked.LATENCY:
            # So long that a caller that comes once in a few minutes is seen to fail as well.
            return max(min(since, max(GLANCE, spec.verify)), shortest)
        case Asked.RECENT | Asked.WEBHOOKS if status.stage is Stage.REHEARSAL:
            return GLANCE
        case Asked.REFUSED | Asked.REJECTS | Asked.WEBHOOKS:
            return max(min(since, GLANCE), timedelta(seconds=1))
        case Asked.EDGES:
            return CALLERS_WITHIN
        case Asked.PLAINTEXT_IN_WINDOW:
            known = status.soak.known_until
            return max(now - known, timedelta(seconds=1)) if known is not None else max(since, shortest)
        case Asked.SCRAPED | Asked.MTLS:
            return max(min(since, spec.soak), shortest)
    return max(min(since, GLANCE), shortest)
