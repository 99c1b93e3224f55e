"""What does a controller do in its life? Everything that it has rights for, once, on real servers.

A pause, an abort by a pipeline, promotions by Services and by subsets, a policy from git and its end, a webhook, a look at
the API, a run on each kind of route, and conflicts: somebody else writes at the very moment.
"""

import threading
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import yaml

from tests.servers.client import Kube, KubeError, Obj, path_of
from tests.servers.cluster import deployment, service
from tests.servers.knocks import Doors, receivers
from tests.servers.process import eventually
from tests.servers.shop import Shop, manifest

PATIENCE_S = 120.0
MANY, WRITERS = 15, 3  # commands at once, and people who write at once
KINDS = ("VirtualService", "HTTPRoute", "GRPCRoute", "TrafficSplit")
Seen = Callable[[str, str], bool]  # whether the controller has asked (verb, resource) so far


def lived(shop: Shop, webhooks: str, api: str, seen: Seen) -> None:
    """All of it; `webhooks` is the URL where the controller hears whoever knocks, `api` where people look."""
    assert shop.reaches(phase="Idle", stableRevision="v1"), shop.told()
    refused(shop)
    doors = called(shop, webhooks)
    looked_at(shop, api)
    steered(shop, doors)
    for kind in KINDS:
        lowered_in_a_conflict(shop, kind, seen)
    answered_in_a_conflict(shop, seen)
    by_subset(shop)
    back_from_a_subset(shop)
    gone_from_git(shop)
    refused_again(shop, seen)


def refused(shop: Shop) -> None:
    """A command that this phase does not allow."""
    shop.cluster.kube.apply(a_route(shop.namespace, "VirtualService", "idle"))
    shop.cluster.kube.apply(a_rollout(shop.namespace, "idle", "VirtualService", "v1"))
    assert reached(shop, "idle", phase="Idle", stableRevision="v1"), told(shop, "idle")
    shop.order("retry", "idle")


def refused_again(shop: Shop, seen: Seen) -> None:
    """The same answer more than a minute later is counted in its Event, not told anew."""

    def counted() -> bool:
        shop.order("retry", "idle")
        return seen("patch", "events")

    assert eventually(counted, 180.0, 2.0), "no repeated reason was counted"


def called(shop: Shop, url: str) -> Doors:
    """The git host says that something was pushed."""
    shop.cluster.kube.apply(*receivers(shop.namespace))
    doors = Doors(shop=shop, url=url)
    assert doors.pushed("1") == 202
    return doors


def looked_at(shop: Shop, url: str) -> None:
    """Somebody with a token of the cluster reads what he may read."""
    token = {"Authorization": f"Bearer {shop.cluster.server.token['admin']}"}
    request = urllib.request.Request(f"{url}/api/v1/rollouts?namespace={shop.namespace}", headers=token)
    with urllib.request.urlopen(request, timeout=20) as answer:
        assert answer.status == 200


def steered(shop: Shop, doors: Doors) -> None:
    """A release is paused by a person and aborted by a pipeline."""
    shop.release("v2", objectives=[])
    assert shop.reaches(phase="Progressing"), shop.told()
    assert shop.order("pause", "checkout").returncode == 0
    assert shop.reaches(phase="Paused"), shop.told()
    code, text = doors.asked(verb="abort", run=int(shop.status()["run"]), revision="v2")
    assert code == 202, text
    assert shop.reaches(phase="Failed"), shop.told()


def lowered_in_a_conflict(shop: Shop, kind: str, seen: Seen) -> None:
    """A run on this kind of route is aborted while somebody else keeps writing to the route."""
    kube, name = shop.cluster.kube, kind.lower()
    resource = f"{name}s"
    (route,) = kube.apply(a_route(shop.namespace, kind, name))
    kube.apply(a_rollout(shop.namespace, name, kind, "v1"))
    assert reached(shop, name, phase="Idle", stableRevision="v1"), told(shop, name)
    kube.apply(a_rollout(shop.namespace, name, kind, "v2"))

    def goes_back() -> bool:
        assert reached(shop, name, phase="Progressing", weight=50), told(shop, name)
        with written_to(shop, lambda: [path_of(route)]):
            shop.order("abort", name)
        assert reached(shop, name, phase="Failed"), told(shop, name)
        if not seen("get", resource):
            shop.order("retry", name)
        return seen("get", resource)

    assert eventually(goes_back, PATIENCE_S, 0.1), f"lowering a {kind} never met a conflict"


