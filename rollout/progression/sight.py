"""At first sight of a service: which revision serves its users now?

Never a guess: a wrong stable would send a rollback to the wrong place. What cannot be told is a hold, and a person
names stable once (spec.stable, or `rollout name-stable`).
"""

from dataclasses import dataclass

from rollout.model.names import BackendName
from rollout.model.status import Reason, Revision
from rollout.progression.view import View, unusable_words, usable

STABLE_UNKNOWN = "StableUnknown"
_ASK = "name it once in spec.stable or with `rollout name-stable`"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """What first sight found: stable, or that nothing is deployed yet, or (both unset) why it cannot be told."""

    stable: Revision | None = None
    first_deployment: bool = False
    hold: Reason | None = None


def revision_at(view: View, backend: BackendName) -> Revision:
    """The revision behind `backend`; one that does not match spec.backend is called by its backend's name."""
    name = view.spec.revision_of(backend) or str(backend)
    return Revision(name=name, backend=backend, template=view.workload(name).template)


def ours(view: View, backend: BackendName) -> bool:
    """Whether `backend` can be a revision of this service: it matches spec.backend or is spec.stable."""
    return backend == view.spec.stable or view.spec.revision_of(backend) is not None


def first_sight(view: View) -> Sight:
    """What serves users, read from the routes: the one backend of this service that has weight and ready endpoints."""
    absent = [unusable_words(route) for route in view.wanted_routes() if not usable(route)]
    if absent or len(view.wanted_routes()) < len(view.spec.routes):
        return _unknown(f"stable is read from the routes: {', '.join(absent) or 'not all of them were seen'}")
    entries = [entry for route in view.wanted_routes() for pool in route.pools for entry in pool.entries]
    named = sorted({entry.backend for entry in entries if ours(view, entry.backend)})
    carrying = sorted({entry.backend for entry in entries if ours(view, entry.backend) and entry.weight > 0})
    if not named:
        return _nothing_named(view, sorted({entry.backend for entry in entries if entry.weight > 0}))
    if not carrying:
        return _unknown(f"{_list(named)} named in the routes, none with a weight; {_ASK}")
    if len(carrying) > 1 and view.spec.stable in carrying:
        carrying = [backend for backend in carrying if backend == view.spec.stable]
    if len(carrying) > 1:
        return _unknown(f"{_list(carrying)} all carry traffic and no run is known; {_ASK}")
    if view.backend(carrying[0]).ready == 0:
        return _unknown(f"{carrying[0]} carries the traffic but has no ready endpoint; mend it, or {_ASK}")
    return Sight(stable=revision_at(view, carrying[0]))


def _nothing_named(view: View, others: list[BackendName]) -> Sight:
    serving = [backend for backend in others if view.backend(backend).ready > 0]
    if serving:
        return _unknown(f"{_list(serving)} serves users and does not match spec.backend; {_ASK}")
    return Sight(first_deployment=True)


def _list(backends: list[BackendName]) -> str:
    return ", ".join(str(backend) for backend in backends)


def _unknown(why: str) -> Sight:
    return Sight(hold=Reason(code=STABLE_UNKNOWN, message=f"what serves users cannot be told: {why}", warning=True))
