"""Does the demo's world do with real processes what its objects say?"""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import sqrt
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from rollout.demo.envoy import Proxy, ProxyError, configuration, running_envoy
from rollout.demo.load import running_load
from rollout.demo.metrics import Scraper
from rollout.demo.objects import Objects
from rollout.demo.world import World, running_world
from tests.servers import build
from tests.servers.missing import obtained

pytestmark = pytest.mark.server

REPO = Path(__file__).parents[2]
ERRORS = {"envoy_cluster_name": "checkout-v2.shop", "envoy_response_code_class": "5"}

PATH = {"type": "RegularExpression", "value": "("}
INVALID = {  # translated as it stands, and refused by Envoy
    "kind": "HTTPRoute",
    "metadata": {"name": "invalid", "namespace": "shop"},
    "spec": {
        "parentRefs": [{"name": "edge"}],
        "rules": [{"matches": [{"path": PATH}], "backendRefs": [{"name": "a"}]}],
    },
}


def backend(name: str) -> tuple[dict[str, Any], dict[str, Any]]:
    labels = {"kubernetes.io/service-name": name}
    service = {"kind": "Service", "metadata": {"name": name, "namespace": "shop"}}
    found = {"metadata": {"name": name, "namespace": "shop", "labels": labels}, "endpoints": [{"addresses": [name]}]}
    return service, found


def objects(weight: int) -> Objects:
    """Two Services, and a VirtualService that gives v2 its weight."""
    (v1, slice_v1), (v2, slice_v2) = backend("checkout-v1"), backend("checkout-v2")
    route = [
        {"destination": {"host": "checkout-v1"}, "weight": 100 - weight},
        {"destination": {"host": "checkout-v2"}, "weight": weight},
    ]
    spec = {"hosts": ["checkout"], "http": [{"route": route}]}
    routes = {"kind": "VirtualService", "metadata": {"name": "checkout", "namespace": "shop"}, "spec": spec}
    return {"VirtualService": [routes], "Service": [v1, v2], "EndpointSlice": [slice_v1, slice_v2]}


@dataclass
class Shop:
    """Two pods behind an Envoy."""

    world: World
    proxy: Proxy
    addresses: dict[str, tuple[str, int]]

    async def weigh(self, weight: int) -> None:
        """Give v2 that weight."""
        await self.proxy.apply(configuration(objects(weight), self.addresses))

    async def counter(self, name: str, labels: dict[str, str]) -> float:
        """The value of one of Envoy's counters now; 0 when it was never counted."""
        scraper = Scraper(self.proxy.metrics_url)
        async with aiohttp.ClientSession() as session:
            await scraper.scrape(session)
        now = datetime.now(UTC)
        return sum(series.points[-1][1] for series in scraper.series(name, labels, now - timedelta(seconds=60), now))


@pytest.fixture
async def shop() -> AsyncIterator[Shop]:
    obtained(build.envoy)
    async with running_world() as world, running_envoy() as proxy:
        pods = {name: await world.start_pod(name, name[-2:]) for name in ("checkout-v1", "checkout-v2")}
        yield Shop(world, proxy, {name: (pod.host, pod.port) for name, pod in pods.items()})


@pytest.mark.parametrize("weight", [0, 10, 50, 100])
async def test_the_share_of_requests_follows_the_weight(shop: Shop, weight: int) -> None:
    await shop.weigh(weight)

    async with running_load(shop.proxy.url, "checkout", rate=1000, connections=32, max_seconds=2) as load:
        total = await load.finished()

    share = weight / 100
    tolerance = 4.5 * sqrt(share * (1 - share) / total.ok)
    assert abs(total.share("v2") - share) <= tolerance


async def test_no_request_fails_over_20_weight_changes(shop: Shop) -> None:
    await shop.weigh(0)

    async with running_load(shop.proxy.url, "checkout", rate=200) as load:
        for change in range(20):
            await asyncio.sleep(0.15)
            await shop.weigh((10, 50, 100, 0)[change % 4])
        total = await load.stop()

    assert (total.failed, total.resets, total.ok) == (0, 0, total.sent)


async def test_callers_and_pods_count_the_same_requests(shop: Shop) -> None:
    await shop.weigh(50)

    async with running_load(shop.proxy.url, "checkout", rate=300, max_seconds=2) as load:
        total = await load.finished()

    assert await shop.world.requests_by_version() == total.by_version


async def test_failures_of_a_version_show_in_the_counters_of_envoy(shop: Shop) -> None:
    await shop.world.change_pod("checkout-v2", failing=20)
    await shop.weigh(50)

    async with running_load(shop.proxy.url, "checkout", rate=300, max_seconds=2) as load:
        total = await load.finished()

    assert (await shop.counter("envoy_cluster_upstream_rq_xx", ERRORS), total.failed > 0) == (total.failed, True)


async def test_latency_of_a_version_shows_in_the_histogram_of_envoy(shop: Shop) -> None:
    await shop.world.change_pod("checkout-v2", latency_ms=120)
    await shop.weigh(100)

    async with running_load(shop.proxy.url, "checkout", rate=50, max_seconds=1) as load:
        total = await load.finished()
    await asyncio.sleep(1)  # histograms appear with Envoy's flush, every 0.5 s

    quick = await shop.counter("envoy_cluster_upstream_rq_time_bucket", {"le": "100"})
    assert (quick, await shop.counter("envoy_cluster_upstream_rq_time_count", {})) == (0, total.sent)


