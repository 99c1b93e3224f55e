"""Do approval policies and freezes mean the same objects on the memory cluster and on a real API server?"""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import pytest

from adapters.kube.api import KubeApi
from adapters.kube.cache import Cache
from adapters.kube.client import HttpApi
from adapters.kube.kinds import KINDS
from adapters.kube.policies import KubePolicies
from adapters.memory.cluster import DirectApi, MemoryCluster
from policies.approval import Approvers
from rollout import crds
from rollout.model.approval import OnTimeout
from rollout.model.freeze import Overrun
from rollout.model.names import Key
from tests.support.builders import a_rollout_manifest, an_approval_manifest

STORED = ("Rollout", "MeshMigration", "ApprovalPolicy", "FreezeWindow")
TWICE: dict[str, Any] = {
    "people": [{"name": "ana", "users": ["ana"]}, {"name": "ben", "users": ["ana"]}]
}  # no schema sees it
NIGHTLY = {"schedule": "0 18 * * *", "duration": "12h"}


@dataclass(frozen=True, kw_only=True)
class Bench:
    """Two namespaces of a server: one with a Rollout, and the controller's."""

    api: KubeApi
    cache: Cache
    shop: str
    home: str
    policies: KubePolicies

    @property
    def key(self) -> Key:
        return Key(namespace=self.shop, name="checkout")

    async def put(self, *objects: dict[str, Any]) -> None:
        """Create the objects; the cache knows them then."""
        for obj in objects:
            await self.api.create(self.cache.path(obj["kind"], obj["metadata"]["namespace"]), obj)
        await self.cache.refresh()

    def window(self, name: str, namespace: str, **spec: Any) -> dict[str, Any]:
        meta = {"name": name, "namespace": namespace}
        body = {"windows": [NIGHTLY], **spec}
        return {"apiVersion": "rollout.dev/v1alpha1", "kind": "FreezeWindow", "metadata": meta, "spec": body}

    def names(self) -> list[str]:
        """The windows that mean the Rollout."""
        return [window.key.name for window in self.policies.freezes("Rollout", self.key)]


