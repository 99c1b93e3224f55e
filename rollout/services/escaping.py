"""How is a namespace opened without the controller, with a person's own rights?"""

from collections.abc import Awaitable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from rollout.migration.escape import Change, Scene, application_hold, applications, opening
from rollout.migration.read import mesh_pod, mesh_workload, peer_auth
from rollout.model.commands import Verb
from rollout.model.mesh import MeshNamespace, Mtls, PeerAuth
from rollout.model.names import Key
from rollout.ports.errors import Conflict, KindAbsent, NotFound, PortError
from rollout.ports.objects import Obj, Objects, ObjectWrites
from rollout.services.migration_reads import Moving, of_namespace
from rollout.services.ordering import Demand, record

ROUNDS = 3  # somebody else, such as the controller, may write at the same time
_PEER = "PeerAuthentication"
_WORKLOADS = ("DaemonSet", "Deployment", "StatefulSet")


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """One thing that was tried. command: the same with kubectl. problem: why it failed, None when it did not."""

    command: str
    problem: PortError | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Escaped:
    """What was done, in order. closed: the changes that are still missing at the end; () when the namespace is open."""

    done: tuple[Done, ...]
    closed: tuple[Change, ...]


async def scene(objects: Objects, namespace: str, root: str) -> Scene:
    """The namespace as it is. Only its PeerAuthentications must be readable; what else may not be read is said.

    root: the mesh's own namespace. Where that cannot be read it is taken for STRICT: opening is right either way.
    """
    unread: list[str] = []
    raw = await objects.list(_PEER, namespace)
    moving = await _moving(objects, namespace, unread)
    root = moving.spec.root if moving is not None and moving.spec is not None else root

    async def tried(asking: Awaitable[Sequence[Obj]], what: str) -> Sequence[Obj]:
        try:
            return await asking
        except KindAbsent:
            return ()
        except PortError as error:
            unread.append(f"{what}: {error}")
            return ()

    metadata = await _metadata(objects, namespace, unread)
    pods = await tried(objects.list("Pod", namespace), "pods")
    workloads = [one for kind in _WORKLOADS for one in await tried(objects.list(kind, namespace), f"{kind}s")]
    missing = len(unread)
    mesh_wide = await tried(objects.list(_PEER, root), f"PeerAuthentications of {root}")
    known = tuple(sorted((peer_auth(one) for one in mesh_wide), key=lambda one: one.name))
    return Scene(
        namespace=MeshNamespace(
            name=namespace,
            version=str(metadata.get("resourceVersion", "")),
            labels=metadata.get("labels") or {},
            annotations={},
            peers=tuple(sorted((peer_auth(one) for one in raw), key=lambda one: one.name)),
            pods=tuple(mesh_pod(one, {}) for one in pods),
            workloads=tuple(sorted((mesh_workload(one) for one in workloads), key=lambda one: (one.kind, one.name))),
        ),
        root=known if len(unread) == missing else (_assumed(root),),
        root_name=root,
        raw={one["metadata"]["name"]: one for one in raw},
        migration=moving.name if moving is not None else "",
        unread=tuple(unread),
    )


async def _moving(objects: Objects, namespace: str, unread: list[str]) -> Moving | None:
    try:
        return await of_namespace(objects, namespace)
    except KindAbsent:
        return None
    except PortError as error:
        unread.append(f"MeshMigrations: a controller that makes {namespace} STRICT is not told: {error}")
        return None


async def _metadata(objects: Objects, namespace: str, unread: list[str]) -> Obj:
    try:
        metadata: Obj = (await objects.get("Namespace", "", namespace))["metadata"]
    except NotFound:
        raise
    except PortError as error:
        unread.append(f"Namespace {namespace}: {error}")
        return {}
    return metadata


def _assumed(root: str) -> PeerAuth:
    moment = datetime.min.replace(tzinfo=UTC)
    return PeerAuth(
        namespace=root, name="unread", uid="", version="", created=moment, selector={}, mode=Mtls.STRICT, ports={}
    )


async def escape(objects: Objects, writes: ObjectWrites, found: Scene, home: str, now: datetime) -> Escaped:
    """Open the namespace, whatever else goes wrong on the way.

    First the controller is told, so that it does not close again what is opened here; it need not be there to hear it.
    """
    done: list[Done] = []
    name = found.namespace.name
    if found.migration:
        demand = Demand(
            key=Key(namespace=home, name=found.migration),
            kind="MeshMigration",
            verb=Verb.FALLBACK,
            subject=name,
            reason="rollout mesh escape --now",
        )
        await _try(done, f"rollout mesh fallback {name}", record(objects, writes, demand, now))
    for place, application in applications(found):
        words = f"kubectl -n {place} annotate applications.argoproj.io {application} ..."
        await _try(done, words, writes.apply(application_hold(place, application)))
    for _ in range(ROUNDS):
        for change in opening(found):
            await _try(done, change.command, _write(writes, change))
        found = await scene(objects, name, found.root_name)
        if not opening(found):
            break
    return Escaped(done=tuple(done), closed=opening(found))


async def _try(done: list[Done], command: str, doing: Awaitable[Obj]) -> None:
    try:
        await doing
    except PortError as error:
        done.append(Done(command=command, problem=error))
    else:
        done.append(Done(command=command))


async def _write(writes: ObjectWrites, change: Change) -> Obj:
    if change.body is not None:
        return await writes.create(change.body)
    return await writes.patch(_PEER, change.write.namespace, change.write.name, change.patch)


def failures(escaped: Escaped) -> Iterator[Done]:
    """What failed and was not made good by a later try: a conflict is, once the namespace is open."""
    for one in escaped.done:
        if one.problem is not None and (escaped.closed or not isinstance(one.problem, Conflict)):
            yield one
