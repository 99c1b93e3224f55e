"""What do PeerAuthentications still keep open for exceptions that are gone, and which writes close it?

What we wrote, and nobody else since, is ours to take back: all of an object that we made for exceptions, ports of one that we
made for a canary, and of a foreign one the ports that it did not have when the snapshot was taken.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace

from rollout.migration.mtls import ANY_PORT, effective_for, in_force, modes
from rollout.migration.mtls_exceptions import (
    OPEN,
    Opening,
    foreseen,
    in_place,
    mine_of,
    opening,
    openness,
    strict_after,
)
from rollout.migration.mtls_writes import CANARY, changes_nothing
from rollout.model.mesh import MeshNamespace, Mtls, PeerAuth
from rollout.model.mesh_writes import RemovePeer, Snapshot, WritePeer
from rollout.model.migration import Exemption

Place = tuple[str, int]  # a pod, or "pods of" an object that they follow, and a port
_LATER = "pods of PeerAuthentication "


def leaving(ns: MeshNamespace, exceptions: Sequence[Exemption], kept: Snapshot | None) -> tuple[WritePeer, ...]:
    """The writes after which nothing is open for an exception that is gone; () when nothing is.

    An exception that has expired is not gone: its day flips nothing.
    """
    mine = mine_of(ns, exceptions)
    found = (_tightened(peer, opening(peer.selector, mine), kept) for peer in ns.peers if peer.selector)
    return tuple(write for write in found if write is not None)


def emptied(ns: MeshNamespace, root: Sequence[PeerAuth]) -> tuple[RemovePeer, ...]:
    """Objects that we made for exceptions, that open nothing any more, and without which every pod meets the same."""
    return tuple(
        RemovePeer(namespace=peer.namespace, name=peer.name, uid=peer.uid, version=peer.version)
        for peer in ns.peers
        if _is_for_exceptions(peer) and not openness(peer.mode) and not peer.ports and changes_nothing(ns, root, peer)
    )


def closed_by(
    ns: MeshNamespace, root: Sequence[PeerAuth], exceptions: Sequence[Exemption], kept: Snapshot | None
) -> tuple[Place, ...]:
    """What these writes make STRICT once the namespace's own mode is: pods and ports, then those to come of an object."""
    writes = leaving(ns, exceptions, kept)
    if not writes:
        return ()
    before, after = (strict_after(peers, ns.name) for peers in (ns.peers, foreseen(ns.peers, writes)))
    found = _strict(ns, root, after) - _strict(ns, root, before)
    return tuple(sorted(found, key=lambda place: (place[0].startswith(_LATER), place)))


def raises(ns: MeshNamespace, root: Sequence[PeerAuth], write: WritePeer) -> bool:
    """Whether this write alone makes something STRICT at once."""
    return bool(_strict(ns, root, foreseen(ns.peers, [write])) - _strict(ns, root, ns.peers))


def _strict(ns: MeshNamespace, root: Sequence[PeerAuth], peers: Sequence[PeerAuth]) -> set[Place]:
    """Where it would be STRICT with these objects: at pods of now, and for those to come that follow one of the objects."""
    there = modes(replace(ns, peers=tuple(peers)), root).items()
    ports = {ANY_PORT, *(port for one in ns.peers for port in one.ports)}
    later = (
        (f"{_LATER}{peer.name}", port)
        for peer in in_force(peers, root)
        for port in ports
        if effective_for(peer.selector, port, peers, root).mode is Mtls.STRICT
    )
    return {*(place for place, one in there if one.mode is Mtls.STRICT), *later}


def _is_for_exceptions(peer: PeerAuth) -> bool:
    return bool(peer.ours) and peer.name.startswith(OPEN)


def _tightened(peer: PeerAuth, given: Opening, kept: Snapshot | None) -> WritePeer | None:
    mode = peer.mode
    is_ours = _is_for_exceptions(peer) and "mode" in peer.written
    if is_ours and openness(mode) > openness(given.mode or Mtls.UNSET):
        mode = given.mode or Mtls.UNSET
    ours = _ports_of_ours(peer, kept) if given.mode is None else {}
    ports = dict(peer.ports)
    for port, now in ours.items():
        wanted = given.ports.get(port)
        if wanted is None:
            del ports[port]
        elif openness(now) > openness(wanted):
            ports[port] = wanted
    return None if (mode, ports) == (peer.mode, dict(peer.ports)) else in_place(peer, mode, ports)


def _ports_of_ours(peer: PeerAuth, kept: Snapshot | None) -> Mapping[int, Mtls]:
    """The open ports that we wrote into the object."""
    known: set[int] = set()
    if not (peer.ours and peer.name.startswith((OPEN, CANARY))):
        then = kept.of("PeerAuthentication", peer.name) if kept is not None else None
        if then is None or then.uid != peer.uid:
            return {}
        known = {int(port) for port in json.loads(then.spec).get("portLevelMtls") or {}}
    return {
        port: mode
        for port, mode in peer.ports.items()
        if openness(mode) and str(port) in peer.written and port not in known
    }
