"""Does the HTTP face of the memory cluster look like a Kubernetes API server?"""

import asyncio
import json
import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from adapters.kube.api import Patch
from adapters.memory.access import Asked, User
from adapters.memory.cluster import DirectApi, MemoryCluster
from adapters.memory.face import Face, start_face
from rollout.ports.errors import Unreachable

pytestmark = pytest.mark.slow  # real processes or HTTP

ROUTES = "/apis/networking.istio.io/v1/namespaces/shop/virtualservices"
TOKENS = {"ana-token": User(name="ana", groups=("release-managers",))}
needs_kubectl = pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not on PATH")


def a_route(name: str, weight: int = 100) -> dict[str, Any]:
    route = {"route": [{"destination": {"host": name}, "weight": weight}]}
    return {
        "apiVersion": "networking.istio.io/v1",
        "kind": "VirtualService",
        "metadata": {"name": name, "namespace": "shop"},
        "spec": {"hosts": [name], "http": [route]},
    }


def only_ana_is_limited(asked: Asked) -> bool:
    return asked.user.name != "ana" or asked.verb == "get"


@pytest.fixture
def cluster() -> MemoryCluster:
    made = MemoryCluster.with_kinds("VirtualService")
    made.allows = only_ana_is_limited
    made.seed(a_route("web"))
    return made


@pytest.fixture
async def face(cluster: MemoryCluster) -> AsyncIterator[Face]:
    served = await start_face(cluster, tokens=TOKENS)
    yield served
    await served.close()


@pytest.fixture
async def http(face: Face) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(face.url, timeout=aiohttp.ClientTimeout(total=20)) as session:
        yield session


async def test_an_error_is_a_status_object(http: aiohttp.ClientSession) -> None:
    async with http.get(f"{ROUTES}/nobody") as response:
        status = await response.json()

    assert response.status == 404
    assert status == {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": 'virtualservices.networking.istio.io "nobody" not found',
        "reason": "NotFound",
        "details": {"name": "nobody", "group": "networking.istio.io", "kind": "virtualservices"},
        "code": 404,
    }


async def test_a_kind_that_is_not_served_is_a_page_not_found(http: aiohttp.ClientSession) -> None:
    async with http.get("/apis/nowhere.example.org/v1/things") as response:
        text = await response.text()

    assert (response.status, text) == (404, "404 page not found\n")


async def test_an_outage_is_service_unavailable(cluster: MemoryCluster, http: aiohttp.ClientSession) -> None:
    cluster.faults.fail_all(Unreachable("down for maintenance"))

    async with http.get(ROUTES) as response:
        status = await response.json()

    assert (response.status, status["reason"]) == (503, "ServiceUnavailable")


async def test_a_token_from_the_table_is_its_user(http: aiohttp.ClientSession) -> None:
    ana = {"Authorization": "Bearer ana-token"}

    async with http.get(f"{ROUTES}/web", headers=ana) as response:
        assert response.status == 200
    async with http.delete(f"{ROUTES}/web", headers=ana) as response:
        status = await response.json()

    assert response.status == 403
    assert 'User "ana" cannot delete' in status["message"]


async def test_an_unknown_token_is_unauthorized(http: aiohttp.ClientSession) -> None:
    async with http.get(ROUTES, headers={"Authorization": "Bearer stolen"}) as response:
        assert response.status == 401


async def test_the_administrator_may_act_as_somebody_else(http: aiohttp.ClientSession) -> None:
    async with http.delete(f"{ROUTES}/web", headers={"Impersonate-User": "ana"}) as response:
        assert response.status == 403


@pytest.mark.parametrize("headers", [{"Origin": "http://evil.example"}, {"Host": "evil.example"}])
async def test_a_browser_is_refused(http: aiohttp.ClientSession, headers: dict[str, str]) -> None:
    async with http.get(ROUTES, headers=headers) as response:
        assert response.status in {400, 403}


async def test_a_body_that_is_neither_json_nor_yaml_is_refused(http: aiohttp.ClientSession) -> None:
    headers = {"Content-Type": "application/vnd.kubernetes.protobuf"}

    async with http.post("/api/v1/namespaces", data=b"k8s\x00", headers=headers) as response:
        status = await response.json()

    assert (response.status, status["reason"]) == (415, "UnsupportedMediaType")


