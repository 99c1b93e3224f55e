"""Do Argo Rollouts and Flagger in the same cluster and rollout leave each other alone?

Their CustomResourceDefinitions are upstream's own. They have objects of the same names as ours, and no controller: whoever
changes one of them is us.
"""

import json
import re
import subprocess
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.servers.client import Kube, Obj
from tests.servers.cluster import Cluster, deployment, service
from tests.servers.controller import Controller, rollout
from tests.servers.crds import NEIGHBOURS, definitions
from tests.servers.missing import obtained
from tests.servers.obtaining import installed
from tests.servers.process import eventually
from tests.servers.shop import manifest, virtual_service

pytestmark = [pytest.mark.server, pytest.mark.xdist_group("neighbours")]

CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
PATIENCE_S = 90.0
USER = "controller"


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """A release beside the neighbours. before, after: their objects; page: our numbers; asked: groups that we asked for."""

    namespace: str
    kubeconfig: Path
    before: list[Obj]
    after: list[Obj]
    page: str
    asked: frozenset[str]
    status: dict[str, Any]


@pytest.fixture(scope="module")
def neighbours(cluster: Cluster) -> Cluster:
    """A cluster that has Argo's and Flagger's kinds, too."""
    obtained(lambda: cluster.server.install_crds(NEIGHBOURS))
    return cluster


@pytest.fixture(scope="module")
def release(neighbours: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Release]:
    """v2 was promoted where Argo has a Rollout and Flagger a Canary, both named checkout."""
    kube, namespace = neighbours.kube, "neighbours"
    kube.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
    for revision in ("v1", "v2"):
        labels = {"app": "checkout", "version": revision}
        kube.apply(deployment(namespace, f"checkout-{revision}", revision))
        kube.apply(service(namespace, f"checkout-{revision}", labels))
    neighbours.wait_available(namespace, "checkout-v1", "checkout-v2")
    kube.apply(virtual_service(namespace), ours(namespace, "v1"))
    before = theirs(kube, namespace)
    mark = neighbours.server.audit_mark()
    kubeconfig = neighbours.kubeconfig(USER, namespace)
    kube.apply(everything(USER))
    place = tmp_path_factory.mktemp("neighbours")
    controller = Controller(place, kubeconfig, namespace=namespace, own_namespace=namespace)
    controller.start()
    try:
        assert eventually(lambda: status(kube, namespace).get("stableRevision") == "v1", PATIENCE_S, 0.2)
        kube.apply(ours(namespace, "v2"))
        assert eventually(lambda: status(kube, namespace).get("stableRevision") == "v2", PATIENCE_S, 0.2)
        with urllib.request.urlopen(controller.metrics, timeout=10) as answer:
            page = answer.read().decode()
    finally:
        controller.kill()
    yield Release(
        namespace=namespace,
        kubeconfig=neighbours.kubeconfig("admin", namespace),
        before=before,
        after=[kube.get(path) for path in places(namespace)],
        page=page,
        asked=groups_asked(neighbours, mark),
        status=status(kube, namespace),
    )
    kube.delete(f"/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/{USER}-everything")
    kube.delete(f"/api/v1/namespaces/{namespace}")


def everything(user: str) -> Obj:
    """All rights, so that what is left alone is left alone by will."""
    group = "rbac.authorization.k8s.io"
    return {
        "apiVersion": f"{group}/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": f"{user}-everything"},
        "subjects": [{"kind": "User", "name": user, "apiGroup": group}],
        "roleRef": {"kind": "ClusterRole", "name": "cluster-admin", "apiGroup": group},
    }


def ours(namespace: str, revision: str) -> Obj:
    return manifest(namespace, revision, objectives=[], steps=[{"weight": 50, "soak": "2s"}])


def places(namespace: str) -> tuple[str, str]:
    """Where the neighbours' objects are."""
    return (
        f"/apis/argoproj.io/v1alpha1/namespaces/{namespace}/rollouts/checkout",
        f"/apis/flagger.app/v1beta1/namespaces/{namespace}/canaries/checkout",
    )