def answered_in_a_conflict(shop: Shop, seen: Seen) -> None:
    """Somebody labels commands in the moment in which they are answered."""
    kube = shop.cluster.kube
    commands = f"/apis/rollout.dev/v1alpha1/namespaces/{shop.namespace}/rolloutcommands"

    def unanswered() -> list[str]:
        return [f"{commands}/{obj['metadata']['name']}" for obj in kube.items(commands) if not obj.get("status")]

    def answered() -> bool:
        for _ in range(MANY):  # answered one after the other, so that the last ones are old when their turn comes
            kube.create(a_retry(shop.namespace, "idle"))
        return eventually(lambda: seen("get", "rolloutcommands"), 10.0, 0.5)

    with written_to(shop, unanswered):
        assert eventually(answered, PATIENCE_S), "no answer ever met a conflict"


def a_retry(namespace: str, name: str) -> Obj:
    """A command that is refused, because nothing failed."""
    spec = {"target": {"kind": "Rollout", "name": name}, "verb": "retry", "channel": "cli", "actor": {"user": "admin"}}
    metadata = {"generateName": f"{name}-retry-", "namespace": namespace}
    return {"apiVersion": "rollout.dev/v1alpha1", "kind": "RolloutCommand", "metadata": metadata, "spec": spec}


def written_to(shop: Shop, paths: Callable[[], list[str]]) -> AbstractContextManager[None]:
    """Somebody keeps writing a label on these objects."""
    return writing_to(shop.cluster.kube, paths)


