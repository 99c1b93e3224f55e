"""How is traffic read from the cache and moved by the smallest patch?

The implementation of `rollout.ports.routes.Routes` for every dialect. What a weight means is decided in
`rollout.traffic`; this file only reads, sends and translates.
"""

from adapters.kube.api import KubeApi, Obj, Patch
from adapters.kube.cache import Cache
from adapters.traffic.rules import keep_rule
from adapters.traffic.writers import is_managed_by, last_writer, without_manager
from rollout.model.actions import ReleaseRoute, SetSplit, SetSubsets
from rollout.model.names import Key
from rollout.model.observation import RouteSeen, RouteState
from rollout.model.rollout import RouteRef
from rollout.ports.errors import Conflict, KindAbsent, NotFound, Rejected
from rollout.traffic.acceptance import answered
from rollout.traffic.dialects import DIALECTS, Dialect, unknown_kind
from rollout.traffic.owners import tool_of
from rollout.traffic.patch import patch
from rollout.traffic.shares import SplitError
from rollout.traffic.weights import read, would_raise, write

FIELD_MANAGER = "rollout-controller"
WRITE = {"fieldManager": FIELD_MANAGER}


class Router:
    """Route objects of all traffic APIs, read from `cache` and written through `api`."""

    def __init__(self, api: KubeApi, cache: Cache) -> None:
        self._api = api
        self._cache = cache

    def look(self, key: Key, ref: RouteRef) -> RouteSeen:
        """The route object as last seen; `accepted` only once our last write was read back through the watch."""
        dialect = DIALECTS.get(ref.kind)
        if dialect is None:
            return RouteSeen(ref=ref, state=RouteState.KIND_ABSENT, accepted=False, unsupported=unknown_kind(ref))
        if not self._cache.served(ref.kind):
            why = f"this controller leaves {ref.kind}s alone: see its setting ROLLOUT_TRAFFIC"
            unsupported = why if self._cache.is_left_out(ref.kind) else ""
            return RouteSeen(ref=ref, state=RouteState.KIND_ABSENT, accepted=False, unsupported=unsupported)
        obj = self._cache.get(ref.kind, key.namespace, ref.name)
        if obj is None:
            return RouteSeen(ref=ref, state=RouteState.MISSING, accepted=False)
        reading = read(obj, ref, dialect)
        answer = answered(obj, dialect)
        writer = last_writer(obj, FIELD_MANAGER)
        return RouteSeen(
            ref=ref,
            state=RouteState.TERMINATING if _is_terminating(obj) else RouteState.PRESENT,
            pools=reading.pools,
            missing_only=reading.missing_only,
            accepted=answer.accepted and self._is_read_back(key, ref, obj),
            problem=answer.problem,
            writer=writer.manager,
            written=writer.at,
            tool=tool_of(obj, writer.manager),
            owned=is_managed_by(obj, FIELD_MANAGER),
            unsupported=reading.unreadable,
        )

    async def set_split(self, key: Key, action: SetSplit) -> bool:
        """Make the route look like `action.split`; False when it did already (then no request is made).

        A route that is gone or on its way out counts as lowered, and so does one that somebody lowered further. Raises
        Conflict when the object changed since it was seen (lowering tries once more on what a GET brings), NotFound or
        KindAbsent when there is none, and Rejected when the object cannot carry the split exactly.
        """
        ref = action.route
        dialect = DIALECTS.get(ref.kind)
        if dialect is None:
            raise Rejected(f"{key.namespace}/{unknown_kind(ref)}")
        obj = self._cache.get(ref.kind, key.namespace, ref.name) if self._cache.served(ref.kind) else None
        if obj is None or _is_terminating(obj):
            return self._without_object(key, action, obj)
        try:
            return await self._write(key, action, dialect, obj)
        except Conflict:
            if not action.lowers:
                raise
        except NotFound:
            if not action.lowers:
                raise
            return False
        return await self._lower_once_more(key, action, dialect)

    async def release(self, key: Key, action: ReleaseRoute) -> bool:
        """Be no manager of the route's fields any more; False when we were none (then no request is made)."""
        ref = action.route
        obj = self._cache.get(ref.kind, key.namespace, ref.name) if self._cache.served(ref.kind) else None
        operations = without_manager(obj, FIELD_MANAGER) if obj is not None else []
        if not operations:
            return False
        try:
            stored = await self._api.patch(
                self._cache.path(ref.kind, key.namespace, ref.name), Patch.JSON, operations, WRITE
            )
        except NotFound:
            return False
        self._cache.wrote(ref.kind, stored)
        return True

    async def set_subsets(self, key: Key, action: SetSubsets) -> bool:
        """Make our DestinationRule for this host hold exactly these subsets; False when it did already."""
        return await keep_rule(self._api, self._cache, key.namespace, action, WRITE)

    def _is_read_back(self, key: Key, ref: RouteRef, obj: Obj) -> bool:
        """Whether the watch itself has shown what we know; own writes are known before they are shown."""
        shown = self._cache.watched(ref.kind, key.namespace, ref.name)
        return shown is not None and shown["metadata"].get("resourceVersion") == obj["metadata"].get("resourceVersion")

    def _without_object(self, key: Key, action: SetSplit, obj: Obj | None) -> bool:
        if action.lowers:
            return False
        where = f"{key.namespace}/{action.route}"
        if obj is not None:
            raise Rejected(f"{where}: is being deleted; no weight is raised on it")
        if not self._cache.served(action.route.kind):
            raise KindAbsent(f"{where}: the API server serves no {action.route.kind}; install its CRD")
        raise NotFound(f"{where}: does not exist; create it or take it out of spec.routes")

    async def _write(self, key: Key, action: SetSplit, dialect: Dialect, obj: Obj) -> bool:
        if action.lowers and would_raise(obj, action.route, action.split, dialect):
            return False
        try:
            new = write(obj, action.route, action.split, dialect)
        except SplitError as error:
            raise Rejected(f"{key.namespace}/{action.route}: {error}") from error
        operations = patch(obj, new, dialect)
        if not operations:
            return False
        path = self._cache.path(action.route.kind, key.namespace, action.route.name)
        stored = await self._api.patch(path, Patch.JSON, operations, WRITE)
        self._cache.wrote(action.route.kind, stored)
        return True

    async def _lower_once_more(self, key: Key, action: SetSplit, dialect: Dialect) -> bool:
        path = self._cache.path(action.route.kind, key.namespace, action.route.name)
        try:
            obj = await self._api.get(path)
            return False if _is_terminating(obj) else await self._write(key, action, dialect, obj)
        except NotFound:
            return False


def _is_terminating(obj: Obj) -> bool:
    return bool(obj["metadata"].get("deletionTimestamp"))
