"""How is told what hangs together: a Rollout, its routes, their backends, and the workloads behind them?"""

from typing import Any

from rollout.model.names import BackendName
from rollout.model.observation import Entry, Pool, RouteSeen
from rollout.progression.view import View, split_of, usable
from rollout.services.account_data import API_VERSION
from rollout.services.looking import backend_of, role_of, wanted_weights
from rollout.services.paper import Branch, Paper, drawn
from rollout.traffic import shares


def screen(view: View, on: Paper) -> list[str]:
    """The tree as it is drawn."""
    status, run_ = view.status, view.status.run
    stable = status.stable.name if status.stable else "unknown"
    change = f"{stable} {on.symbol('arrow')} {run_.canary.name}, {run_.weight} %" if run_ else f"stable {stable}"
    head = f"Rollout {view.spec.key}  {on.mark(status.phase.value)} {on.toned(status.phase.value)}  {change}"
    return [head, *drawn(on, [_route(view, route, on) for route in view.seen.routes])]


def _route(view: View, route: RouteSeen, on: Paper) -> Branch:
    if not usable(route):
        return Branch(text=f"{route.ref}  {on.styled(f'is {route.state.value}', 'bad')}")
    split = split_of(view, route.ref)
    moved = shares.managed_by(route.pools, split) if split else ()
    state = ""
    if split is not None:
        is_so = shares.in_force(route.pools, split) and route.accepted
        state = on.styled("in force", "good") if is_so else on.styled("not in force", "waiting")
    problem = route.unsupported or route.problem
    text = "  ".join(filter(None, (str(route.ref), state, on.styled(problem, "bad"))))
    return Branch(text=text, below=tuple(_pool(view, route, pool, on, is_moved=pool in moved) for pool in route.pools))


def _pool(view: View, route: RouteSeen, pool: Pool, on: Paper, *, is_moved: bool) -> Branch:
    wanted = wanted_weights(view, route) if is_moved else {}
    text = pool.name if is_moved else f"{pool.name}  {on.styled('left alone', 'faint')}"
    width = max((len(str(entry.backend)) for entry in pool.entries), default=0)
    entries = [_entry(view, entry, wanted.get((pool.name, entry.backend)), on, width) for entry in pool.entries]
    named = {entry.backend for entry in pool.entries}
    missing = [
        Branch(text=f"{backend!s:<{width}}    -  {on.styled(f'wanted {weight}, not in the route yet', 'waiting')}")
        for (name, backend), weight in wanted.items()
        if name == pool.name and backend not in named
    ]
    return Branch(text=text, below=(*entries, *missing))


def _entry(view: View, entry: Entry, wanted: int | None, on: Paper, width: int) -> Branch:
    role = role_of(view.status, entry.backend)
    differs = wanted is not None and wanted != entry.weight
    parts = (
        f"{entry.backend!s:<{width}}  {entry.weight:>3}",
        on.styled(f"wanted {wanted}", "waiting") if differs else "",
        role,
        _ready(view, entry.backend, on),
    )
    return Branch(text="  ".join(filter(None, parts)), below=_workload(view, entry.backend, on))


def _ready(view: View, name: BackendName, on: Paper) -> str:
    seen = view.backend(name)
    if not seen.exists:
        return on.styled("no such Service", "bad")
    words = f"{seen.ready} ready endpoint{'' if seen.ready == 1 else 's'}"
    words = words if seen.ready else on.styled(words, "bad")
    return words if seen.subset_defined else f"{words}, {on.styled('no such subset', 'bad')}"


def _workload(view: View, name: BackendName, on: Paper) -> tuple[Branch, ...]:
    _, workload = backend_of(view, name)
    if workload is None:
        return ()
    ref = view.spec.workload_of(workload.revision)
    named = f"{ref.kind}/{ref.name}" if ref else workload.revision
    if not workload.exists:
        return (Branch(text=f"{named}  {on.styled('does not exist', 'bad')}"),)
    words = f"{workload.ready} of {workload.wanted} pods ready"
    return (Branch(text=f"{named}  {words if workload.settled else on.styled(f'{words}, not settled', 'waiting')}"),)


def as_data(view: View) -> dict[str, Any]:
    """The tree for machines."""
    return {
        "apiVersion": API_VERSION,
        "kind": "Tree",
        "metadata": {"namespace": view.spec.key.namespace, "name": view.spec.key.name},
        "phase": view.status.phase.value,
        "routes": [_route_data(view, route) for route in view.seen.routes],
    }


def _route_data(view: View, route: RouteSeen) -> dict[str, Any]:
    wanted = wanted_weights(view, route)
    return {
        "kind": route.ref.kind,
        "name": route.ref.name,
        "state": route.state.value,
        "problem": route.unsupported or route.problem or None,
        "pools": [
            {
                "name": pool.name,
                "backends": [
                    {
                        **_backend_data(view, entry.backend),
                        "weight": entry.weight,
                        "wanted": wanted.get((pool.name, entry.backend)),
                    }
                    for entry in pool.entries
                ],
            }
            for pool in route.pools
        ],
    }


def _backend_data(view: View, name: BackendName) -> dict[str, Any]:
    backend, workload = backend_of(view, name)
    ref = view.spec.workload_of(workload.revision) if workload else None
    behind = None
    if ref is not None and workload is not None:
        counts = {"exists": workload.exists, "ready": workload.ready, "wanted": workload.wanted}
        behind = {"kind": ref.kind, "name": ref.name, **counts}
    return {
        "backend": str(name),
        "role": role_of(view.status, name) or None,
        "exists": backend.exists,
        "ready": backend.ready,
        "workload": behind,
    }
