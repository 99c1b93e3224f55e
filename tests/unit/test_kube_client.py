"""Are requests sent, authorised, counted and their failures named as the port says?"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import nullcontext
from datetime import timedelta
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from adapters.kube.api import Patch
from adapters.kube.client import HttpApi, call_name
from adapters.kube.credentials import service_account_credentials
from rollout.ports.errors import Expired, Forbidden, Unreachable
from tests.support.kube_server import Server, kubeconfig

PODS = "/api/v1/namespaces/shop/pods"


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    server = Server()
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", server.handle)
    running = TestServer(application)
    await running.start_server()
    server.url = str(running.make_url("")).rstrip("/")
    yield server
    await running.close()


@pytest.fixture
async def api(server: Server, tmp_path: Path) -> AsyncIterator[HttpApi]:
    api = await HttpApi.connect(kubeconfig(tmp_path, server.url, {"token": "secret"}))
    yield api
    await api.close()


async def watched(api: HttpApi) -> list[str]:
    return [event["type"] async for event in api.watch(PODS, {"resourceVersion": "1", "timeoutSeconds": "5"})]


async def test_the_token_of_the_kubeconfig_is_sent(server: Server, api: HttpApi) -> None:
    await api.get(PODS)

    assert server.asked[0].headers["Authorization"] == "Bearer secret"


async def test_requests_name_the_product(server: Server, api: HttpApi) -> None:
    await api.get(PODS)

    assert server.asked[0].headers["User-Agent"].startswith("rollout/")


async def test_watches_are_authorised_too(server: Server, api: HttpApi) -> None:
    server.sends('{"type": "ADDED", "object": {}}\n')

    await watched(api)

    assert server.asked[0].headers["Authorization"] == "Bearer secret"


async def test_a_rotated_token_file_is_read_again(server: Server, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("old")
    api = await HttpApi.connect(kubeconfig(tmp_path, server.url, {"tokenFile": str(token)}))
    token.write_text("new")
    server.accepts("new")

    await api.create(PODS, {"kind": "Pod"})
    await api.close()

    sent = [request.headers["Authorization"] for request in server.asked]
    assert sent == ["Bearer old", "Bearer new"]
    assert server.bodies == ['{"kind": "Pod"}'] * 2


async def test_a_token_that_is_refused_and_not_renewed_is_not_tried_twice(server: Server, api: HttpApi) -> None:
    server.accepts("another")

    with pytest.raises(Forbidden, match="credentials are not accepted"):
        await api.get(PODS)

    assert len(server.asked) == 1


async def test_an_exec_plugin_is_asked_for_the_token(server: Server, tmp_path: Path) -> None:
    plugin = tmp_path / "plugin"
    answer = {"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": {"token": "made"}}
    plugin.write_text(f"#!/bin/sh\ncat <<END\n{json.dumps(answer)}\nEND\n")
    plugin.chmod(0o700)
    user = {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": str(plugin)}}

    api = await HttpApi.connect(kubeconfig(tmp_path, server.url, user))
    await api.get(PODS)
    await api.close()

    assert server.asked[0].headers["Authorization"] == "Bearer made"


async def test_the_token_of_the_service_account_is_sent_and_read_again_when_rotated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
    (tmp_path / "ca.crt").write_text("not read here")
    (tmp_path / "token").write_text("old")
    credentials = await service_account_credentials(tmp_path)
    first = await credentials.authorization()
    (tmp_path / "token").write_text("new")

    renewed = await credentials.is_renewed(first)

    assert renewed
    assert (first, await credentials.authorization()) == ("bearer old", "bearer new")
    assert credentials.server == "https://10.0.0.1:443"


async def test_a_context_is_chosen_by_name(server: Server, tmp_path: Path) -> None:
    api = await HttpApi.connect(kubeconfig(tmp_path, server.url, {"token": "t"}), "two")

    with pytest.raises(Unreachable, match="http://other:1 does not answer"):
        await api.get(PODS)
    await api.close()


@pytest.mark.parametrize(
    ("path", "context", "said"),
    [("missing", None, "no such file"), ("config", "three", "context three: .*three")],
)
async def test_a_kubeconfig_that_cannot_be_used_says_which(
    tmp_path: Path, path: str, context: str | None, said: str
) -> None:
    kubeconfig(tmp_path, "http://localhost:1", {"token": "t"})

    with pytest.raises(Unreachable, match=said):
        await HttpApi.connect(str(tmp_path / path), context)


async def test_outside_of_a_cluster_and_without_kubeconfig_it_says_what_to_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)

    with pytest.raises(Unreachable, match="--kubeconfig or \\$KUBECONFIG"):
        await HttpApi.connect()


@pytest.mark.parametrize(
    ("no_proxy", "in_kubeconfig", "is_through"),
    [("", False, True), ("127.0.0.1", False, False), ("127.0.0.1", True, True)],
)
async def test_the_proxy_of_the_kubeconfig_or_the_environment_is_gone_through(
    no_proxy: str,
    in_kubeconfig: bool,
    is_through: bool,
    server: Server,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("http_proxy", server.url.removeprefix("http://"))
    monkeypatch.setenv("no_proxy", no_proxy)
    proxy = {"proxy-url": server.url} if in_kubeconfig else {}
    api = await HttpApi.connect(kubeconfig(tmp_path, "http://127.0.0.1:9", {"token": "secret"}, proxy))

    with nullcontext() if is_through else pytest.raises(Unreachable):
        await api.get(PODS)
    await api.close()

    assert [asked.headers["Host"] for asked in server.asked] == (["127.0.0.1:9"] if is_through else [])


async def test_an_entry_of_netrc_for_the_server_is_nothing_to_us(
    server: Server, api: HttpApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login other password secret\n")
    monkeypatch.setenv("NETRC", str(netrc))

    await api.get(PODS)

    assert server.asked[0].headers["Authorization"] == "Bearer secret"


@pytest.mark.parametrize("kind", list(Patch))
async def test_a_patch_states_its_type(server: Server, api: HttpApi, kind: Patch) -> None:
    await api.patch(f"{PODS}/a", kind, [{"op": "test"}], {"fieldManager": "me"})

    request = server.asked[0]
    assert (request.method, request.content_type, request.query_string) == ("PATCH", kind.value, "fieldManager=me")


async def test_a_delete_carries_its_preconditions(server: Server, api: HttpApi) -> None:
    await api.delete(f"{PODS}/a", {"preconditions": {"uid": "u"}})

    assert (server.asked[0].method, server.bodies) == ("DELETE", ['{"preconditions": {"uid": "u"}}'])


async def test_a_server_that_does_not_answer_in_time_is_unreachable(server: Server, tmp_path: Path) -> None:
    async def late(_: web.Request) -> web.StreamResponse:
        await asyncio.sleep(10)
        return web.Response()

    server.answer = late
    within = timedelta(milliseconds=50)
    api = await HttpApi.connect(kubeconfig(tmp_path, server.url, {"token": "t"}), within=within)

    with pytest.raises(Unreachable, match=f"GET {PODS}: {server.url} does not answer"):
        await api.get(PODS)
    await api.close()


async def test_a_write_is_sent_once_even_when_the_answer_gets_lost(server: Server, api: HttpApi) -> None:
    async def broken(request: web.Request) -> web.StreamResponse:
        if request.transport is not None:
            request.transport.abort()
        return web.Response()

    server.answer = broken

    with pytest.raises(Unreachable):
        await api.create(PODS, {})

    assert len(server.asked) == 1


async def test_an_answer_that_is_no_object_is_unreachable(server: Server, api: HttpApi) -> None:
    server.sends("<html>welcome</html>")

    with pytest.raises(Unreachable, match="no JSON"):
        await api.get(PODS)


async def test_events_are_told_until_the_server_ends_the_watch(server: Server, api: HttpApi) -> None:
    server.sends('{"type": "ADDED", "object": {}}\n{"type": "MOD', 'IFIED", "object": {}}\n\n')

    assert await watched(api) == ["ADDED", "MODIFIED"]
    assert server.asked[0].query["watch"] == "true"


async def test_an_expired_version_inside_a_watch_is_expired(server: Server, api: HttpApi) -> None:
    server.sends('{"type": "ERROR", "object": {"kind": "Status", "code": 410, "message": "too old"}}\n')

    with pytest.raises(Expired, match="too old"):
        await watched(api)


async def test_a_watch_line_larger_than_any_read_buffer_comes_whole(server: Server, api: HttpApi) -> None:
    large = json.dumps({"type": "ADDED", "object": {"data": "x" * 5_000_000}})
    server.sends(large[:3_000_000], large[3_000_000:], "\n")

    assert await watched(api) == ["ADDED"]


async def test_calls_are_counted_by_verb_and_resource(api: HttpApi) -> None:
    await api.get(PODS)
    await api.get(PODS)
    await api.create(PODS, {})

    assert api.calls == {("list", "pods"): 2, ("create", "pods"): 1}


@pytest.mark.parametrize(
    ("method", "path", "query", "name"),
    [
        ("GET", "/api/v1/namespaces", {}, ("list", "namespaces")),
        ("GET", "/api/v1/namespaces/shop", {}, ("get", "namespaces")),
        ("GET", "/api/v1/pods", {"watch": "true"}, ("watch", "pods")),
        ("GET", "/apis/apps/v1/namespaces/shop/deployments/a", {}, ("get", "deployments")),
        ("PATCH", "/apis/rollout.dev/v1alpha1/namespaces/s/rollouts/a/status", {}, ("patch", "rollouts/status")),
        (
            "DELETE",
            "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/a",
            {},
            ("delete", "customresourcedefinitions"),
        ),
        ("GET", "/apis", {}, ("get", "discovery")),
    ],
)
def test_a_call_is_named_as_in_an_audit_log(
    method: str, path: str, query: dict[str, str], name: tuple[str, str]
) -> None:
    assert call_name(method, path, query) == name


async def test_a_text_is_cut_off_however_much_is_sent(server: Server, api: HttpApi) -> None:
    server.sends("one\n", "two\n", "three\n")

    assert await api.text(f"{PODS}/api-1/log", {"container": "istio-proxy"}, 6) == "one\ntw"
    assert server.asked[0].query["container"] == "istio-proxy"
    assert server.asked[0].headers["Accept"] == "*/*"


async def test_bytes_of_a_text_that_are_no_utf8_are_replaced(server: Server, api: HttpApi) -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(body=b"a\xffb")

    server.answer = answer

    assert await api.text(f"{PODS}/api-1/log", {}, 10) == "a\ufffdb"
