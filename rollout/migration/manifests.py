"""What has to stand in git so that a GitOps tool makes the changes of a namespace's way, and not the controller?"""

import json
from collections.abc import Mapping
from typing import Any

from rollout.migration.mtls_writes import INJECTION
from rollout.migration.read import REVISION
from rollout.migration.way import Way
from rollout.model.mesh import MeshNamespace

PERMISSIVE, STRICT = "permissive", "strict"
_PEER_API = "security.istio.io/v1"

Manifest = dict[str, Any]


def manifests_of(way: Way) -> Mapping[str, tuple[Manifest, ...]]:
    """By stage what has to be committed for it: PeerAuthentications that change, and the Namespace with its label.

    strict takes the place of permissive: it has all that the way changed, but for what is gone by then.
    """
    found: dict[str, tuple[Manifest, ...]] = {}
    if way.enrolled is not None:
        objects = (*_labels(way.before, way.enrolled), *_changed(way.before, way.enrolled))
        if objects:
            found[PERMISSIVE] = objects
    if way.strict is not None:
        objects = (*_labels(way.before, way.strict), *_changed(way.before, way.strict))
        if objects:
            found[STRICT] = objects
    return found


def _changed(before: MeshNamespace, after: MeshNamespace) -> tuple[Manifest, ...]:
    known = {peer.name: peer.spec for peer in before.peers}
    return tuple(
        {
            "apiVersion": _PEER_API,
            "kind": "PeerAuthentication",
            "metadata": {"name": peer.name, "namespace": peer.namespace},
            "spec": json.loads(peer.spec),
        }
        for peer in after.peers
        if known.get(peer.name) != peer.spec
    )


def _labels(before: MeshNamespace, after: MeshNamespace) -> tuple[Manifest, ...]:
    """The Namespace with the labels that enrol it; what it has besides is not ours to say."""
    wanted = {name: after.labels[name] for name in (INJECTION, REVISION) if name in after.labels}
    if wanted == {name: before.labels[name] for name in (INJECTION, REVISION) if name in before.labels}:
        return ()
    return ({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": after.name, "labels": wanted}},)
