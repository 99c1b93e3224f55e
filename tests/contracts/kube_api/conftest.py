"""On which servers does the contract of `KubeApi` run?"""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from adapters.kube.api import KubeApi
from adapters.kube.client import HttpApi
from adapters.memory.cluster import DirectApi, MemoryCluster
from adapters.memory.face import start_face
from tests.contracts.kube_api.widgets import prepare


@pytest.fixture(params=["direct", "http", pytest.param("real", marks=pytest.mark.server)])
async def api(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[KubeApi]:
    """An empty namespace on a server that serves widgets: in process, over HTTP, and a real kube-apiserver."""
    async with AsyncExitStack() as stack:
        if request.param == "real":
            client = await HttpApi.connect(str(request.getfixturevalue("apiserver").kubeconfig("admin")))
            stack.push_async_callback(client.close)
            await prepare(client)
            yield client
            return
        cluster = MemoryCluster()
        await prepare(DirectApi(cluster))
        cluster.compact()
        yield DirectApi(cluster) if request.param == "direct" else await over_http(cluster, tmp_path, stack)


async def over_http(cluster: MemoryCluster, directory: Path, stack: AsyncExitStack) -> HttpApi:
    """A client of the cluster's HTTP face, as kubectl would find it."""
    face = await start_face(cluster)
    stack.push_async_callback(face.close)
    client = await HttpApi.connect(str(face.kubeconfig(directory / "kubeconfig")))
    stack.push_async_callback(client.close)
    return client
