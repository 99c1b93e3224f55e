"""Does `rollout uninstall --crds` end on a real API server, and does it leave alone what is not ours?"""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from rollout.cli.errors import Exit
from rollout.manifest.group import FINALIZER
from rollout.wiring.shipped import NAMESPACE
from tests.servers.apiserver import ApiServer
from tests.servers.controller import rollout
from tests.servers.missing import obtained
from tests.servers.test_install import ROLLOUTS, a_rollout, run

pytestmark = [pytest.mark.server, pytest.mark.xdist_group("uninstall")]

OTHERS = "example.test/keep"
PATIENCE_S = 180.0  # more than the two minutes that the command takes at most


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    """An API server of its own, because these tests take CRDs away."""
    server = ApiServer(tmp_path_factory.mktemp("emptied"))
    try:
        obtained(server.start)
        yield server
    finally:
        server.stop()


@pytest.fixture
def installed(server: ApiServer) -> ApiServer:
    """`rollout install` ran; what an earlier test took away is there again."""
    run(server, "install")
    return server


def removed(server: ApiServer, *options: str) -> "tuple[int, str]":
    """How `rollout uninstall --crds` ends, and what it says against it."""
    answer = rollout(
        "uninstall", "--crds", *options, kubeconfig=server.kubeconfig(), namespace=NAMESPACE, patience_s=PATIENCE_S
    )
    return answer.returncode, answer.stderr


def ours(server: ApiServer) -> set[str]:
    """Names of what install makes cluster-wide and is still there; a namespace only goes where controllers run."""
    lists = (
        "/api/v1/namespaces",
        "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
        "/apis/rbac.authorization.k8s.io/v1/clusterroles",
        "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
        "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies",
        "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings",
    )
    return {
        item["metadata"]["name"]
        for path in lists
        for item in server.client().items(path)
        if "rollout" in item["metadata"]["name"]
    }


def kept(*finalizers: str) -> dict[str, Any]:
    """A Rollout that goes only when these finalizers are off."""
    rollout = a_rollout()
    metadata = {"name": "shop", "namespace": "default", "finalizers": list(finalizers)}
    return {**rollout, "metadata": metadata}


def test_when_it_ends_nothing_of_ours_is_there_any_more(installed: ApiServer) -> None:
    code, complaint = removed(installed)

    assert (code, complaint, ours(installed)) == (Exit.OK, "", {NAMESPACE})


def test_it_refuses_while_rollouts_are_there(installed: ApiServer) -> None:
    installed.client().apply(kept(FINALIZER))

    code, complaint = removed(installed)

    assert (code, "default/shop" in complaint, "--force deletes them" in complaint) == (Exit.CONFLICT, True, True)
    assert removed(installed, "--force") == (Exit.OK, "")


def test_by_force_it_ends_although_no_controller_lets_go_of_the_rollouts(installed: ApiServer) -> None:
    installed.client().apply(kept(FINALIZER))

    said = run(installed, "uninstall", "--crds", "--force")

    assert "kept: the weights and entries in the routes of 1 Rollouts: default/shop" in said
    assert ours(installed) == {NAMESPACE}


def test_a_finalizer_of_others_stays_and_is_named_and_a_repetition_ends_it(installed: ApiServer) -> None:
    kube = installed.client()
    kube.apply(kept(OTHERS, FINALIZER))

    code, complaint = removed(installed, "--force", "--timeout", "5s")
    left = kube.get(f"{ROLLOUTS}/shop")["metadata"]["finalizers"]
    kube.patch(f"{ROLLOUTS}/shop", {"metadata": {"finalizers": None}})

    assert (code, left) == (Exit.TIMED_OUT, [OTHERS])
    assert f"Rollout default/shop waits for {OTHERS}" in complaint
    assert removed(installed, "--force") == (Exit.OK, "")
    assert ours(installed) == {NAMESPACE}


def test_no_request_of_it_is_refused_and_nothing_foreign_is_written(installed: ApiServer) -> None:
    mark = installed.audit_mark()

    removed(installed, "--delete-namespace")

    with installed.audit_log.open("rb") as log:
        log.seek(mark)
        events = [json.loads(line) for line in log.read().splitlines()]
    writes = {
        event["objectRef"].get("name", "")
        for event in events
        if event["user"]["username"] == "admin" and event["verb"] in ("delete", "patch", "update", "create")
    }
    assert {name for name in writes if "rollout" not in name} == set()
