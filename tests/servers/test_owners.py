"""Does the controller live with a GitOps tool that applies its own version of the route to a real API server?"""

import json
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from adapters.kube.api import Patch
from tests.servers.client import PATCHES, KubeError, Obj
from tests.servers.process import eventually
from tests.servers.shop import USER, Place, Shop, opened, operated, virtual_service
from tests.support.second_writer import Argo, Flux, Tool, snippet_in

pytestmark = [pytest.mark.server, pytest.mark.slow]

LOOKS_EVERY_S = 2.0
FIGHT_S = 240.0  # three reversals take a bit more than two minutes
KINDS = {Patch.APPLY: "apply", Patch.MERGE: "merge"}


class Applying:
    """A tool at work: it looks every LOOKS_EVERY_S. looks, written: how often it looked and wrote."""

    def __init__(self, shop: Shop, tool: Tool) -> None:
        self.shop, self.tool = shop, tool
        self.looks = self.written = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def once(self) -> None:
        """One look."""
        kube = self.shop.cluster.kube
        write = self.tool.write(kube.get(self.shop.route))
        if write is not None:
            query = "&".join(f"{name}={value}" for name, value in write.query.items())
            kube.request("PATCH", f"{self.shop.route}?{query}", write.body, PATCHES[KINDS[write.kind]])
            self.written += 1
        self.looks += 1

    @contextmanager
    def at_work(self) -> Iterator["Applying"]:
        """It looks again and again meanwhile."""
        self._thread.start()
        try:
            yield self
        finally:
            self._over.set()
            self._thread.join(30.0)

    def _run(self) -> None:
        while not self._over.wait(LOOKS_EVERY_S):
            try:
                self.once()
            except KubeError as error:  # it looks again
                sys.stderr.write(f"{error}\n")


def git_version(shop: Shop, revision: str) -> Obj:
    """The route as git has it."""
    text = json.dumps(virtual_service(shop.namespace)).replace("checkout-v1", f"checkout-{revision}")
    route: Obj = json.loads(text)
    return route


def route_writes(shop: Shop, since: int) -> int:
    """How often the controller wrote the route since a mark of the audit log."""
    counts = shop.cluster.server.audit_counts(USER, since)
    return sum(times for (verb, what), times in counts.items() if what == "virtualservices" and verb != "watch")


def says(shop: Shop, code: str) -> bool:
    """Whether the status comes to give this reason."""
    return eventually(lambda: code in codes(shop.status()), FIGHT_S, 0.5)


def codes(status: dict[str, Any]) -> set[str]:
    """The reasons that a status gives."""
    return {reason["code"] for reason in status.get("reasons", ())}


def managers(shop: Shop) -> set[str]:
    """Who manages fields of the route's spec."""
    fields = shop.cluster.kube.get(shop.route)["metadata"]["managedFields"]
    return {entry["manager"] for entry in fields if "f:spec" in entry["fieldsV1"]}


@pytest.fixture
def owned(place: Place) -> Iterator[Shop]:
    """v1 serves; steps are short."""
    with opened(place) as shop, operated(shop):
        shop.defaults = {"steps": [{"weight": 10, "soak": "4s"}], "objectives": []}
        shop.commit("v1")
        assert shop.reaches(phase="Idle", stableRevision="v1"), shop.told()
        yield shop


@pytest.mark.parametrize(("make", "asked"), [(Flux, ("plan", "checkout")), (Argo, ("check",))])
def test_a_fight_in_mid_run_is_held_and_ends_by_what_the_cli_prints(
    owned: Shop, make: type[Flux] | type[Argo], asked: tuple[str, ...]
) -> None:
    tool = Applying(owned, make(git_version(owned, "v1")))
    tool.once()
    mark = owned.cluster.server.audit_mark()

    with tool.at_work():
        owned.release("v2")
        assert says(owned, "RouteFought"), owned.told()
        fought = route_writes(owned, mark)
        tool.tool.told(snippet_in(owned.order(*asked).stdout))
        assert owned.order("resume", "checkout").returncode == 0
        assert owned.reaches(phase="Idle", stableRevision="v2"), owned.told()
        assert owned.forgets("v1"), owned.told()

    # raised, set back, raised a minute later, set back, raised a minute later, set back
    assert fought == 3
    assert tool.written >= 3
    assert owned.gives("v2", 100)


def test_after_promotion_a_tool_is_not_fought_and_what_is_gone_gets_nothing(owned: Shop) -> None:
    tool = Applying(owned, Flux(git_version(owned, "v1")))
    tool.once()
    owned.release("v2")
    assert owned.reaches(phase="Idle", stableRevision="v2"), owned.told()
    assert eventually(lambda: "rollout-controller" not in managers(owned), 60.0), owned.told()
    mark = owned.cluster.server.audit_mark()

    tool.once()
    assert says(owned, "HandEdit"), owned.told()
    held = route_writes(owned, mark)
    owned.cluster.kube.delete(f"/apis/apps/v1/namespaces/{owned.namespace}/deployments/checkout-v1")
    owned.cluster.kube.delete(f"/api/v1/namespaces/{owned.namespace}/services/checkout-v1")
    assert says(owned, "RouteNamesGone"), owned.told()
    assert owned.gives("v2", 100), owned.told()
    brought_back = route_writes(owned, mark)
    with tool.at_work():
        assert eventually(lambda: route_writes(owned, mark) == brought_back + 1, 90.0, 0.5), owned.told()
        tool.tool.told(snippet_in(owned.order("plan", "checkout").stdout))
        assert eventually(lambda: owned.weight("v2") == 100, 90.0), owned.told()
        times, looks = tool.written, tool.looks
        assert eventually(lambda: tool.looks >= looks + 3, 30.0)

    assert (held, brought_back) == (0, 1)
    assert tool.written == times
    assert route_writes(owned, mark) <= 3  # the tool may have looked once more before it was told
    assert owned.weight("v2") == 100


def test_a_release_leaves_no_trace_among_the_managers_of_the_route(owned: Shop) -> None:
    tool = Applying(owned, Argo(git_version(owned, "v1")))
    tool.once()
    before = managers(owned)

    owned.release("v2")
    assert owned.reaches(phase="Idle", stableRevision="v2"), owned.told()
    assert owned.forgets("v1"), owned.told()

    assert eventually(lambda: managers(owned) == before, 60.0), managers(owned)
