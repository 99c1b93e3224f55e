"""What does a trigger change in a namespace's status?"""

from dataclasses import replace
from datetime import datetime

from rollout.migration.edges import completed, measured
from rollout.migration.limits import total_restarts
from rollout.migration.mtls_writes import canary_problem
from rollout.migration.stages import FORWARD, TRANSITIONS, Trigger
from rollout.migration.triggers import Fired
from rollout.migration.view import View, pods_of
from rollout.model.migration import NamespaceStatus, Stage
from rollout.model.migration_marks import SoakMark
from rollout.model.telemetry import Asked


def moved(view: View, fire: Fired) -> NamespaceStatus:
    """The status after a trigger; KeyError for a move that the table does not know."""
    stage = TRANSITIONS[view.stage][fire.trigger]
    status = replace(
        view.status,
        stage=stage,
        since=view.now,
        visited=_farther(view.status.visited, stage),
        in_force=None,
        dark_since=None,
        restarts=total_restarts(view),
        soak=replace(view.status.soak, known_until=_heard_until(view)),
    )
    return _remembered(view, fire, status)


def _heard_until(view: View) -> datetime | None:
    """Up to when all plaintext is told: a move is written anyway, and what is told must not be told again after a restart."""
    return view.seen.plaintext.known_until or view.status.soak.known_until


def _remembered(view: View, fire: Fired, status: NamespaceStatus) -> NamespaceStatus:
    match fire.trigger:
        case Trigger.BASELINE_TAKEN:
            return replace(status, baseline=measured(view), recorded=True)
        case Trigger.CONTROL_SEEN:
            return replace(status, soak=SoakMark())
        case Trigger.PLAINTEXT_SEEN:
            return replace(status, soak=SoakMark(restarted=fire.why, known_until=_heard_until(view)))
        case Trigger.REHEARSED:
            status = replace(status, canary=least_risky(view), baseline=completed(view))
            return replace(status, soak=replace(status.soak, looked=view.now))  # the gate was passed by this look
        case Trigger.LIMIT_BROKEN | Trigger.FALLBACK_ASKED | Trigger.OPENED_BY_HAND:
            return replace(status, why_back=fire.why, fallbacks=view.status.fallbacks + 1)
        case Trigger.ROLLBACK_ASKED:
            return replace(status, why_back=fire.why, rolls_back=True)
        case Trigger.RETRIED:
            return replace(status, why_back="", rolls_back=False, canary="", soak=SoakMark(), looked=None)
        case Trigger.RESTORED:
            return replace(
                status,
                visited=Stage.PENDING,
                recorded=False,
                created=(),
                canary="",
                rolls_back=False,
                soak=SoakMark(),
                self_test=None,
            )
    return status


def _farther(visited: Stage, stage: Stage) -> Stage:
    if stage not in FORWARD or FORWARD.index(stage) <= FORWARD.index(visited):
        return visited
    return stage


def least_risky(view: View) -> str:
    """The workload that got the fewest requests with mTLS, by name where several did; "" when none can be STRICT alone."""
    requests: dict[str, float] = {}
    for row in view.rows(Asked.MTLS) or ():
        requests[row.label("pod")] = requests.get(row.label("pod"), 0.0) + row.value
    busy = {
        str(workload): sum(requests.get(pod.name, 0.0) for pod in pods_of(view, workload))
        for workload in view.namespace.workloads
        if not canary_problem(
            view.namespace, view.root, workload, pods_of(view, workload), view.spec.exceptions_of(view.name)
        )
    }
    return min(busy, key=lambda name: (busy[name], name)) if busy else ""