def theirs(kube: Kube, namespace: str) -> list[Obj]:
    """The neighbours' objects, as they were made."""
    labels = {"app": "argo"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "app", "image": "registry.test/a:1"}]}}
    argo = {
        "replicas": 1,
        "selector": {"matchLabels": labels},
        "template": template,
        "strategy": {"canary": {"steps": []}},
    }
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "checkout-v1"}
    analysis = {"interval": "1m", "threshold": 5, "maxWeight": 50, "stepWeight": 10}
    flagger = {"targetRef": target, "service": {"port": 80}, "analysis": analysis}
    metadata = {"name": "checkout", "namespace": namespace}
    wanted = (
        {"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "metadata": metadata, "spec": argo},
        {"apiVersion": "flagger.app/v1beta1", "kind": "Canary", "metadata": metadata, "spec": flagger},
    )
    for path, obj in zip(places(namespace), wanted, strict=True):
        kube.request("POST", path.rsplit("/", 1)[0], obj)
    return [kube.get(path) for path in places(namespace)]


def status(kube: Kube, namespace: str) -> dict[str, Any]:
    path = f"/apis/rollout.dev/v1alpha1/namespaces/{namespace}/rollouts/checkout"
    found: dict[str, Any] = kube.get(path).get("status", {})
    return found


def groups_asked(cluster: Cluster, since: int) -> frozenset[str]:
    """The API groups whose objects the controller asked for."""
    with cluster.server.audit_log.open("rb") as log:
        log.seek(since)
        events = [json.loads(line) for line in log.read().splitlines()]
    own = [event for event in events if event["user"]["username"] == USER and "objectRef" in event]
    return frozenset(event["objectRef"].get("apiGroup", "") for event in own)


def test_all_kinds_are_served_under_all_of_their_names(neighbours: Cluster) -> None:
    kept = {crd["metadata"]["name"] for crd in definitions(NEIGHBOURS)}
    crds = [
        crd
        for crd in neighbours.kube.items(CRDS)
        if crd["metadata"]["name"] in kept or crd["spec"]["group"] == "rollout.dev"
    ]

    refused = {
        crd["metadata"]["name"]: condition["message"]
        for crd in crds
        for condition in crd["status"]["conditions"]
        if (condition["type"], condition["status"]) in (("NamesAccepted", "False"), ("Established", "False"))
    }

    assert {"rollouts.argoproj.io", "canaries.flagger.app", "rollouts.rollout.dev"} <= {
        crd["metadata"]["name"] for crd in crds
    }
    assert refused == {}


def test_no_short_name_of_ours_is_anybody_elses(neighbours: Cluster) -> None:
    names: dict[str, set[str]] = {}
    for crd in neighbours.kube.items(CRDS):
        for short in crd["spec"]["names"].get("shortNames", ()):
            names.setdefault(short, set()).add(crd["spec"]["group"])

    assert {short: groups for short, groups in names.items() if "rollout.dev" in groups and len(groups) > 1} == {}
    assert names["rlt"] == {"rollout.dev"}


def test_our_release_is_promoted(release: Release) -> None:
    assert (release.status["phase"], release.status["stableRevision"]) == ("Idle", "v2")


def test_the_neighbours_objects_are_as_they_were_and_were_never_asked_for(release: Release) -> None:
    assert release.after == release.before
    assert release.asked & {"argoproj.io", "flagger.app"} == frozenset()
    assert "rollout.dev" in release.asked


def test_the_command_line_finds_ours_by_every_name(release: Release) -> None:
    for name in ("checkout", "rollout/checkout", "rlt/checkout", "rollouts.rollout.dev/checkout"):
        answer = rollout("get", name, "-o", "json", kubeconfig=release.kubeconfig, namespace=release.namespace)
        assert answer.returncode == 0, answer.stderr
        assert json.loads(answer.stdout)["apiVersion"] == "rollout.dev/v1alpha1"


def test_kubectl_means_ours_by_the_names_that_the_docs_use(release: Release) -> None:
    program = str(obtained(lambda: installed("kubectl", "kubernetes-client")))
    for name in ("rlt", "rollouts.rollout.dev"):
        words = ["--kubeconfig", str(release.kubeconfig), "-n", release.namespace, "get", name, "-o", "json"]
        answer = subprocess.run([program, *words], capture_output=True, text=True, timeout=60, check=False)
        (found,) = json.loads(answer.stdout)["items"]
        assert found["apiVersion"] == "rollout.dev/v1alpha1"


def test_no_number_of_ours_has_a_name_of_theirs(release: Release) -> None:
    names = {re.split(r"[{ ]", line)[0] for line in release.page.splitlines() if not line.startswith("#")}

    assert names
    assert {name for name in names if not name.startswith("rolloutctl_")} == set()
