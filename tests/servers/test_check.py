"""Does `rollout check` see on a real cluster what is there and what is not?"""

import json
import subprocess
from collections.abc import Iterator

import pytest

from rollout.cli.errors import Exit
from tests.servers.apiserver import ApiServer
from tests.servers.controller import rollout
from tests.servers.missing import obtained
from tests.servers.prometheus import Prometheus

pytestmark = pytest.mark.server


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    """An API server without any CRD."""
    server = ApiServer(tmp_path_factory.mktemp("unfit"))
    try:
        obtained(server.start)
        yield server
    finally:
        server.stop()


def checked(server: ApiServer, *options: str, user: str = "admin") -> "subprocess.CompletedProcess[str]":
    """How `rollout check` ends for a user."""
    return rollout("check", *options, kubeconfig=server.kubeconfig(user), namespace="default")


def results(answer: "subprocess.CompletedProcess[str]") -> dict[str, str]:
    """Result by message, of `-o json`."""
    return {item["message"]: item["result"] for item in json.loads(answer.stdout)["findings"]}


def test_a_bare_cluster_is_told_what_to_do(bare: ApiServer) -> None:
    answer = checked(bare)

    assert answer.returncode == Exit.DIFFERENT
    assert "rollouts.rollout.dev is not installed\n      run `rollout install`" in answer.stdout


def test_marks_are_letters_where_the_terminal_has_no_symbols(bare: ApiServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")

    answer = checked(bare)

    assert "  ok the API server answers" in answer.stdout
    assert "  XX no replica holds the Lease" in answer.stdout


def test_an_installed_cluster_has_current_crds_and_a_controller_with_its_rights(bare: ApiServer) -> None:
    installed = rollout("install", kubeconfig=bare.kubeconfig(), namespace="rollout-system")
    assert installed.returncode == Exit.OK, installed.stderr

    found = results(checked(bare, "--controller", "-o", "json"))

    assert found["rollouts.rollout.dev is current"] == "good"
    assert [result for message, result in found.items() if "rights it needs" in message] == ["good"]
    assert found["a command's actor is bound to whoever sends it"] == "good"
    assert found["no replica holds the Lease rollout-system/rollout-controller"] == "bad"


def test_a_policy_that_only_warns_is_in_the_way_of_approvals(bare: ApiServer) -> None:
    installed = rollout("install", kubeconfig=bare.kubeconfig(), namespace="rollout-system")
    assert installed.returncode == Exit.OK, installed.stderr
    path = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings/rollout-command-actor"
    bare.client().patch(path, {"spec": {"validationActions": ["Warn"]}})

    found = results(checked(bare, "-o", "json"))

    bare.client().patch(path, {"spec": {"validationActions": ["Deny"]}})
    assert [result for message, result in found.items() if message.endswith("does not deny")] == ["bad"]


def test_a_user_without_rights_learns_which_ones_are_missing(apiserver: ApiServer) -> None:
    found = results(checked(apiserver, "-o", "json", user="ben"))

    assert found["ben may not list Rollouts in default"] == "bad"
    assert found["ben may not create RolloutCommands in default"] == "bad"


def test_the_kinds_of_routes_that_a_cluster_serves_are_named(apiserver: ApiServer) -> None:
    found = results(checked(apiserver, "-o", "json"))

    assert found["TrafficSplit: served as v1alpha4, v1alpha3, v1alpha2"] == "good"


def test_a_route_of_argo_cd_comes_with_the_snippet_that_stops_it(apiserver: ApiServer, namespace: str) -> None:
    route = {
        "apiVersion": "networking.istio.io/v1",
        "kind": "VirtualService",
        "metadata": {
            "name": "shop",
            "namespace": namespace,
            "annotations": {
                "argocd.argoproj.io/tracking-id": f"web:networking.istio.io/VirtualService:{namespace}/shop"
            },
        },
        "spec": {"hosts": ["shop"], "http": [{"route": [{"destination": {"host": "shop-v1"}}]}]},
    }
    spec = {"revision": "v1", "backend": {"service": "shop-{revision}"}, "objectives": [], "steps": [{"weight": 50}]}
    wanted = {
        "apiVersion": "rollout.dev/v1alpha1",
        "kind": "Rollout",
        "metadata": {"name": "shop", "namespace": namespace},
        "spec": spec | {"routes": [{"kind": "VirtualService", "name": "shop"}]},
    }
    apiserver.client().apply(route, wanted)

    answer = rollout("check", kubeconfig=apiserver.kubeconfig(), namespace=namespace)

    assert f"VirtualService {namespace}/shop: Argo CD (web) owns it" in answer.stdout
    assert "- RespectIgnoreDifferences=true" in answer.stdout
    assert "- /spec/http" in answer.stdout


def test_a_prometheus_that_scrapes_no_proxy_is_worth_a_warning(apiserver: ApiServer, prometheus: Prometheus) -> None:
    found = results(checked(apiserver, "--prometheus-url", prometheus.url, "-o", "json"))

    assert [result for message, result in found.items() if message.startswith("Prometheus ")] == ["good"]
    assert found["it has no series of Istio, Linkerd or Envoy"] == "warning"


def test_a_prometheus_that_does_not_answer_fails_the_check(apiserver: ApiServer) -> None:
    found = results(checked(apiserver, "--prometheus-url", "http://127.0.0.1:9", "-o", "json"))

    assert [result for message, result in found.items() if message.startswith("http://127.0.0.1:9")] == ["bad"]


def test_a_cluster_that_does_not_answer_ends_with_its_own_code(
    bare: ApiServer, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("gone") / "config"
    path.write_text(bare.kubeconfig().read_text().replace(str(bare.port), "9"))

    answer = rollout("check", kubeconfig=path, namespace="default")

    assert answer.returncode == Exit.UNREACHABLE
