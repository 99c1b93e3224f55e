"""How does a person's tool read and write single objects through the API server, without a cache?

The implementation of `rollout.ports.objects.Objects` and `ObjectWrites`. Each read is a request; kinds that several
versions serve are asked for in the best version that is there, and what worked is remembered.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any, TypeVar

from adapters.kube.api import KubeApi, Patch
from adapters.kube.kinds import Kind
from adapters.kube.served import ServedKinds
from rollout.ports.errors import Expired, KindAbsent, NotFound, PortError, Rejected, Unreachable
from rollout.ports.objects import Change, Obj

FIELD_MANAGER = "rollout-cli"
_ACCESS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
_SELF = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
PAGE = 2000  # the more pages, the more often somebody far away waits
_WATCH_SECONDS = 300
_FIRST_DELAY = timedelta(milliseconds=200)
_NONE: Mapping[str, Kind] = {}
_TRIES = 8  # 0.2 + 0.4 + ... + 12.8 s: longer than an API server needs to restart

T = TypeVar("T")


class KubeObjects:
    """Objects of every kind that one API server serves, by kind, namespace and name."""

    def __init__(self, api: KubeApi, also: Mapping[str, Kind] = _NONE) -> None:
        """also: kinds that the server need not be asked for, by name, besides those that we know."""
        self._api = api
        self._served = ServedKinds(api, also)

    async def get(self, kind: str, namespace: str, name: str) -> Obj:
        """One object; NotFound when it is not there."""
        return await self._of_kind(kind, lambda known, version: self._api.get(known.path(version, namespace, name)))

    async def list(self, kind: str, namespace: str = "", selector: str = "") -> tuple[Obj, ...]:
        """All objects, of one namespace if given, by namespace and name, in pages; selector: a label selector."""
        objects, _ = await self._listed(kind, namespace, _selecting(selector))
        return objects

    async def watch(self, kind: str, namespace: str = "", name: str = "", selector: str = "") -> AsyncIterator[Change]:
        """What there is, as ADDED, then every change, without end.

        After an interruption everything that was missed comes once, as MODIFIED or DELETED. Unreachable when the
        server stays away for half a minute.
        """
        query = _selecting(selector) | ({"fieldSelector": f"metadata.name={name}"} if name else {})
        known: dict[tuple[str, str], Obj] = {}
        failures = 0
        while True:
            try:
                objects, revision = await self._listed(kind, namespace, query)
                for change in _differences(known, objects):
                    yield change
                async for change in self._followed(kind, namespace, {**query, "resourceVersion": revision}):
                    failures = 0
                    _remember(known, change)
                    yield change
            except (Expired, Unreachable):
                failures += 1
                if failures >= _TRIES:
                    raise
                await asyncio.sleep(_FIRST_DELAY.total_seconds() * 2 ** (failures - 1))

    async def allowed(self, verb: str, kind: str, namespace: str = "", subresource: str = "") -> bool:
        """Whether the cluster lets us do this; False for a kind that it does not serve."""
        try:
            known = await self._served.kind(kind)
        except KindAbsent:
            return False
        attributes = {"verb": verb, "group": known.group, "resource": known.plural}
        attributes |= {"namespace": namespace} if namespace else {}
        attributes |= {"subresource": subresource} if subresource else {}
        body = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": attributes},
        }
        answer = await self._api.create(_ACCESS, body)
        return bool((answer.get("status") or {}).get("allowed"))

    async def whoami(self) -> tuple[str, tuple[str, ...]]:
        """Our user name and groups as the cluster sees them; ("", ()) where it does not say."""
        body = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
        try:
            answer = await self._api.create(_SELF, body)
        except NotFound:
            return "", ()
        user = (answer.get("status") or {}).get("userInfo") or {}
        return str(user.get("username", "")), tuple(user.get("groups") or ())

    async def create(self, obj: Obj) -> Obj:
        """The object as stored; Conflict when the name is taken."""
        kind, version, namespace = await self._place(obj)
        return await self._api.create(kind.path(version, namespace), obj, {"fieldManager": FIELD_MANAGER})

    async def apply(self, obj: Obj, *, dry_run: bool = False) -> Obj:
        """The object after server-side apply as field manager `rollout-cli`; Conflict names another manager.

        A dry run is applied, and forced, in the name of whoever applied the object last, so that fields which the
        manifest no longer lists are gone from the answer as they would be from the object.
        """
        kind, version, namespace = await self._place(obj)
        path = kind.path(version, namespace, obj["metadata"]["name"])
        query = {"fieldManager": FIELD_MANAGER}
        if dry_run:
            query = {"fieldManager": await self._applier(path), "dryRun": "All", "force": "true"}
        return await self._api.patch(path, Patch.APPLY, obj, query)

    async def patch(self, kind: str, namespace: str, name: str, operations: Sequence[Obj]) -> Obj:
        """The object after a JSON patch; Conflict when a `test` fails, NotFound when the object is gone."""
        body, query = [dict(operation) for operation in operations], {"fieldManager": FIELD_MANAGER}
        return await self._of_kind(
            kind, lambda known, version: self._api.patch(known.path(version, namespace, name), Patch.JSON, body, query)
        )

    async def delete(self, kind: str, namespace: str, name: str) -> None:
        """Delete one object; one that is gone already, or whose kind is gone, is fine."""
        try:
            await self._of_kind(kind, lambda known, version: self._api.delete(known.path(version, namespace, name)))
        except NotFound:
            return

    async def _applier(self, path: str) -> str:
        try:
            live = await self._api.get(path)
        except NotFound:
            return FIELD_MANAGER
        entries = [
            (str(entry.get("time", "")), str(entry.get("manager", "")))
            for entry in live["metadata"].get("managedFields") or ()
            if entry.get("operation") == "Apply" and not entry.get("subresource")
        ]
        return max(entries)[1] if entries else FIELD_MANAGER

    async def _listed(self, kind: str, namespace: str, query: dict[str, str]) -> tuple[tuple[Obj, ...], str]:
        """All objects, and the resourceVersion to watch on from."""
        try:
            return await self._of_kind(
                kind, lambda known, version: self._paged(known, version, namespace, {**query, "limit": str(PAGE)})
            )
        except Expired:  # the pages took longer than the server remembers: all at once then
            return await self._of_kind(kind, lambda known, version: self._paged(known, version, namespace, query))

    async def _paged(
        self, kind: Kind, version: str, namespace: str, query: dict[str, str]
    ) -> tuple[tuple[Obj, ...], str]:
        found: list[Obj] = []
        token = ""
        while True:
            page = await self._api.get(kind.path(version, namespace), {**query, "continue": token} if token else query)
            head = {"apiVersion": kind.api_version(version), "kind": kind.name}
            found += [{**head, **item} for item in page.get("items") or ()]
            token = page["metadata"].get("continue", "")
            if not token:
                return tuple(sorted(found, key=_at)), str(page["metadata"].get("resourceVersion", ""))

    async def _followed(self, kind: str, namespace: str, query: dict[str, str]) -> AsyncIterator[Change]:
        """Changes until the watch breaks; one that merely ends is begun again where it ended."""
        known = await self._served.kind(kind)
        path = known.path(await self._served.version(known), namespace)
        query = {**query, "allowWatchBookmarks": "true", "timeoutSeconds": str(_WATCH_SECONDS)}
        while True:
            async for event in self._api.watch(path, query):
                query["resourceVersion"] = event["object"]["metadata"]["resourceVersion"]
                if event["type"] != "BOOKMARK":
                    yield Change(type=event["type"], obj=event["object"])

    async def _of_kind(self, name: str, ask: Callable[[Kind, str], Awaitable[T]]) -> T:
        """What `ask` gets for the best version that is served."""
        kind = await self._served.kind(name)
        missing: PortError = KindAbsent(f"the API server serves no {name}; install its CustomResourceDefinition")
        for version in await self._served.versions(kind):
            try:
                answer = await ask(kind, version)
            except KindAbsent as error:
                missing = error
                continue
            self._served.found(kind, version)
            return answer
        raise missing

    async def _place(self, obj: Obj) -> tuple[Kind, str, str]:
        """The kind of a manifest, its version and its namespace."""
        kind, version = await self._served.of_object(obj)
        namespace = str((obj.get("metadata") or {}).get("namespace") or "")
        if kind.namespaced and not namespace:
            raise Rejected(f"{kind.name} {obj['metadata'].get('name', '')}: metadata.namespace is missing; write one")
        return kind, version, namespace if kind.namespaced else ""


def _selecting(selector: str) -> dict[str, Any]:
    return {"labelSelector": selector} if selector else {}


def _at(obj: Obj) -> tuple[str, str]:
    return obj["metadata"].get("namespace", ""), obj["metadata"]["name"]


def _remember(known: dict[tuple[str, str], Obj], change: Change) -> None:
    if change.type == "DELETED":
        known.pop(_at(change.obj), None)
    else:
        known[_at(change.obj)] = change.obj


def _differences(known: dict[tuple[str, str], Obj], objects: tuple[Obj, ...]) -> list[Change]:
    """What a list tells that was not known; `known` is as the list afterwards."""
    now = {_at(obj): obj for obj in objects}
    changes = [Change(type="DELETED", obj=known[at]) for at in sorted(known.keys() - now.keys())]
    for at, obj in now.items():
        if at not in known:
            changes.append(Change(type="ADDED", obj=obj))
        elif known[at]["metadata"].get("resourceVersion") != obj["metadata"].get("resourceVersion"):
            changes.append(Change(type="MODIFIED", obj=obj))
    known.clear()
    known.update(now)
    return changes
