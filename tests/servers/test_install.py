"""Does `rollout install` bring a real cluster what it needs, and does `uninstall` take it away again?"""

from collections.abc import Iterator

import pytest

from rollout.cli.errors import Exit
from rollout.wiring.shipped import CONTROLLER, NAMESPACE
from tests.servers.apiserver import ApiServer
from tests.servers.client import KubeError
from tests.servers.controller import rollout
from tests.servers.missing import obtained
from tests.servers.process import eventually

pytestmark = pytest.mark.server

DEPLOYMENT = f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments/{CONTROLLER}"
ROLLOUTS = "/apis/rollout.dev/v1alpha1/namespaces/default/rollouts"
SERVICE_ACCOUNT = f"system:serviceaccount:{NAMESPACE}:{CONTROLLER}"


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    """An API server of its own, because this test takes CRDs away."""
    server = ApiServer(tmp_path_factory.mktemp("bare"))
    try:
        obtained(server.start)
        yield server
    finally:
        server.stop()


def run(server: ApiServer, *arguments: str) -> str:
    """What a command that must succeed says."""
    answer = rollout(*arguments, kubeconfig=server.kubeconfig(), namespace=NAMESPACE)
    assert answer.returncode == Exit.OK, answer.stderr
    return answer.stdout


@pytest.fixture
def installed(bare: ApiServer) -> Iterator[ApiServer]:
    """`rollout install` ran on an empty cluster."""
    run(bare, "install", "--image", "registry.test/rollout:1")
    assert eventually(lambda: is_served(bare), 10.0)
    yield bare
    for rollout_object in bare.client().items(ROLLOUTS):
        bare.client().delete(f"{ROLLOUTS}/{rollout_object['metadata']['name']}")


def is_served(server: ApiServer) -> bool:
    """Whether Rollouts can be listed; just after the CRD came the answer is 429 for a moment."""
    try:
        server.client().items(ROLLOUTS)
    except KubeError:
        return False
    return True


def a_rollout() -> dict[str, object]:
    return {
        "apiVersion": "rollout.dev/v1alpha1",
        "kind": "Rollout",
        "metadata": {"name": "shop", "namespace": "default"},
        "spec": {
            "revision": "v1",
            "backend": {"service": "shop-{revision}"},
            "routes": [{"kind": "HTTPRoute", "name": "shop"}],
            "steps": [{"weight": 50}],
            "objectives": [],
        },
    }


def test_install_makes_the_controller_with_the_image_that_was_asked_for(installed: ApiServer) -> None:
    found = installed.client().get(DEPLOYMENT)

    assert found["spec"]["template"]["spec"]["containers"][0]["image"] == "registry.test/rollout:1"


def test_install_twice_changes_nothing(installed: ApiServer) -> None:
    before = installed.client().get(DEPLOYMENT)["metadata"]["resourceVersion"]

    run(installed, "install", "--image", "registry.test/rollout:1")

    assert installed.client().get(DEPLOYMENT)["metadata"]["resourceVersion"] == before


def test_the_pods_satisfy_the_restricted_standard(installed: ApiServer) -> None:
    template = installed.client().get(DEPLOYMENT)["spec"]["template"]
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "probe", "namespace": NAMESPACE}}

    made = installed.client().request(
        "POST", f"/api/v1/namespaces/{NAMESPACE}/pods?dryRun=All", pod | {"spec": template["spec"]}
    )

    assert made["metadata"]["name"] == "probe"


def test_uninstall_refuses_while_rollouts_are_there(installed: ApiServer) -> None:
    installed.client().apply(a_rollout())

    answer = rollout("uninstall", kubeconfig=installed.kubeconfig(), namespace=NAMESPACE)

    assert answer.returncode == Exit.CONFLICT
    assert "default/shop" in answer.stderr
    assert installed.client().exists(DEPLOYMENT)


def test_uninstall_by_force_leaves_rollouts_and_crds(installed: ApiServer) -> None:
    installed.client().apply(a_rollout())

    said = run(installed, "uninstall", "--force")

    assert "1 Rollouts" in said
    assert not installed.client().exists(DEPLOYMENT)
    assert installed.client().exists(f"{ROLLOUTS}/shop")


def test_the_controller_may_not_list_secrets_or_delete_routes(installed: ApiServer) -> None:
    asked = {
        "secrets": ("list", "", "secrets"),
        "routes": ("delete", "networking.istio.io", "virtualservices"),
        "receivers": ("create", "rollout.dev", "receivers"),
        "deployments": ("delete", "apps", "deployments"),
        "scale": ("patch", "apps", "deployments/scale"),
        "pods": ("delete", "", "pods"),
        "namespaces": ("delete", "", "namespaces"),
        "rights": ("create", "rbac.authorization.k8s.io", "clusterrolebindings"),
    }

    allowed = {name: may(installed, *right) for name, right in asked.items()}

    assert allowed == dict.fromkeys(asked, False)


def test_the_controller_may_patch_routes(installed: ApiServer) -> None:
    assert eventually(lambda: may(installed, "patch", "networking.istio.io", "virtualservices"), 10.0)


def may(server: ApiServer, verb: str, group: str, resource: str) -> bool:
    """Whether the controller's service account has a right in all namespaces, as `kubectl auth can-i` asks."""
    body = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview",
        "spec": {"user": SERVICE_ACCOUNT, "resourceAttributes": {"verb": verb, "group": group, "resource": resource}},
    }
    answer = server.client().request("POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", body)
    return bool(answer["status"]["allowed"])
