"""Does the controller have the rights that it needs, and no others?"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from rollout.cli.shipped import CONTROLLER, NAMESPACE, Choices, controller_objects, rules
from tests.servers.actors import a_command, is_refused
from tests.servers.apiserver import ApiServer
from tests.servers.cluster import deployment, service
from tests.servers.controller import rollout
from tests.servers.process import eventually
from tests.servers.shop import Place, Shop, manifest, opened, operated

pytestmark = pytest.mark.server

ACCOUNT = f"system:serviceaccount:{NAMESPACE}:{CONTROLLER}"
Right = tuple[str, str, str]  # verb, group, resource
ROUTES = (
    ("networking.istio.io", "virtualservices"),
    ("gateway.networking.k8s.io", "httproutes"),
    ("gateway.networking.k8s.io", "grpcroutes"),
    ("split.smi-spec.io", "trafficsplits"),
)
# Rights that the run below does not use, and what they are for.
NOT_USED_HERE: dict[Right, str] = {
    **{("get", *route): "read once more when lowering a weight meets a conflict" for route in ROUTES},
    **{("patch", *route): "weights of a route of this kind; the run has a VirtualService" for route in ROUTES[1:]},
    ("get", "rollout.dev", "rolloutcommands"): "read once more when the answer meets a conflict",
    ("patch", "events.k8s.io", "events"): "count a reason that is repeated for more than a minute",
    ("delete", "networking.istio.io", "destinationrules"): "take the last subset out of a rule",
    ("create", "rollout.dev", "rollouts"): "server-side apply of a new one needs create besides patch",
    ("create", "rollout.dev", "slopolicies"): "server-side apply of a new one needs create besides patch",
}


@pytest.fixture
def kubeconfig(place: Place) -> Iterator[Path]:
    """`rollout install` ran as administrator; the file holds a token of the controller's service account."""
    server = place.cluster.server
    answer = rollout("install", kubeconfig=server.kubeconfig(), namespace=NAMESPACE)
    assert answer.returncode == 0, answer.stderr
    yield account_config(server, place.directory)
    rollout("uninstall", "--force", kubeconfig=server.kubeconfig(), namespace=NAMESPACE)
    # Other tests on this server give commands in other people's names.
    assert eventually(lambda: not is_refused(server, "admin", a_command("nobody")), 30.0)


def account_config(server: ApiServer, directory: Path) -> Path:
    """A kubeconfig file with a token of the controller's service account."""
    path = f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts/{CONTROLLER}/token"
    body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 3600}}
    token = server.client().request("POST", path, body)["status"]["token"]
    config = yaml.safe_load(server.kubeconfig().read_text())
    config["users"][0]["user"] = {"token": token}
    written = directory / "account.kubeconfig"
    written.write_text(yaml.safe_dump(config))
    return written


@pytest.fixture
def shop(place: Place) -> Iterator[Shop]:
    """v1 serves; no controller yet."""
    with opened(place) as shop:
        yield shop


def test_the_controller_works_with_the_shipped_rights_and_uses_all_of_them(shop: Shop, kubeconfig: Path) -> None:
    server = shop.cluster.server
    mark = server.audit_mark()

    with operated(shop, kubeconfig, namespace="", own_namespace=NAMESPACE):
        release(shop)

    used, refused = asked(server, mark)
    granted = set(rules(controller_objects(Choices())))
    assert refused == []
    assert sorted(granted - used - NOT_USED_HERE.keys()) == [], "neither used nor explained"
    assert sorted(used & NOT_USED_HERE.keys()) == [], "used after all"


def release(shop: Shop) -> None:
    """A pause, an abort, a promotion by subsets with a policy from git, and some of it leaves git again."""
    assert shop.reaches(phase="Idle", stableRevision="v1"), shop.status()
    shop.release("v2", objectives=[])
    assert shop.reaches(phase="Progressing"), shop.status()
    order(shop, "pause")
    assert shop.reaches(phase="Paused"), shop.status()
    order(shop, "abort")
    assert shop.reaches(phase="Failed"), shop.status()
    by_subset(shop)
    shop.repository.commit({"rollouts/checkout.yaml": None, "rollouts/policy.yaml": None}, "checkout is gone")
    assert eventually(lambda: not shop.cluster.kube.exists(shop.path), 60.0, 0.2)
    assert shop.cluster.kube.exists(shop.path.removesuffix("checkout") + "cart")