@pytest.fixture(params=["memory", pytest.param("real", marks=pytest.mark.server)])
async def bench(request: pytest.FixtureRequest) -> AsyncIterator[Bench]:
    async with AsyncExitStack() as stack:
        if request.param == "real":
            client = await HttpApi.connect(str(request.getfixturevalue("apiserver").kubeconfig("admin")))
            stack.push_async_callback(client.close)
            server: KubeApi = client
            shop = request.getfixturevalue("namespace")
        else:
            cluster = MemoryCluster()
            cluster.seed(*crds.definitions().values())
            cluster.seed({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}})
            server, shop = DirectApi(cluster), "shop"
        home = f"{shop}-home"
        namespaces = KINDS["Namespace"]
        await server.create(
            namespaces.path("v1"), {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": home}}
        )
        stack.push_async_callback(server.delete, namespaces.path("v1", "", home))
        cache = Cache(server, [KINDS[kind] for kind in STORED])
        await cache.refresh()
        yield Bench(api=server, cache=cache, shop=shop, home=home, policies=KubePolicies(cache, home))


async def test_a_policy_is_read_with_whom_its_namespace_and_the_controllers_vouch_for(bench: Bench) -> None:
    await bench.put(
        an_approval_manifest(
            namespace=bench.shop, minimum=2, approvers={"groups": ["sre"]}, expiresAfter="1h", onTimeout="rollback"
        )
    )

    policy = bench.policies.approval(bench.shop, "release-managers")

    assert policy is not None
    assert (policy.quorum.minimum, policy.quorum.approvers) == (2, Approvers(groups=("sre",)))
    assert policy.on_timeout is OnTimeout.ROLLBACK
    assert policy.quorum.vouched == (bench.shop, bench.home)


async def test_a_policy_that_nobody_made_or_that_is_elsewhere_is_none(bench: Bench) -> None:
    await bench.put(an_approval_manifest("ours", namespace=bench.shop))

    assert bench.policies.approval(bench.shop, "theirs") is None
    assert bench.policies.approval(bench.home, "ours") is None


async def test_the_controllers_policy_wins_and_believes_its_own_receivers_alone(bench: Bench) -> None:
    await bench.put(
        an_approval_manifest(namespace=bench.shop, minimum=1), an_approval_manifest(namespace=bench.home, minimum=3)
    )

    policy = bench.policies.approval(bench.shop, "release-managers")

    assert policy is not None
    assert (policy.quorum.minimum, policy.quorum.vouched) == (3, (bench.home,))


async def test_a_policy_that_cannot_be_read_is_none_and_no_local_one_takes_its_place(bench: Bench) -> None:
    await bench.put(
        an_approval_manifest(namespace=bench.home, **TWICE),
        an_approval_manifest(namespace=bench.shop),
    )

    assert bench.policies.approval(bench.shop, "release-managers") is None


async def test_a_changed_policy_is_read_anew_and_an_unchanged_one_is_not(bench: Bench) -> None:
    manifest = an_approval_manifest(namespace=bench.shop)
    await bench.put(manifest)
    before = bench.policies.approval(bench.shop, "release-managers")
    await bench.api.delete(bench.cache.path("ApprovalPolicy", bench.shop, "release-managers"))
    await bench.put({**manifest, "spec": {"minimum": 5}})

    after, again = (bench.policies.approval(bench.shop, "release-managers") for _ in range(2))

    assert before is not None
    assert after is not None
    assert (before.quorum.minimum, after.quorum.minimum) == (1, 5)
    assert after == again


async def test_windows_mean_their_own_namespace_and_those_that_the_controllers_reach(bench: Bench) -> None:
    await bench.put(
        bench.window("a-local", bench.shop),
        bench.window("b-local-that-reaches", bench.shop, namespaces=["*"]),
        bench.window("c-named", bench.home, namespaces=[bench.shop]),
        bench.window("d-all", bench.home, namespaces=["*"]),
        bench.window("e-other", bench.home, namespaces=["elsewhere"]),
        bench.window("f-of-the-controller", bench.home),
    )

    assert sorted(bench.names()) == ["a-local", "c-named", "d-all"]
    at_home = bench.policies.freezes("Rollout", Key(namespace=bench.home, name="any"))
    assert [window.key.name for window in at_home] == ["d-all", "f-of-the-controller"]


async def test_what_is_in_no_namespace_is_meant_by_all_windows_of_the_controller(bench: Bench) -> None:
    await bench.put(
        bench.window("a-local", bench.shop),
        bench.window("b-named", bench.home, namespaces=[bench.shop]),
        bench.window("c-all", bench.home, namespaces=["*"]),
        bench.window("d-its-own", bench.home),
        bench.window("e-of-others", bench.home, selector={"tier": "gold"}),
    )

    found = bench.policies.freezes("MeshMigration", Key(namespace="", name="to-strict"))

    assert [window.key.name for window in found] == ["b-named", "c-all", "d-its-own"]


async def test_who_overrides_a_window_is_vouched_for_in_its_namespace_or_the_controllers(bench: Bench) -> None:
    await bench.put(bench.window("a", bench.shop), bench.window("b", bench.home, namespaces=["*"]))

    found = bench.policies.freezes("Rollout", bench.key)

    assert [window.vouched for window in found] == [(bench.shop, bench.home), (bench.home,)]


async def test_windows_are_sorted_whoever_made_them_first(bench: Bench) -> None:
    await bench.put(bench.window("b", bench.shop), bench.window("a", bench.shop))

    assert bench.names() == ["a", "b"]


async def test_a_window_means_the_objects_that_have_its_labels(bench: Bench) -> None:
    rollout = a_rollout_manifest(namespace=bench.shop)
    rollout["metadata"]["labels"] = {"tier": "gold", "team": "pay"}
    await bench.put(
        rollout,
        bench.window("gold", bench.shop, selector={"tier": "gold"}),
        bench.window("gold-of-web", bench.shop, selector={"tier": "gold", "team": "web"}),
    )

    assert bench.names() == ["gold"]


@pytest.mark.parametrize("where", ["shop", "home"])
async def test_a_window_that_cannot_be_read_holds_always_and_says_why(bench: Bench, where: str) -> None:
    namespace = bench.shop if where == "shop" else bench.home
    await bench.put(bench.window("broken", namespace, windows=[{**NIGHTLY, "timeZone": "Mars/Phobos"}]))

    (window,) = bench.policies.freezes("Rollout", bench.key)

    assert window.overrun is Overrun.HOLD
    assert window.override is None
    assert "time zone Mars/Phobos is not known" in window.reason
