"""Which writes are a GitOps tool's to make, and how is the tool kept from undoing what cannot wait for git?

Forward, git leads: what a tool applies is changed by a commit, and the move goes on when the live object says it. Back,
nobody waits for git. Restarts are annotations on templates that tools leave alone, so they are nobody's commit.
"""

from collections.abc import Iterable, Iterator

from rollout.migration.mtls_writes import opened
from rollout.migration.view import View
from rollout.model.mesh import Applied, PeerAuth
from rollout.model.mesh_writes import LabelNamespace, MeshWrite, RemovePeer, SuspendTool, WritePeer
from rollout.model.status import Reason

CHECK = "GITOPS-01"


def through_git(view: View, writes: Iterable[MeshWrite]) -> tuple[MeshWrite, ...]:
    """The writes that may be made now: those before the first one that a tool's commit must make."""
    allowed = []
    for write in writes:
        if _tool(view, write):
            break
        allowed.append(write)
    return tuple(allowed)


def commit_hold(view: View, writes: Iterable[MeshWrite]) -> Reason | None:
    """That a commit is waited for, and what it must say; None where the next write is ours to make."""
    write = next(iter(writes), None)
    if write is None or not (tool := _tool(view, write)):
        return None
    peer = _peer(view, write)
    resume = ""
    if peer is not None and peer.applied is not None and peer.applied.suspended:
        resume = f" and take {peer.applied.annotation} off it"
    message = (
        f"{tool} applies it, so commit this: {write}{resume}; goes on when the live object says so. "
        f"`rollout mesh plan --write DIR` prints manifests; acknowledging {CHECK} lets us write past git"
    )
    return Reason(code="WaitingForCommit", message=message)


def suspensions(view: View) -> tuple[SuspendTool, ...]:
    """For what a fallback writes, and wrote, past git: that its tool leaves it alone.

    Flux heeds a word on the object. Argo CD has none there, only one for a whole Application: that is a person's decision.
    """
    names = {write.name for write in opened(view.namespace, view.root)}
    return tuple(
        SuspendTool(
            kind="PeerAuthentication",
            namespace=peer.namespace,
            name=peer.name,
            annotation=tool.annotation,
            value=tool.value,
        )
        for peer, tool in _applied(view)
        if tool.annotation and not tool.suspended and (tool.patched or peer.name in names)
    )


def git_differs(view: View) -> Reason | None:
    """That git may still say what a fallback took back; None where nothing was written past git, or its tool is let go.

    What git says is not seen here. With Flux it counts as settled once a person takes the word off the object.
    """
    past = [(peer, tool) for peer, tool in _applied(view) if tool.patched and (tool.suspended or not tool.annotation)]
    if not past:
        return None
    peer, tool = past[0]
    then = (
        f"commit its modes as they are now, then take {tool.annotation} off it"
        if tool.annotation
        else "commit its modes as they are now; until then no self-heal may run: set skip-reconcile on the Application"
    )
    more = f" (and {len(past) - 1} more)" if len(past) > 1 else ""
    return Reason(code="GitDiffers", message=f"{peer}{more} was opened past {tool.tool}: {then}", warning=True)


def closed_again(view: View) -> Reason | None:
    """That somebody made STRICT again what a fallback had opened; None where all of it is open."""
    closed = opened(view.namespace, view.root)
    if not closed:
        return None
    message = f"it was made STRICT again, and not by us: commit this: {closed[0]}; `rollback` opens it at once"
    return Reason(code="ClosedAgain", message=message, warning=True)


def _applied(view: View) -> Iterator[tuple[PeerAuth, Applied]]:
    for peer in view.namespace.peers:
        if peer.applied is not None:
            yield peer, peer.applied


def _tool(view: View, write: MeshWrite) -> str:
    """The tool by whose commit this is to be written, "" where it is ours to write."""
    if isinstance(write, LabelNamespace):
        tool, name = view.namespace.tool, f"Namespace {view.name}"
    else:
        peer = _peer(view, write)
        tool, name = (peer.applied.tool, str(peer)) if peer is not None and peer.applied is not None else ("", "")
    return tool if tool and not _acknowledged(view, name) else ""


def _peer(view: View, write: MeshWrite) -> PeerAuth | None:
    """The existing object that is to be written."""
    if not isinstance(write, WritePeer | RemovePeer):
        return None
    return next((one for one in view.namespace.peers if one.name == write.name), None)


def _acknowledged(view: View, name: str) -> bool:
    return any(one.key in (CHECK, f"{CHECK} {name}") for one in view.status.acknowledged)
