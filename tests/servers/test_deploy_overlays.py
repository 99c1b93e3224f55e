"""Does a controller with the rights of one mesh, or of one namespace, run in a cluster that has all kinds of routes?"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from rollout.wiring.shipped import CONTROLLER, NAMESPACE, Choices, controller_objects
from tests.servers.apiserver import ApiServer
from tests.servers.controller import Controller, rollout
from tests.servers.missing import obtained
from tests.servers.process import eventually
from tests.servers.rights import account_config, recorded

pytestmark = [pytest.mark.server, pytest.mark.xdist_group("overlays")]

LEASE = f"/apis/coordination.k8s.io/v1/namespaces/{NAMESPACE}/leases/{CONTROLLER}"
MINE = {"own_namespace": NAMESPACE, "webhooks_listen": ""}
PATIENCE_S = 60.0


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    """An API server that serves every kind of route."""
    server = ApiServer(tmp_path_factory.mktemp("overlays"))
    try:
        obtained(server.start)
        obtained(server.install_crds)
        server.client().apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "web"}})
        yield server
    finally:
        server.stop()


def settings(overlay: str, watch: str) -> dict[str, str]:
    """What the overlay's pod template sets, as flags."""
    objects = controller_objects(Choices(overlays=(overlay,), watch=watch))
    (template,) = [obj["spec"]["template"] for obj in objects if obj["kind"] in ("Deployment", "StatefulSet")]
    env = {entry["name"]: entry["value"] for entry in template["spec"]["containers"][0]["env"] if "value" in entry}
    names = ("ROLLOUT_TRAFFIC", "ROLLOUT_PROMETHEUS_MESH", "ROLLOUT_NAMESPACE")
    return {name.removeprefix("ROLLOUT_").lower(): env[name] for name in names if name in env}


@pytest.mark.parametrize("overlay", ["istio", "gateway-api", "linkerd", "namespaced", "shards"])
def test_it_becomes_ready_and_leads_and_is_refused_nothing(server: ApiServer, overlay: str, tmp_path: Path) -> None:
    watch = "web" if overlay == "namespaced" else ""
    options = ["--overlay", overlay, *(["--watch", watch] if watch else [])]
    kube, admin = server.client(), server.kubeconfig()
    installed = rollout("install", *options, kubeconfig=admin, namespace=NAMESPACE)
    assert installed.returncode == 0, installed.stderr
    mark = server.audit_mark()
    of_shard = {"shard": "1/3"} if overlay == "shards" else {}
    controller = Controller(tmp_path, account_config(server, tmp_path), **MINE, **settings(overlay, watch), **of_shard)
    try:
        controller.start()
        lease = f"{LEASE}-1" if of_shard else LEASE
        leads = eventually(
            lambda: kube.exists(lease) and bool(kube.get(lease)["spec"].get("holderIdentity")), PATIENCE_S
        )
        record = recorded(server, mark)
    finally:
        controller.terminate()
        controller.kill()
        gone = rollout("uninstall", kubeconfig=admin, namespace=NAMESPACE)

    assert leads
    assert record.refused == ()
    assert any(request.resource == "rollouts" for request in record.requests)
    assert gone.returncode == 0, gone.stderr
    assert kube.items("/apis/rbac.authorization.k8s.io/v1/namespaces/web/rolebindings") == []


def test_kinds_of_other_meshes_are_not_even_asked_for(server: ApiServer, tmp_path: Path) -> None:
    mark = server.audit_mark()
    controller = Controller(tmp_path, server.kubeconfig(), traffic="istio", own_namespace="default")
    try:
        controller.start()
        asked = {resource for _, resource in server.audit_counts("admin", mark)}
    finally:
        controller.kill()

    assert "virtualservices" in asked
    assert asked & {"httproutes", "grpcroutes", "trafficsplits"} == set()
