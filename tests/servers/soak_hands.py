"""How does a person edit the weights of a route by hand, as `kubectl edit` does?"""

from collections.abc import Callable

from tests.servers.client import Kube, KubeError
from tests.servers.soak_facts import ROUTES, Saved, revision_of

FULL = 100
CONFLICT = 409
Draw = Callable[[int, int], int]  # of what the canary has, and of the most that it may have: what it is to have


def edited(kube: Kube, status: Saved, route: str, draw: Draw) -> int:
    """The revision in which a route gives the canary of this status a share of its own, and stable the rest.

    0 where they do not share the route any more, or somebody wrote it in between.
    """
    root, _, plural = ROUTES.rpartition("/")
    path = f"{root}/namespaces/{status.key[0]}/{plural}/{route}"
    obj = kube.get(path)
    entries = {revision_of(entry["destination"], status.key[1]): entry for entry in obj["spec"]["http"][0]["route"]}
    canary, stable = entries.get(status.canary), entries.get(status.stable)
    if canary is None or stable is None or not 0 < canary.get("weight", FULL) < FULL:
        return 0
    both = canary["weight"] + stable["weight"]
    canary["weight"] = draw(canary["weight"], both)
    stable["weight"] = both - canary["weight"]
    change = {"metadata": {"resourceVersion": obj["metadata"]["resourceVersion"]}, "spec": obj["spec"]}
    try:
        stored = kube.patch(f"{path}?fieldManager=kubectl-edit", change)
    except KubeError as error:
        if error.status != CONFLICT:
            raise
        return 0
    return int(stored["metadata"]["resourceVersion"])
