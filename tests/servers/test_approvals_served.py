"""Does a gate open for the right people on a real cluster, with the rights and the admission policy that are shipped?"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rollout.cli.errors import Exit
from tests.servers.actors import a_command, is_refused
from tests.servers.apiserver import ApiServer
from tests.servers.cluster import Cluster, deployment, service
from tests.servers.controller import Controller, rollout
from tests.servers.controllers import Controllers
from tests.servers.kubelet import Kubelet
from tests.servers.missing import obtained
from tests.servers.process import eventually
from tests.servers.shop import virtual_service
from tests.servers.test_install import is_served
from tests.support.builders import a_rollout_manifest, an_approval_manifest

pytestmark = pytest.mark.server

NAMESPACE = "gated"
HOME = "rollout-system"
PATIENCE_S = 60.0
ROLLOUT = f"/apis/rollout.dev/v1alpha1/namespaces/{NAMESPACE}/rollouts/checkout"
STEPS = [{"weight": 20, "approval": "release-managers"}]
RBAC = "rbac.authorization.k8s.io"


def may(user: str, role: str) -> dict[str, Any]:
    """A user has one of the shipped ClusterRoles in the namespace."""
    return {
        "apiVersion": f"{RBAC}/v1",
        "kind": "RoleBinding",
        "metadata": {"name": f"{user}-{role}", "namespace": NAMESPACE},
        "roleRef": {"apiGroup": RBAC, "kind": "ClusterRole", "name": role},
        "subjects": [{"kind": "User", "name": user, "apiGroup": RBAC}],
    }


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """`rollout install` ran; ana may edit, ben and the administrator approve; v1 serves users, v2 waits for two people."""
    server = ApiServer(tmp_path_factory.mktemp("gated"))
    controllers, kubelet = Controllers(server), Kubelet(server)
    try:
        obtained(server.start)
        obtained(lambda: server.install_crds(["istio"]))
        obtained(controllers.start)
        kubelet.start()
        cluster = Cluster(server=server, controllers=controllers, kubelet=kubelet)
        installed = rollout("install", kubeconfig=cluster.kubeconfig(), namespace=HOME)
        assert installed.returncode == 0, installed.stderr
        assert eventually(lambda: is_served(server), PATIENCE_S)
        kube = cluster.kube
        kube.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
        kube.apply(may("ana", "rollout-edit"), may("ben", "rollout-approve"))
        for revision in ("v1", "v2"):
            labels = {"app": "checkout", "version": revision}
            kube.apply(deployment(NAMESPACE, f"checkout-{revision}", revision))
            kube.apply(service(NAMESPACE, f"checkout-{revision}", labels))
        cluster.wait_available(NAMESPACE, "checkout-v1", "checkout-v2")
        kube.apply(virtual_service(NAMESPACE))
        assert eventually(lambda: is_refused(server, "admin", a_command("nobody")), PATIENCE_S)
        yield cluster
    finally:
        kubelet.stop()
        controllers.stop()
        server.stop()


def said(cluster: Cluster, user: str, *words: str) -> Any:
    """How a user's command ended."""
    return rollout(*words, kubeconfig=cluster.kubeconfig(user, NAMESPACE), namespace=NAMESPACE)


def status(cluster: Cluster) -> dict[str, Any]:
    found: dict[str, Any] = cluster.kube.get(ROLLOUT).get("status", {})
    return found


def waits_for(cluster: Cluster, code: str) -> bool:
    return any(reason["code"] == code for reason in status(cluster).get("reasons", ()))


def test_two_people_open_a_gate_that_was_missing_its_policy_and_the_audit_names_them(
    cluster: Cluster, tmp_path: Path
) -> None:
    controller = Controller(tmp_path, cluster.kubeconfig(), own_namespace=HOME)
    controller.start()
    try:
        manifest = a_rollout_manifest(namespace=NAMESPACE, revision="v1", steps=STEPS, objectives=[])
        cluster.kube.apply(manifest)
        assert eventually(lambda: status(cluster).get("stableRevision") == "v1", PATIENCE_S), controller.last_words()
        cluster.kube.patch(ROLLOUT, {"spec": {"revision": "v2"}})
        is_missing = eventually(lambda: waits_for(cluster, "PolicyMissing"), PATIENCE_S)
        too_early = said(cluster, "ben", "approve", "checkout")
        cluster.kube.apply(an_approval_manifest(namespace=NAMESPACE, minimum=2, approvers={"users": ["ben", "admin"]}))
        is_told = eventually(lambda: waits_for(cluster, "AwaitingApproval"), PATIENCE_S)
        editor = said(cluster, "ana", "approve", "checkout")
        first = said(cluster, "ben", "approve", "checkout", "--reason", "the till works")
        twice = said(cluster, "ben", "approve", "checkout")
        why = said(cluster, "admin", "why", "checkout")
        second = said(cluster, "admin", "approve", "checkout")
        is_promoted = eventually(lambda: status(cluster).get("stableRevision") == "v2", PATIENCE_S)
        audit = said(cluster, "admin", "history", "checkout", "--audit", "-o", "json")
    finally:
        controller.kill()

    assert (is_missing, is_told) == (True, True), controller.last_words()
    assert is_promoted, (too_early.stderr, first.stderr, second.stderr)
    assert "create it in namespace gated" in too_early.stderr
    assert editor.returncode == Exit.NOT_ALLOWED, editor.stderr
    assert "1 of 2, given by ben" in first.stdout, first.stderr
    assert "one person counts once" in twice.stderr
    assert "closed, 1 of 2: ben (cli)" in why.stdout, why.stderr
    assert "step 1 of v2 approved" in second.stdout
    entries = json.loads(audit.stdout)["entries"]
    assert [(one["by"], one["result"]) for one in entries] == [
        ("admin", "Accepted"),
        ("ben", "Refused"),
        ("ben", "Accepted"),
        ("ben", "Refused"),
    ]
    assert entries[2]["reason"] == "the till works"
    assert {one["provenBy"] for one in entries} == {"cluster"}
