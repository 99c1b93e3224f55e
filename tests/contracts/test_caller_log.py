"""Is a proxy's log read alike in process and over HTTP, bounded, and is what cannot be read a PortError?"""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from adapters.kube.api import TextApi
from adapters.kube.client import HttpApi
from adapters.memory.access import Asked
from adapters.memory.cluster import DirectApi, MemoryCluster
from adapters.memory.face import start_face
from adapters.mesh.caller_log import CONTAINER, MOST_BYTES, MOST_LINES, KubeCallerLog
from rollout.ports.errors import Forbidden, NotFound, PortError, Unreachable

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "api-1", "namespace": "shop"},
    "spec": {"containers": [{"name": "app"}], "initContainers": [{"name": CONTAINER}]},
}


@pytest.fixture
def cluster() -> MemoryCluster:
    cluster = MemoryCluster()
    cluster.seed(POD)
    return cluster


@pytest.fixture(params=["direct", "http"])
async def api(request: pytest.FixtureRequest, cluster: MemoryCluster, tmp_path: Path) -> AsyncIterator[TextApi]:
    async with AsyncExitStack() as stack:
        if request.param == "direct":
            yield DirectApi(cluster)
            return
        face = await start_face(cluster)
        stack.push_async_callback(face.close)
        client = await HttpApi.connect(str(face.kubeconfig(tmp_path / "kubeconfig")))
        stack.push_async_callback(client.close)
        yield client


async def logged(cluster: MemoryCluster, *lines: str, container: str = CONTAINER) -> None:
    uid = (await DirectApi(cluster).get("/api/v1/namespaces/shop/pods/api-1"))["metadata"]["uid"]
    for number, line in enumerate(lines):
        cluster.logs.append(uid, container, NOON + timedelta(seconds=number), line)


def without_logs(asked: Asked) -> bool:
    return (asked.verb, asked.resource) != ("get", "pods/log")


async def read(api: TextApi, since: datetime = NOON, pod: str = "api-1") -> tuple[str, ...]:
    return await KubeCallerLog(api, tuple).lines("shop", pod, since)


async def test_the_lines_of_the_proxy_alone_are_read(cluster: MemoryCluster, api: TextApi) -> None:
    await logged(cluster, "one", "two")
    await logged(cluster, "of the app", container="app")

    assert await read(api) == ("one", "two")


async def test_nothing_from_before_the_moment_is_read(cluster: MemoryCluster, api: TextApi) -> None:
    await logged(cluster, "one", "two", "three")

    assert await read(api, NOON + timedelta(seconds=1)) == ("two", "three")


async def test_of_too_many_lines_the_last_ones_are_read(cluster: MemoryCluster, api: TextApi) -> None:
    await logged(cluster, *(str(number) for number in range(MOST_LINES + 10)))

    assert await read(api) == tuple(str(number) for number in range(10, MOST_LINES + 10))


async def test_a_line_that_was_cut_off_is_left_out(cluster: MemoryCluster, api: TextApi) -> None:
    await logged(cluster, "one", "x" * MOST_BYTES, "three")

    assert await read(api) == ("one",)


async def test_a_pod_that_is_gone_is_not_found(api: TextApi) -> None:
    with pytest.raises(NotFound):
        await read(api, pod="api-2")


async def test_a_pod_without_a_proxy_has_no_such_log(cluster: MemoryCluster, api: TextApi) -> None:
    cluster.seed({**POD, "metadata": {"name": "bare", "namespace": "shop"}, "spec": {"containers": [{"name": "app"}]}})

    with pytest.raises(PortError, match=CONTAINER):
        await read(api, pod="bare")


async def test_logs_are_a_right_of_their_own(cluster: MemoryCluster, api: TextApi) -> None:
    cluster.allows = without_logs

    with pytest.raises(Forbidden, match="pods/log"):
        await read(api)


async def test_a_log_is_bounded_whatever_the_server_sends(api: TextApi, cluster: MemoryCluster) -> None:
    await logged(cluster, "x" * 100)

    assert await api.text("/api/v1/namespaces/shop/pods/api-1/log", {"container": CONTAINER}, 10) == "x" * 10


async def test_an_outage_is_told(cluster: MemoryCluster, api: TextApi) -> None:
    cluster.faults.fail_all(Unreachable("down"))

    with pytest.raises(Unreachable):
        await read(api)
