"""How is our DestinationRule made, kept and taken away?"""

from collections.abc import Mapping
from typing import Any

from adapters.kube.api import KubeApi, Obj, Patch
from adapters.kube.cache import Cache
from rollout.model.actions import SetSubsets
from rollout.ports.errors import KindAbsent, NotFound, Rejected
from rollout.traffic.subsets import KIND, is_own, own_rule, rule_name


async def keep_rule(api: KubeApi, cache: Cache, namespace: str, action: SetSubsets, query: Mapping[str, str]) -> bool:
    """Make our rule for `action.host` hold the subsets that no user's rule defines; False when it did already.

    Raises Rejected when a user's rule stands against it, KindAbsent without the CRD, Conflict when ours changed.
    """
    where = f"{namespace}/{KIND}/{rule_name(action.host)}"
    if not cache.served(KIND):
        if action.subsets:
            raise KindAbsent(f"{where}: the API server serves no {KIND}; install Istio's CRDs, or use one Service each")
        return False
    rules = cache.list(KIND, namespace)
    routes = [
        route
        for route in cache.indexed("VirtualService", "host", f"{namespace}/{action.host}")
        if route["metadata"].get("namespace") == namespace
    ]
    wanted = own_rule(action.host, action.subsets, rules, routes, namespace)
    if wanted.clash:
        raise Rejected(f"{where}: {wanted.clash}")
    now = cache.get(KIND, namespace, rule_name(action.host))
    if now is not None and not is_own(now):
        if wanted.rule is None:
            return False
        raise Rejected(f"{where}: exists and is not ours; rename it, because this name is the one we write")
    if wanted.rule is None:
        return now is not None and await _delete(api, cache, namespace, now)
    return await _store(api, cache, now, wanted.rule, query)


async def _store(api: KubeApi, cache: Cache, now: Obj | None, wanted: dict[str, Any], query: Mapping[str, str]) -> bool:
    metadata = wanted["metadata"]
    if now is None:
        body = {"apiVersion": cache.api_version(KIND), **wanted}
        stored = await api.create(cache.path(KIND, metadata["namespace"]), body, query)
    else:
        spec = {name: wanted["spec"].get(name) for name in ("host", "subsets", "exportTo")}
        if all(now["spec"].get(name) == value for name, value in spec.items()):
            return False
        changes = {"metadata": {"resourceVersion": now["metadata"]["resourceVersion"]}, "spec": spec}
        path = cache.path(KIND, metadata["namespace"], metadata["name"])
        stored = await api.patch(path, Patch.MERGE, changes, query)
    cache.wrote(KIND, stored)
    return True


async def _delete(api: KubeApi, cache: Cache, namespace: str, now: Obj) -> bool:
    same = {name: now["metadata"][name] for name in ("uid", "resourceVersion")}
    try:
        await api.delete(cache.path(KIND, namespace, now["metadata"]["name"]), {"preconditions": same})
    except NotFound:  # deleted already, the watch has not said so yet
        return False
    return True