async def test_a_stopped_pod_is_a_refused_connection_and_a_503(shop: Shop) -> None:
    await shop.weigh(100)
    await shop.world.stop_pod("checkout-v2")

    async with running_load(shop.proxy.url, "checkout", rate=100, max_seconds=1) as load:
        total = await load.finished()

    refused = await shop.counter("envoy_cluster_upstream_cx_connect_fail", {"envoy_cluster_name": "checkout-v2.shop"})
    assert (total.by_status, refused) == ({"503": total.sent}, total.sent)


async def test_a_backend_without_endpoints_answers_503(shop: Shop) -> None:
    without = {**objects(100), "EndpointSlice": []}
    await shop.proxy.apply(configuration(without, {}))

    async with running_load(shop.proxy.url, "checkout", rate=100, max_seconds=1) as load:
        total = await load.finished()

    empty = await shop.counter("envoy_cluster_upstream_cx_none_healthy", {"envoy_cluster_name": "checkout-v2.shop"})
    assert (total.by_status, empty) == ({"503": total.sent}, total.sent)


async def test_no_request_fails_while_a_pod_is_added_and_one_is_taken_away(shop: Shop) -> None:
    await shop.weigh(50)

    async with running_load(shop.proxy.url, "checkout", rate=200) as load:
        await asyncio.sleep(0.5)
        newer = await shop.world.start_pod("newer", "v2")
        shop.addresses["checkout-v2"] = (newer.host, newer.port)
        await shop.weigh(50)
        await shop.world.stop_pod("checkout-v2", grace_s=0.5)
        await asyncio.sleep(0.5)
        total = await load.stop()

    assert (total.failed, total.resets, newer.requests < total.sent) == (0, 0, True)


async def test_no_request_fails_when_the_weight_and_the_endpoints_of_a_version_go_at_once(shop: Shop) -> None:
    only_v1 = {**objects(0), "EndpointSlice": list(objects(0)["EndpointSlice"])[:1]}

    async with running_load(shop.proxy.url, "checkout", rate=1000, connections=32) as load:
        for _ in range(10):
            await shop.weigh(100)
            await asyncio.sleep(0.1)
            await shop.proxy.apply(configuration(only_v1, shop.addresses))
        total = await load.stop()

    assert (total.failed, total.resets) == (0, 0)


async def test_a_backend_that_is_gone_takes_its_cluster_with_it(shop: Shop) -> None:
    await shop.weigh(50)

    await shop.proxy.apply(configuration({"Service": [backend("cart")[0]]}, {}))

    async with aiohttp.ClientSession() as session, session.get(f"{shop.proxy.admin_url}/clusters") as answer:
        assert "checkout-v2.shop" not in await answer.text()


async def test_after_a_refusal_the_last_good_routes_are_still_in_force(shop: Shop) -> None:
    await shop.weigh(100)
    refused = {**objects(0), "HTTPRoute": [INVALID]}
    with pytest.raises(ProxyError):
        await shop.proxy.apply(configuration(refused, shop.addresses))

    await shop.weigh(100)

    async with running_load(shop.proxy.url, "checkout", rate=100, max_seconds=1) as load:
        total = await load.finished()
    assert total.by_version == {"v2": total.sent}


async def test_an_envoy_that_ended_is_told_as_such(shop: Shop) -> None:
    await shop.weigh(0)
    await shop.proxy.stop()

    with pytest.raises(ProxyError, match="Envoy"):
        await shop.weigh(100)


async def test_envoy_s_refusal_is_told_with_its_reason(shop: Shop) -> None:
    with pytest.raises(ProxyError, match="update rejected"):
        await shop.proxy.apply(configuration({"HTTPRoute": [INVALID]}, {}))


PARENT = """
import asyncio
from rollout.demo.envoy import running_envoy
from rollout.demo.load import running_load
from rollout.demo.world import running_world

async def main():
    async with running_world() as world, running_envoy() as proxy, running_load(proxy.url, "checkout"):
        print("up", flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGKILL])
async def test_nothing_outlives_the_parent(end: signal.Signals, tmp_path: Path) -> None:
    obtained(build.envoy)
    mark = str(tmp_path)
    parent = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", PARENT),
        cwd=REPO,
        env=os.environ | {"TMPDIR": mark},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    assert parent.stdout is not None
    await parent.stdout.readline()

    parent.send_signal(end)
    await asyncio.wait_for(parent.wait(), 20)

    for _ in range(250):
        if not _left_behind(tmp_path):
            return
        await asyncio.sleep(0.02)
    pytest.fail(f"still there: {_left_behind(tmp_path)}")


def _left_behind(directory: Path) -> list[str]:
    return [*_children(str(directory)), *(str(path) for path in directory.iterdir())]


def _children(mark: str) -> list[str]:
    """Processes whose environment names the temporary directory, as all descendants do."""
    found = []
    for directory in Path("/proc").glob("[0-9]*"):
        try:
            environment = (directory / "environ").read_bytes()
        except OSError:
            continue  # it ended just now, or is somebody else's
        if mark.encode() in environment:
            found.append(directory.name)
    return found
