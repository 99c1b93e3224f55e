"""How does an API server behave that lives in this process?

`MemoryCluster` is synchronous inside: each request is one step of the event loop, so there is nothing to lock.
`DirectApi` is the `KubeApi` on it; `face.start_face` serves the same cluster over HTTP.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from adapters.kube.api import Obj, Patch
from adapters.memory import apply, changes, definitions, effects, writes
from adapters.memory.access import Allows, User, check_access, everything, reviewed
from adapters.memory.apply import Author
from adapters.memory.builtin import BUILTIN
from adapters.memory.faults import Faults
from adapters.memory.kinds import Kinds, Target
from adapters.memory.logs import LOG, Logs, told
from adapters.memory.objects import Store, as_json, copied
from adapters.memory.reads import listing
from adapters.memory.schemas import check_strict, check_typed
from adapters.memory.statuses import PAGE_NOT_FOUND, About, RefusalError, invalid, missing, port_error, success, taken
from adapters.memory.versions import as_stored, as_version
from adapters.memory.watches import watching

Query = Mapping[str, str]
# operation (CREATE, UPDATE, DELETE), old and new object; raises Rejected or Forbidden
Admission = Callable[[str, Obj | None, Obj | None], None]

_NAMESPACES = ("default", "kube-system")
ADMIN = User(name="system:admin", groups=("system:masters", "system:authenticated"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request: where, with which query, by whom; `agent` manages the fields where no fieldManager is given."""

    path: str
    query: Query = field(default_factory=dict)
    user: User = ADMIN
    agent: str = "direct"

    @property
    def is_dry(self) -> bool:
        """Whether nothing is to be stored."""
        return self.query.get("dryRun") == "All"

    @property
    def is_strict(self) -> bool:
        """Whether an unknown field is refused, not cut off."""
        return self.query.get("fieldValidation") == "Strict"


def _utc_now() -> datetime:
    return datetime.now(UTC)


def _random_id() -> str:
    return str(uuid4())