async def test_a_put_needs_the_resource_version_it_replaces(http: aiohttp.ClientSession) -> None:
    async with http.put(f"{ROUTES}/web", json=a_route("web", weight=50)) as response:
        assert response.status == 422
    async with http.get(f"{ROUTES}/web") as response:
        current = await response.json()

    current["spec"]["hosts"] = ["other"]
    async with http.put(f"{ROUTES}/web", json=current) as response:
        stored = await response.json()

    assert stored["spec"]["hosts"] == ["other"]
    assert stored["metadata"]["generation"] == 2


async def test_a_watch_streams_one_event_per_line(cluster: MemoryCluster, http: aiohttp.ClientSession) -> None:
    async with http.get(ROUTES, params={"watch": "true"}) as response:
        first = json.loads(await response.content.readline())
        cluster.seed(a_route("late"))
        second = json.loads(await response.content.readline())

    told = [(event["type"], event["object"]["metadata"]["name"]) for event in (first, second)]
    assert told == [("ADDED", "web"), ("ADDED", "late")]


async def test_an_expired_watch_ends_with_an_error_event(cluster: MemoryCluster, http: aiohttp.ClientSession) -> None:
    cluster.compact()

    async with http.get(ROUTES, params={"watch": "true", "resourceVersion": "1"}) as response:
        (line,) = [json.loads(line) async for line in response.content]

    assert response.status == 200
    assert (line["type"], line["object"]["code"], line["object"]["reason"]) == ("ERROR", 410, "Expired")


async def test_closing_the_face_ends_its_watches(cluster: MemoryCluster) -> None:
    face = await start_face(cluster)
    async with (
        asyncio.timeout(10),
        aiohttp.ClientSession(face.url) as session,
        session.get(ROUTES, params={"watch": "true"}) as response,
    ):
        await response.content.readline()

        await face.close()

        assert await response.content.read() == b""


async def test_discovery_shows_a_new_kind(cluster: MemoryCluster, http: aiohttp.ClientSession) -> None:
    async with http.get("/apis/networking.istio.io/v1") as response:
        listed = await response.json()

    assert [(entry["name"], entry["kind"]) for entry in listed["resources"]] == [
        ("virtualservices", "VirtualService"),
        ("virtualservices/status", "VirtualService"),
    ]


async def kubectl(tmp_path: Path, face: Face, *words: str, text: str = "") -> tuple[int, str]:
    """The exit code and the output of kubectl, called with this face's kubeconfig."""
    environment = {**os.environ, "KUBECONFIG": str(face.kubeconfig(tmp_path / "kubeconfig")), "HOME": str(tmp_path)}
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        "kubectl", *words, stdin=pipe, stdout=pipe, stderr=asyncio.subprocess.STDOUT, env=environment
    )
    async with asyncio.timeout(30):
        output, _ = await process.communicate(text.encode())
    return process.returncode or 0, output.decode()


@needs_kubectl
async def test_kubectl_lists_in_columns(face: Face, tmp_path: Path) -> None:
    code, output = await kubectl(tmp_path, face, "get", "vs", "-A", "--no-headers")

    assert code == 0
    assert output.split()[:2] == ["shop", "web"]


@needs_kubectl
async def test_kubectl_applies_what_has_changed(face: Face, tmp_path: Path) -> None:
    apply = ("apply", "-f", "-")
    await kubectl(tmp_path, face, *apply, text=json.dumps(a_route("new")))

    same = await kubectl(tmp_path, face, *apply, text=json.dumps(a_route("new")))
    other = await kubectl(tmp_path, face, *apply, text=json.dumps(a_route("new", weight=5)))

    assert same == (0, "virtualservice.networking.istio.io/new unchanged\n")
    assert other == (0, "virtualservice.networking.istio.io/new configured\n")


@needs_kubectl
async def test_kubectl_names_the_manager_it_conflicts_with(cluster: MemoryCluster, face: Face, tmp_path: Path) -> None:
    path, wanted = f"{ROUTES}/web", a_route("web", weight=60)
    await DirectApi(cluster).patch(path, Patch.APPLY, wanted, {"fieldManager": "rollout-traffic"})

    apply = ("apply", "--server-side", "-f", "-")
    code, output = await kubectl(tmp_path, face, *apply, text=json.dumps(a_route("web", weight=70)))

    assert code == 1
    assert 'conflict with "rollout-traffic"' in output
