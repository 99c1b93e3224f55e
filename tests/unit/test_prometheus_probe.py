"""Does a probe tell which server it asked, and tell nobody who asks?"""

from pathlib import Path

import pytest

from adapters.metrics.access import PrometheusAccess
from adapters.metrics.probe import PrometheusProbe
from tests.support.metrics_server import MetricsServer, metrics_server, vector


async def named(server: MetricsServer) -> str:
    probe = PrometheusProbe(PrometheusAccess(url=server.url))
    try:
        return await probe.server()
    finally:
        await probe.close()


async def test_a_server_is_called_by_its_version() -> None:
    async with metrics_server() as server:
        server.build = {"data": {"version": "3.7.0"}}

        assert await named(server) == "Prometheus 3.7.0"


async def test_a_server_that_does_not_say_what_it_is_has_no_name() -> None:
    async with metrics_server() as server:
        assert await named(server) == "a server that speaks Prometheus' API"


async def test_neither_proxies_nor_passwords_of_the_environment_are_used(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login ana password secret\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")

    async with metrics_server() as server:
        server.build = {"data": {"version": "3.7.0"}}
        server.answer = vector("1")

        assert await named(server) == "Prometheus 3.7.0"
        assert not [heard.headers for heard in server.heard if "Authorization" in heard.headers]
