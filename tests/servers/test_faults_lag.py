"""Does a release keep to its steps while every watch is late by its own seconds, so that the cache is never of one moment?"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event, Thread

import pytest

from tests.servers.cluster import deployment, service
from tests.servers.faults import Asked, On, moves
from tests.servers.lifetime import by_host, reached, subset_rollout, told
from tests.servers.process import eventually
from tests.servers.shop import PATIENCE_S
from tests.servers.trouble import Trouble

pytestmark = [pytest.mark.server, pytest.mark.xdist_group("late watches")]

# By the revision that is released then: one that was promoted before would come back without any step.
LATE = {
    "v2": {"virtualservices": 3.0, "rollouts": 1.0, "deployments": 2.0},
    "v3": {"endpointslices": 3.0, "pods": 2.5, "services": 1.5, "rollouts": 2.0},
}
PLANNED = (0, 10, 50, 100)


@dataclass(slots=True)
class Seen:
    """What the API server had, in its order: the status's weight, and afterwards the route's."""

    revision: str
    allowed: int = 0
    above: list[tuple[int, int]] = field(default_factory=list)
    weights: list[int] = field(default_factory=list)

    def note(self, trouble: Trouble) -> None:
        kube = trouble.shop.cluster.kube
        found = kube.get(trouble.shop.route)["spec"]["http"][0]["route"]
        given = {one["destination"]["host"]: int(one.get("weight", 100)) for one in found}.get(
            f"checkout-{self.revision}", 0
        )
        status = trouble.shop.status()
        is_done = status.get("stableRevision") == self.revision or status.get("phase") == "Promoting"
        self.allowed = max(self.allowed, 100 if is_done else int(status.get("weight") or 0))
        if given > self.allowed:
            self.above.append((given, self.allowed))
        if given not in self.weights:
            self.weights.append(given)


@contextmanager
def watched(trouble: Trouble, revision: str) -> Iterator[Seen]:
    """What happens on the server until the end of the block."""
    seen, ends = Seen(revision), Event()

    def look() -> None:
        while not ends.wait(0.05):
            seen.note(trouble)

    thread = Thread(target=look, daemon=True)
    thread.start()
    try:
        yield seen
    finally:
        ends.set()
        thread.join(10)


def of(resource: str) -> On:
    """Watches of this resource."""

    def is_of(asked: Asked) -> bool:
        return asked.is_watch and asked.path.split("?")[0].endswith(f"/{resource}")

    return is_of


def test_a_canary_that_fails_goes_back_while_routes_are_seen_late(trouble: Trouble) -> None:
    trouble.api.lag(of("virtualservices"), 4.0)
    trouble.begins()

    trouble.ail(50)

    assert eventually(lambda: trouble.shop.weight("v2") == 0, 8.0 + 4.0), trouble.shop.told()
    assert trouble.shop.reaches(phase="Failed"), trouble.shop.told()


@pytest.mark.parametrize("revision", LATE)
def test_no_step_is_skipped_and_no_weight_is_written_twice(revision: str, trouble: Trouble) -> None:
    trouble.shop.deploy(revision)
    for resource, seconds in LATE[revision].items():
        trouble.api.lag(of(resource), seconds)
    before = len(list(filter(moves, trouble.api.seen)))

    with watched(trouble, revision) as seen:
        trouble.name(revision)
        promoted = trouble.shop.reaches(phase="Idle", stableRevision=revision)

    assert promoted, trouble.shop.told()
    assert (seen.above, tuple(seen.weights)) == ([], PLANNED)
    written = len(list(filter(moves, trouble.api.seen))) - before
    assert written <= len(PLANNED), "and at the end v1's entry goes"


def test_no_route_names_a_subset_before_it_is_there_and_none_that_is_gone(trouble: Trouble) -> None:
    shop, kube = trouble.shop, trouble.shop.cluster.kube
    rules = f"/apis/networking.istio.io/v1/namespaces/{shop.namespace}/destinationrules"
    trouble.api.lag(of("destinationrules"), 3.0)
    kube.apply(*a_cart(trouble), subset_rollout(shop.namespace, "cart", "v1"))
    assert reached(shop, "cart", stableRevision="v1"), told(shop, "cart")
    dangling: list[str] = []

    def promoted() -> bool:
        route = kube.get(shop.route.replace("/checkout", "/cart"))["spec"]["http"][0]["route"]
        named = {one["destination"]["subset"] for one in route} - {"v1"}  # v1's is the user's own
        known = {one["name"] for rule in kube.items(rules) for one in rule["spec"].get("subsets") or ()}
        dangling.extend(named - known)
        return told(shop, "cart").get("stableRevision") == "v2"

    plan = subset_rollout(shop.namespace, "cart", "v2")
    plan["spec"]["steps"] = [{"weight": 50, "soak": "1s"}]
    kube.apply(plan)

    assert eventually(promoted, PATIENCE_S, 0.05), told(shop, "cart")
    assert dangling == []


def a_cart(trouble: Trouble) -> list[dict[str, object]]:
    """A second service with both revisions behind one Service, everything to v1's subset, which is the user's own."""
    namespace = trouble.shop.namespace
    return [
        deployment(namespace, "cart-v1", "v1", 1),
        deployment(namespace, "cart-v2", "v2", 1),
        service(namespace, "cart", {"app": "cart"}),
        by_host(namespace, "cart", {"host": "cart", "subset": "v1"}),
    ]
