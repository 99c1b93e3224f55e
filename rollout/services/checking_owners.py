"""Which GitOps tools would fight us over the routes that Rollouts use?"""

from rollout.ports.errors import Forbidden, NotFound
from rollout.ports.objects import Obj, Objects
from rollout.services.checking import Finding, Mark, found, lacking
from rollout.services.owners import ARGO, FLUX, ignore_snippet, is_ignored_by_annotation, owner_of

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
    if owner.tool == FLUX and is_ignored_by_annotation(route):
        return found(CATEGORY, f"{place}: {owner} owns it and leaves it alone")
    what = "Application" if owner.tool == ARGO else "Kustomization (Flux 2.9 or newer)"
    todo = f"unless it is there already, add to its {what}:\n{ignore_snippet(owner, route)}".rstrip()
    return lacking(CATEGORY, f"{place}: {owner} owns it and may undo weights", todo, Mark.WARNING)
