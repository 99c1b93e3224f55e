"""How do our objects get into a cluster?"""

import asyncio
from collections.abc import Callable, Sequence
from datetime import timedelta

from rollout.ports.errors import Conflict, Unreachable
from rollout.ports.objects import Obj, Objects, ObjectWrites

Say = Callable[[str], None]
_CRD = "CustomResourceDefinition"


async def apply_all(
    objects: Objects, writes: ObjectWrites, crds: Sequence[Obj], others: Sequence[Obj], say: Say, within: timedelta
) -> None:
    """Apply the CRDs, wait until the server serves them, then apply the others in their order.

    say: told one line per object. Unreachable when a CRD is not established within this time.
    """
    for crd in crds:
        await _applied(writes, crd, say)
    try:
        async with asyncio.timeout(within.total_seconds()):
            for crd in crds:
                await _established(objects, crd["metadata"]["name"])
    except TimeoutError as error:
        raise Unreachable(
            f"the CRDs are not established after {within.total_seconds():g} s; "
            f"`kubectl describe crd` says why, then repeat the command"
        ) from error
    for obj in others:
        await _applied(writes, obj, say)


async def _applied(writes: ObjectWrites, obj: Obj, say: Say) -> None:
    try:
        await writes.apply(obj)
    except Conflict as error:
        words = "whoever applied it (kubectl, a GitOps tool) must bring the new version, or give the field up"
        raise Conflict(f"{name_of(obj)}: {error}; {words}") from error
    say(f"{name_of(obj)} applied")


async def _established(objects: Objects, name: str) -> None:
    async for change in objects.watch(_CRD, "", name):
        conditions = (change.obj.get("status") or {}).get("conditions") or ()
        if any(item["type"] == "Established" and item["status"] == "True" for item in conditions):
            return


def name_of(obj: Obj) -> str:
    """`Kind namespace/name` or `Kind name`."""
    metadata = obj["metadata"]
    place = f"{metadata['namespace']}/" if metadata.get("namespace") else ""
    return f"{obj['kind']} {place}{metadata['name']}"
