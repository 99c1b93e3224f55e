"""Which GitOps tools would fight us over the routes that Rollouts use?"""

from collections.abc import Iterable

from rollout.model.rollout import RouteRef
from rollout.ports.errors import Forbidden, NotFound
from rollout.ports.objects import Obj, Objects
from rollout.services.checking import Finding, Mark, found, lacking
from rollout.services.owners import OwnedRoute, owned_route
from rollout.traffic.owners import owner_of

CATEGORY = "GitOps owners of routes"


async def route_owners(objects: Objects, namespace: str) -> list[Finding]:
    """One finding per route of the Rollouts there ("" everywhere); the snippet for its owner is in `next`."""
    try:
        rollouts = await objects.list("Rollout", namespace)
    except (Forbidden, NotFound) as error:
        return [lacking(CATEGORY, f"Rollouts cannot be listed: {error}", "see above", Mark.WARNING)]
    findings = [await _route(objects, *place) for place in sorted(_places(rollouts))]
    return findings or [found(CATEGORY, "no Rollout names a route yet")]


def _places(rollouts: tuple[Obj, ...]) -> set[tuple[str, str, str]]:
    """(kind, namespace, name) of every route that a Rollout names."""
    return {
        (str(route["kind"]), str(rollout["metadata"]["namespace"]), str(route["name"]))
        for rollout in rollouts
        for route in rollout["spec"].get("routes") or ()
    }


async def _route(objects: Objects, kind: str, namespace: str, name: str) -> Finding:
    place = f"{kind} {namespace}/{name}"
    try:
        route = await objects.get(kind, namespace, name)
    except (Forbidden, NotFound) as error:
        return lacking(CATEGORY, f"{place}: {error}", "create it, or take it out of spec.routes", Mark.WARNING)
    owner = owner_of(route)
    if owner is None:
        return found(CATEGORY, f"{place}: no GitOps tool owns it")
    owned = owned_route(route)
    if owned is None:
        return found(CATEGORY, f"{place}: {owner} owns it and leaves it alone")
    todo = f"{owned.todo}\n{owned.snippet}".rstrip()
    return lacking(CATEGORY, f"{place}: {owner} owns it and may undo weights", todo, Mark.WARNING)


async def owned_routes(objects: Objects, namespace: str, routes: Iterable[RouteRef]) -> tuple[OwnedRoute, ...]:
    """Those of the routes that a GitOps tool may set back; what cannot be read is another finding's matter."""
    owned = []
    for ref in routes:
        try:
            owned.append(owned_route(await objects.get(ref.kind, namespace, ref.name)))
        except (Forbidden, NotFound):
            continue
    return tuple(item for item in owned if item is not None)