def by_subset(shop: Shop) -> None:
    """A second service goes from v1 to v2 by subsets, judged by a policy."""
    kube, namespace = shop.cluster.kube, shop.namespace
    kube.apply(
        deployment(namespace, "cart-v1", "v1", 1),
        deployment(namespace, "cart-v2", "v2", 1),
        service(namespace, "cart", {"app": "cart"}),
        by_host(namespace, "cart", {"host": "cart", "subset": "v1"}),
    )
    shop.cluster.wait_available(namespace, "cart-v1", "cart-v2")
    commit_cart(shop, "v1")
    assert eventually(lambda: cart(shop).get("stableRevision") == "v1", 60.0, 0.2), cart(shop)
    commit_cart(shop, "v2")
    assert eventually(lambda: cart(shop).get("stableRevision") == "v2", 60.0, 0.2), cart(shop)


def commit_cart(shop: Shop, revision: str) -> None:
    """Name another revision of the second service in git."""
    backend = {"subset": {"host": "cart", "name": "{revision}", "labels": {"version": "{revision}"}}}
    routes = [{"kind": "VirtualService", "name": "cart"}]
    steps = [{"weight": 50, "soak": "1s"}]
    text = manifest(shop.namespace, revision, backend=backend, routes=routes, steps=steps, objectives=[])
    text["metadata"]["name"] = "cart"
    text["spec"]["workload"]["name"] = "cart-{revision}"
    objective = {"name": "errors", "kind": "error-ratio", "max": "1%"}
    policy = {"apiVersion": "rollout.dev/v1alpha1", "kind": "SloPolicy", "metadata": {"name": "usual"}}
    policy |= {"spec": {"objectives": [objective]}}
    files = {"rollouts/cart.yaml": yaml.safe_dump(text), "rollouts/policy.yaml": yaml.safe_dump(policy)}
    shop.repository.commit(files, f"cart {revision}")


def cart(shop: Shop) -> dict[str, Any]:
    """The status of the second Rollout; empty while there is none."""
    path = shop.path.removesuffix("checkout") + "cart"
    kube = shop.cluster.kube
    return kube.get(path).get("status", {}) if kube.exists(path) else {}


def by_host(namespace: str, name: str, destination: dict[str, str]) -> dict[str, Any]:
    """A route of all requests for `name` to one destination."""
    return {
        "apiVersion": "networking.istio.io/v1",
        "kind": "VirtualService",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"hosts": [name], "http": [{"route": [{"destination": destination}]}]},
    }


def order(shop: Shop, verb: str) -> None:
    """A person gives a command."""
    answer = rollout(verb, "checkout", kubeconfig=shop.cluster.kubeconfig(), namespace=shop.namespace)
    assert answer.returncode == 0, answer.stderr


def asked(server: ApiServer, since: int) -> tuple[set[Right], list[str]]:
    """What the controller asked the server for since a mark, and which requests were refused."""
    with server.audit_log.open("rb") as log:
        log.seek(since)
        events = [json.loads(line) for line in log.read().splitlines()]
    own = [event for event in events if event["user"]["username"] == ACCOUNT]
    refused = [f"{event['verb']} {event['requestURI']}" for event in own if lacks_a_right(event)]
    return {right_of(event) for event in own if "objectRef" in event}, refused


def lacks_a_right(event: dict[str, Any]) -> bool:
    """Whether a right was missing; in a namespace that another test has just deleted nobody may create anything."""
    words = (event.get("responseStatus") or {}).get("message", "")
    return code_of(event) in (401, 403) and "is being terminated" not in words


def code_of(event: dict[str, Any]) -> int:
    return int((event.get("responseStatus") or {}).get("code", 0))


def right_of(event: dict[str, Any]) -> Right:
    reference = event["objectRef"]
    parts = (reference.get("resource", ""), reference.get("subresource", ""))
    return event["verb"], reference.get("apiGroup", ""), "/".join(part for part in parts if part)
