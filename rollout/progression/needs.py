"""What must be looked at before this Rollout can be decided?"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from rollout.model.measurement import Window
from rollout.model.names import BackendName
from rollout.model.rollout import RolloutSpec, RouteRef
from rollout.model.status import Revision, RolloutStatus
from rollout.progression.telling import is_judged
from rollout.progression.view import plan_step

# The first second of a weight belongs to proxies that have not heard of it yet (measured: 0.1-0.2 s on Istio).
PROXY_LAG = timedelta(seconds=1)
# Errors of an hour ago must not hide those of now; a quiet service still needs time to gather its requests.
LONGEST_WINDOW = timedelta(minutes=15)


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """What one look has to bring. window: None when nothing is to be measured; judged: the revision to measure."""

    routes: tuple[RouteRef, ...]
    backends: tuple[BackendName, ...]
    revisions: tuple[str, ...]
    judged: Revision | None = None
    window: Window | None = None


def needs(spec: RolloutSpec, status: RolloutStatus, now: datetime) -> Needs:
    """Routes of the spec and those that still hold entries of ours; all revisions that spec and status know."""
    known = [revision for revision in (status.stable, status.former, status.failed) if revision]
    known += [status.run.canary] if status.run else []
    known += [item.revision for item in status.retiring]
    backends = {revision.backend for revision in known} | {spec.backend_of(spec.revision)}
    backends |= {spec.stable} if spec.stable else set()
    left = sorted({item.route for item in status.added} - set(spec.routes))
    return Needs(
        routes=(*spec.routes, *left),
        backends=tuple(sorted(backends)),
        revisions=tuple(sorted({revision.name for revision in known} | {spec.revision})),
        judged=status.run.canary if status.run and is_judged(status) else None,
        window=_window(spec, status, now),
    )


def _window(spec: RolloutSpec, status: RolloutStatus, now: datetime) -> Window | None:
    """The step's window: from when its weight was in force, at most as long as the soak or LONGEST_WINDOW."""
    run = status.run
    if run is None or run.in_force_at is None or not is_judged(status):
        return None
    step = plan_step(run)
    longest = max(step.soak if step else spec.analysis.bake, LONGEST_WINDOW)
    start = max(run.in_force_at + PROXY_LAG, now - longest)
    return Window(start=start, end=now) if start < now else None