@contextmanager
def writing_to(kube: Kube, paths: Callable[[], list[str]]) -> Iterator[None]:
    """Somebody keeps writing a label on these objects."""
    stop = threading.Event()

    def write() -> None:
        count = 0
        while not stop.is_set():
            for path in paths():
                count += 1
                try:
                    kube.patch(path, {"metadata": {"labels": {"tests/count": str(count)}}})
                except KubeError:
                    continue  # it went, or somebody else was faster

    threads = [threading.Thread(target=write, daemon=True) for _ in range(WRITERS)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join(30)


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
    assert reached(shop, "cart", stableRevision="v1"), told(shop, "cart")
    commit_cart(shop, "v2")
    assert reached(shop, "cart", stableRevision="v2"), told(shop, "cart")


def back_from_a_subset(shop: Shop) -> None:
    """v1's subset is the user's own; v2's is ours, and after an abort our rule is empty and goes."""
    kube, namespace = shop.cluster.kube, shop.namespace
    theirs = [{"name": "v1", "labels": {"version": "v1"}}]
    rule = {
        "apiVersion": "networking.istio.io/v1",
        "kind": "DestinationRule",
        "metadata": {"name": "theirs", "namespace": namespace},
        "spec": {"host": "tills", "subsets": theirs},
    }
    kube.apply(
        deployment(namespace, "tills-v1", "v1", 1),
        deployment(namespace, "tills-v2", "v2", 1),
        service(namespace, "tills", {"app": "tills"}),
        by_host(namespace, "tills", {"host": "tills", "subset": "v1"}),
        rule,
        subset_rollout(namespace, "tills", "v1"),
    )
    shop.cluster.wait_available(namespace, "tills-v1", "tills-v2")
    assert reached(shop, "tills", stableRevision="v1"), told(shop, "tills")
    kube.apply(subset_rollout(namespace, "tills", "v2"))
    assert reached(shop, "tills", phase="Progressing", weight=50), told(shop, "tills")
    rules = f"/apis/networking.istio.io/v1/namespaces/{namespace}/destinationrules"
    ours = {obj["metadata"]["name"] for obj in kube.items(rules) if obj["spec"]["host"] == "tills"} - {"theirs"}
    shop.order("abort", "tills")
    assert len(ours) == 1, ours
    assert eventually(lambda: not kube.exists(f"{rules}/{min(ours)}"), PATIENCE_S, 0.2), "our rule stays"


def gone_from_git(shop: Shop) -> None:
    """A Rollout and its policies leave git, and so the cluster; the other Rollout stays."""
    policy = shop.path.replace("rollouts/checkout", "slopolicies/usual")
    notifier = shop.path.replace("rollouts/checkout", "notifiers/nobody")
    shop.repository.commit({"rollouts/people.yaml": yaml.safe_dump_all(for_people())}, "people come")
    assert eventually(lambda: shop.cluster.kube.exists(notifier), PATIENCE_S, 0.2)
    shop.repository.commit({"rollouts/people.yaml": None}, "people go")
    assert eventually(lambda: not shop.cluster.kube.exists(notifier), PATIENCE_S, 0.2)
    shop.repository.commit({"rollouts/policy.yaml": None}, "the policy is gone")
    assert eventually(lambda: not shop.cluster.kube.exists(policy), PATIENCE_S, 0.2)
    shop.repository.commit({"rollouts/checkout.yaml": None}, "checkout is gone")  # both at once would wait for a person
    assert eventually(lambda: not shop.cluster.kube.exists(shop.path), PATIENCE_S, 0.2)
    assert shop.cluster.kube.exists(shop.path.removesuffix("checkout") + "cart")


def for_people() -> list[Obj]:
    """A policy for approvals, a freeze that is over, and a notifier that tells nobody."""
    past = {"windows": [{"from": "2020-12-24T00:00:00Z", "to": "2020-12-27T00:00:00Z"}]}
    specs = {
        "ApprovalPolicy": ("managers", {"approvers": {"groups": ["release-managers"]}}),
        "FreezeWindow": ("holidays", past),
        "Notifier": ("nobody", {"type": "webhook", "secretRef": {"name": "nobody"}, "suspend": True}),
    }
    return [
        {"apiVersion": "rollout.dev/v1alpha1", "kind": kind, "metadata": {"name": name}, "spec": spec}
        for kind, (name, spec) in specs.items()
    ]


def commit_cart(shop: Shop, revision: str) -> None:
    """Name another revision of the second service in git."""
    text = subset_rollout(shop.namespace, "cart", revision)
    text["spec"]["steps"] = [{"weight": 50, "soak": "1s"}]
    objective = {"name": "errors", "kind": "error-ratio", "max": "1%", "method": "threshold"}
    policy = {"apiVersion": "rollout.dev/v1alpha1", "kind": "SloPolicy", "metadata": {"name": "usual"}}
    policy |= {"spec": {"objectives": [objective]}}
    files = {"rollouts/cart.yaml": yaml.safe_dump(text), "rollouts/policy.yaml": yaml.safe_dump(policy)}
    shop.repository.commit(files, f"cart {revision}")


def subset_rollout(namespace: str, name: str, revision: str) -> Obj:
    """A Rollout whose revisions are subsets of one host."""
    backend = {"subset": {"host": name, "name": "{revision}", "labels": {"version": "{revision}"}}}
    return a_rollout(namespace, name, "VirtualService", revision) | {
        "spec": manifest(
            namespace,
            revision,
            backend=backend,
            routes=[{"kind": "VirtualService", "name": name}],
            steps=[{"weight": 50, "soak": "10m"}],
            objectives=[],
            workload={"kind": "Deployment", "name": f"{name}-{{revision}}"},
        )["spec"]
    }


def a_rollout(namespace: str, name: str, kind: str, revision: str) -> Obj:
    """A Rollout of checkout's Services on one route, which stays at 50 % until somebody ends it."""
    made = manifest(
        namespace,
        revision,
        routes=[{"kind": kind, "name": name}],
        steps=[{"weight": 50, "soak": "10m"}],
        objectives=[],
    )
    return made | {"metadata": {"name": name, "namespace": namespace}}


def a_route(namespace: str, kind: str, name: str) -> Obj:
    """A route of each kind, everything to v1."""
    meta = {"metadata": {"name": name, "namespace": namespace}, "kind": kind}
    reference = {"name": "checkout-v1", "port": 80, "weight": 1}
    match kind:
        case "VirtualService":
            return by_host(namespace, name, {"host": "checkout-v1"})
        case "TrafficSplit":
            backends = [{"service": "checkout-v1", "weight": 100}]
            return meta | {
                "apiVersion": "split.smi-spec.io/v1alpha2",
                "spec": {"service": "checkout", "backends": backends},
            }
        case _:
            spec = {"parentRefs": [{"name": "gateway"}], "rules": [{"backendRefs": [reference]}]}
            return meta | {"apiVersion": "gateway.networking.k8s.io/v1", "spec": spec}


def by_host(namespace: str, name: str, destination: dict[str, str]) -> Obj:
    """A VirtualService of all requests for `name` to one destination."""
    return {
        "apiVersion": "networking.istio.io/v1",
        "kind": "VirtualService",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"hosts": [name], "http": [{"route": [{"destination": destination}]}]},
    }


def reached(shop: Shop, name: str, **wanted: Any) -> bool:
    """Whether the status of a Rollout comes to hold these fields in time."""
    return eventually(lambda: wanted.items() <= told(shop, name).items(), PATIENCE_S, 0.1)


def told(shop: Shop, name: str) -> dict[str, Any]:
    """The status of a Rollout; empty while there is none."""
    path, kube = shop.path.removesuffix("checkout") + name, shop.cluster.kube
    return kube.get(path).get("status", {}) if kube.exists(path) else {}
