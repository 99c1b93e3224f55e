"""How do our objects leave a cluster again, so that nothing hangs and nothing of others is touched?

A CRD goes only when all objects of its kind are gone, and an object only when its finalizers are. So ours are taken off
first; those of others stay, and are named.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from rollout.manifest.group import GROUP
from rollout.ports.errors import Conflict, KindAbsent, NotFound, PortError, Unreachable
from rollout.ports.objects import Obj, Objects, ObjectWrites
from rollout.services.installing import Say, name_of

_CRD = "CustomResourceDefinition"
_PAUSE_S = 0.5
# kube-apiserver's CRD finalizer forgets a CRD when its first attempt fails ("storage is (re)initializing") and the second
# one meets its own write as a conflict; it looks again after 5 minutes, or when anything but its condition changes.
_WAKE_AFTER_S = 3.0
_WOKEN = f"{GROUP}/uninstall-asked-again"
_SHOWN = 3  # objects in one line


async def rollouts_there(objects: Objects) -> tuple[str, ...]:
    """`namespace/name` of every Rollout, sorted; none where the cluster does not know the kind."""
    try:
        found = await objects.list("Rollout")
    except KindAbsent:
        return ()
    return tuple(f"{obj['metadata']['namespace']}/{obj['metadata']['name']}" for obj in found)


async def bindings_elsewhere(objects: Objects, labels: str) -> tuple[Obj, ...]:
    """RoleBindings with these labels in all namespaces: a controller for one namespace has its own there."""
    return await objects.list("RoleBinding", "", labels)


async def remove_all(writes: ObjectWrites, doomed: Sequence[Obj], say: Say) -> None:
    """Delete these objects in reverse order; those that are gone already are fine.

    Every one is tried; the first that is refused is raised at the end.
    """
    refused: PortError | None = None
    for obj in reversed(doomed):
        metadata: dict[str, Any] = obj["metadata"]
        try:
            await writes.delete(obj["kind"], metadata.get("namespace", ""), metadata["name"])
        except PortError as error:
            refused = refused or error
            say(f"{name_of(obj)} NOT deleted: {error}")
        else:
            say(f"{name_of(obj)} deleted")
    if refused is not None:
        raise refused


async def remove_kinds(
    objects: Objects, writes: ObjectWrites, crds: Sequence[Obj], say: Say, within: timedelta
) -> tuple[str, ...]:
    """Delete these CRDs and all objects of their kinds; return once they are really gone.

    What is still there after this time is returned, each as a sentence that says why; () when all is gone.
    """
    removals = [_Removal(objects=objects, writes=writes, crd=crd) for crd in reversed(crds)]
    try:
        async with asyncio.timeout(within.total_seconds()):
            for removal in removals:
                await removal.begin()
            for removal in removals:
                await removal.end()
                say(f"{name_of(removal.crd)} deleted")
    except TimeoutError:
        return tuple([why for removal in removals if (why := await removal.left())])
    return ()


@dataclass(slots=True, kw_only=True)
class _Removal:
    """One CRD on its way out."""

    objects: Objects
    writes: ObjectWrites
    crd: Obj
    _woken: int = 0
    _seen: str = ""

    @property
    def _name(self) -> str:
        return str(self.crd["metadata"]["name"])

    async def begin(self) -> None:
        """Take our finalizers off all objects of the kind, and delete the CRD."""
        await self._released()
        await self.writes.delete(_CRD, "", self._name)

    async def end(self) -> None:
        """Return when the CRD is gone; what holds it and is ours is let go of again and again."""
        loop = asyncio.get_running_loop()
        stuck_since = loop.time()
        while (live := await self._live()) is not None:
            await self._released()  # a controller that was still ending may have put one back
            version = str(live["metadata"]["resourceVersion"])
            if version != self._seen:
                self._seen, stuck_since = version, loop.time()
            elif loop.time() - stuck_since > _WAKE_AFTER_S:
                await self._wake(live)
            await asyncio.sleep(_PAUSE_S)

    async def left(self) -> str:
        """Why the CRD is still there; "" when it is gone."""
        live = await self._live()
        if live is None:
            return ""
        conditions = (live.get("status") or {}).get("conditions") or ()
        said = [one.get("message") or one["reason"] for one in conditions if one["type"] == "Terminating"]
        try:
            there = await self.objects.list(self.crd["spec"]["names"]["kind"])
        except PortError:
            there = ()
        holders = [
            f"{name_of(obj)} waits for {', '.join(obj['metadata']['finalizers'])}"
            for obj in there
            if obj["metadata"].get("finalizers")
        ]
        more = f" and {len(holders) - _SHOWN} more" if len(holders) > _SHOWN else ""
        return f"{self._name}: " + ("; ".join([*said, *holders[:_SHOWN]]) + more or "the API server does not say why")

    async def _live(self) -> Obj | None:
        try:
            return await self.objects.get(_CRD, "", self._name)
        except NotFound:
            return None

    async def _released(self) -> None:
        """Our finalizers are off. An answer also means that the storage is up, so that the CRD's deletion can begin."""
        for obj in await self._instances():
            await self._let_go(obj)

    async def _instances(self) -> tuple[Obj, ...]:
        """All objects of the kind, however long the storage of a new kind takes to come up."""
        while True:
            try:
                return await self.objects.list(self.crd["spec"]["names"]["kind"])
            except KindAbsent:
                return ()
            except Unreachable:
                await asyncio.sleep(_PAUSE_S)

    async def _let_go(self, obj: Obj) -> None:
        metadata = obj["metadata"]
        finalizers = list(metadata.get("finalizers") or ())
        ours = [name for name in finalizers if name.startswith(f"{GROUP}/")]
        if not ours:
            return
        # From the end, so that an index stays right; each is tested, so that no other's is ever taken off.
        places = [index for index, name in reversed(list(enumerate(finalizers))) if name in ours]
        operations = [
            {"op": operation, "path": f"/metadata/finalizers/{index}", **value}
            for index in places
            for operation, value in (("test", {"value": finalizers[index]}), ("remove", {}))
        ]
        try:
            await self.writes.patch(obj["kind"], metadata.get("namespace", ""), metadata["name"], operations)
        except (Conflict, NotFound):
            return  # it changed or went meanwhile; `end` looks again

    async def _wake(self, live: Obj) -> None:
        self._woken += 1
        path = "/metadata/annotations"
        metadata = live["metadata"]
        told = {**(metadata.get("annotations") or {}), _WOKEN: str(self._woken)}
        same = {"op": "test", "path": "/metadata/uid", "value": metadata["uid"]}
        try:
            await self.writes.patch(_CRD, "", self._name, [same, {"op": "add", "path": path, "value": told}])
        except (Conflict, NotFound):
            return