class MemoryCluster:
    """An object store with the rules of the Kubernetes API; requests raise RefusalError, or what a fault planned."""

    def __init__(
        self,
        *,
        now: Callable[[], datetime] = _utc_now,
        ids: Callable[[], str] = _random_id,
        admission: tuple[Admission, ...] = (),
        allows: Allows = everything,
        history: int = 10_000,
    ) -> None:
        self.store = Store(history=history)
        self.kinds = Kinds(BUILTIN)
        self.faults = Faults(self._wake)
        self.admission = admission
        self.allows = allows
        self.tokens: dict[str, User] = {}  # bearer tokens that a TokenReview knows
        self.now = now
        self.logs = Logs()
        self._ids = ids
        self.seed(*({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}} for name in _NAMESPACES))

    @classmethod
    def with_kinds(cls, *names: str, now: Callable[[], datetime] = _utc_now) -> "MemoryCluster":
        """A cluster that serves these mesh kinds too (`VirtualService`, `HTTPRoute` ...)."""
        cluster = cls(now=now)
        cluster.serve(*names)
        return cluster

    def serve(self, *names: str) -> None:
        """Serve these mesh kinds from now on, by their upstream definitions without the schema."""
        self.seed(*(definitions.known(name) for name in names))

    def seed(self, *objects: Obj) -> None:
        """Store new objects as they are, status included; a missing namespace is made; no fault or hook applies."""
        for obj in objects:
            target = self.kinds.target(self.kinds.path(obj))
            body = as_stored(target, as_json(obj))
            if target.namespace and self.store.find("namespaces", ("", target.namespace)) is None:
                self.seed({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": target.namespace}})
            fresh = writes.fresh(target, body, now=self._timestamp(), uid=self._ids())
            self._keep(target, {**fresh, **({"status": body["status"]} if "status" in body else {})})

    def compact(self) -> None:
        """Forget the history: watches and pages from before now are answered 410."""
        self.store.compact()
        self._wake()

    def read(self, call: Call) -> dict[str, Any]:
        """The object or the list at the path."""
        target = self.kinds.target(call.path)
        self._entered("get" if target.name else "list", target, call)
        return as_version(target, self._existing(target)) if target.name else listing(self.store, target, call.query)

    def log(self, call: Call) -> str:
        """The text of a pod's log, at the path `.../pods/NAME/log`, as the query bounds it."""
        target = replace(self.kinds.target(call.path.removesuffix(LOG)), subresource="log")
        self._entered("get", target, call)
        if target.kind.kind != "Pod":
            raise RefusalError(404, PAGE_NOT_FOUND)
        return told(self.logs, self._existing(target), call.query)

    def create(self, call: Call, body: Obj) -> dict[str, Any]:
        """The object as stored in the collection at the path."""
        target = self.kinds.target(call.path)
        if target.name:
            raise RefusalError(405, "the server does not allow this method on the requested resource")
        lost = self._entered("create", target, call)
        if target.kind.transient:
            return reviewed(body, target, call.user, self.allows, self.tokens)
        if call.is_strict:
            check_strict(target, body)
        return _answered(
            lost, self._created(target, call, as_stored(target, body), self._author(call, target, "Update"))
        )

    def replace(self, call: Call, body: Obj) -> dict[str, Any]:
        """The object as stored after a PUT."""
        target = self.kinds.target(call.path)
        lost = self._entered("update", target, call)
        old, author = self._existing(target), self._author(call, target, "Update")
        if call.is_strict:
            check_strict(target, body)
        if target.kind.custom and not (body.get("metadata") or {}).get("resourceVersion"):
            raise invalid(target.about, "metadata.resourceVersion", "Invalid value: 0: must be specified for an update")
        return _answered(lost, self._updated(target, call, old, changes.replaced(target, old, body, author)))

    def patch(self, call: Call, content_type: str, body: Obj | list[dict[str, Any]]) -> dict[str, Any]:
        """The object as stored after a PATCH; a server-side apply makes it when it is missing."""
        target = self.kinds.target(call.path)
        lost = self._entered("patch", target, call)
        if content_type != Patch.APPLY:
            old, author = self._existing(target), self._author(call, target, "Update")
            obj = changes.patched(target, old, content_type, body, author)
            return _answered(lost, self._updated(target, call, old, obj))
        wanted = as_stored(target, apply.check_applied(target, body, call.query.get("fieldManager", "")))
        check_typed(target, wanted)
        author = self._author(call, target, "Apply")
        found = self.store.find(target.kind.resource, (target.namespace, target.name))
        if found is None and not target.subresource:
            return _answered(lost, self._created(target, call, wanted, author))
        old, force = self._existing(target), call.query.get("force") == "true"
        return _answered(
            lost, self._updated(target, call, old, changes.applied(target, old, wanted, author, force=force))
        )

    def delete(self, call: Call, options: Obj) -> dict[str, Any]:
        """A Status, or the object when finalizers hold it; a collection loses all that the selectors match."""
        target = self.kinds.target(call.path)
        lost = self._entered("delete" if target.name else "deletecollection", target, call)
        if not target.name:
            for obj in listing(self.store, target, {**call.query, "limit": ""})["items"]:
                effects.drop(self.store, self.kinds, target.kind, obj, self._timestamp())
            return _answered(lost, success(target.about, ""))
        old = self._existing(target)
        writes.check_preconditions(target, old, options)
        self._admit("DELETE", old, None)
        if call.is_dry or "All" in (options.get("dryRun") or ()):
            return success(target.about, old["metadata"]["uid"])
        if options.get("propagationPolicy", call.query.get("propagationPolicy")) == "Orphan":
            effects.orphan(self.store, old)
        held = effects.drop(self.store, self.kinds, target.kind, old, self._timestamp())
        answer = success(target.about, old["metadata"]["uid"]) if held is None else as_version(target, held)
        return _answered(lost, answer)

    def watch(self, call: Call) -> AsyncGenerator[dict[str, Any], None]:
        """Events of a collection, or of one object; raises RefusalError 410 when the history is too short."""
        target = self.kinds.target(call.path)
        self._entered("watch", target, call)
        return watching(self.store, self.faults, target, call.query)

    def _created(self, target: Target, call: Call, body: Obj, author: Author) -> dict[str, Any]:
        fresh = writes.fresh(target, body, now=self._timestamp(), uid=self._ids())
        obj = changes.created(target, fresh, body, author)
        if target.namespace and self.store.find("namespaces", ("", target.namespace)) is None:
            raise missing(About(group="", plural="namespaces", name=target.namespace))
        if self.store.find(target.kind.resource, (target.namespace, obj["metadata"]["name"])) is not None:
            raise taken(target.kind.about(obj["metadata"]["name"]))
        self._admit("CREATE", None, obj)
        return as_version(target, obj if call.is_dry else self._keep(target, obj))

    def _updated(self, target: Target, call: Call, old: Obj, obj: dict[str, Any]) -> dict[str, Any]:
        if as_version(target, old) == as_version(target, obj):
            return as_version(target, old)  # as in etcd: a write that changes nothing is none
        self._admit("UPDATE", old, obj)
        return as_version(target, obj if call.is_dry else self._keep(target, obj))

    def _keep(self, target: Target, obj: Obj) -> Obj:
        return effects.keep(self.store, self.kinds, target.kind, obj, self._timestamp())

    def _entered(self, verb: str, target: Target, call: Call) -> BaseException | None:
        lost = self.faults.entered(verb, target.resource, call.path)
        check_access(self.allows, call.user, verb, target)
        return lost

    def _author(self, call: Call, target: Target, operation: str) -> Author:
        return Author(
            manager=call.query.get("fieldManager") or call.agent,
            operation=operation,
            subresource=target.subresource,
            api_version=target.api_version,
            time=self._timestamp(),
        )

    def _admit(self, operation: str, old: Obj | None, new: Obj | None) -> None:
        for judge in self.admission:
            judge(operation, old, new)

    def _existing(self, target: Target) -> Obj:
        found = self.store.find(target.kind.resource, (target.namespace, target.name))
        if found is None:
            raise missing(target.about)
        return found

    def _timestamp(self) -> str:
        return self.now().astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    def _wake(self) -> None:
        for listener in tuple(self.store.listeners):
            listener.wake()


class DirectApi:
    """The `KubeApi` of a memory cluster, in process; what goes in and out is copied once."""

    def __init__(self, cluster: MemoryCluster, user: str = ADMIN.name, groups: tuple[str, ...] = ADMIN.groups) -> None:
        self._cluster = cluster
        self._user = User(name=user, groups=groups)

    @property
    def logs(self) -> Logs:
        """What the containers log, for whoever plays them."""
        return self._cluster.logs

    async def get(self, path: str, query: Query | None = None) -> dict[str, Any]:
        """The object or list at `path`."""
        async with self._call(path, query) as call:
            return copied(self._cluster.read(call))

    async def text(self, path: str, query: Query, most: int) -> str:
        """The log at `path`, cut off after `most` bytes."""
        async with self._call(path, query) as call:
            return self._cluster.log(call).encode()[:most].decode(errors="replace")

    async def create(self, path: str, body: Obj, query: Query | None = None) -> dict[str, Any]:
        """The object as stored; Conflict when the name is taken."""
        async with self._call(path, query) as call:
            return copied(self._cluster.create(call, as_json(body)))

    async def patch(
        self, path: str, kind: Patch, body: Obj | list[dict[str, Any]], query: Query | None = None
    ) -> dict[str, Any]:
        """The object as stored; Conflict when it is not what the patch was made for."""
        async with self._call(path, query) as call:
            return copied(self._cluster.patch(call, kind, as_json(body)))

    async def delete(self, path: str, body: Obj | None = None) -> dict[str, Any]:
        """A Status, or the object while finalizers hold it."""
        async with self._call(path, None) as call:
            return copied(self._cluster.delete(call, as_json(body or {})))

    async def watch(self, path: str, query: Query) -> AsyncIterator[dict[str, Any]]:
        """Events until timeoutSeconds; Expired when the resourceVersion is compacted."""
        async with self._call(path, query) as call, aclosing(self._cluster.watch(call)) as events:
            async for event in events:
                yield copied(event)

    @asynccontextmanager
    async def _call(self, path: str, query: Query | None) -> AsyncIterator[Call]:
        await asyncio.sleep(0)  # as on a network, others come first, and a cancelled caller asks nothing
        try:
            yield Call(path=path, query=query or {}, user=self._user)
        except RefusalError as refusal:
            raise port_error(refusal, path) from refusal


def _answered(lost: BaseException | None, answer: dict[str, Any]) -> dict[str, Any]:
    if lost is not None:
        raise lost
    return answer
