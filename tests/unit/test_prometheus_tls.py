"""Is a metrics server behind TLS reached by those, and only those, who hold the right certificates?"""

import shutil
import ssl
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from adapters.metrics.access import PrometheusAccess
from adapters.metrics.prometheus import PrometheusMetrics
from rollout.model.measurement import Answer, Failed, Value
from rollout.model.rollout import Query
from tests.support.metrics_server import MetricsServer, metrics_server
from tests.support.questions import a_question

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificates of these tests")

ONE = Query(name="one", query="one", below=2)
KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1")


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with ca.pem, server.pem and client.pem, and their keys."""
    folder = tmp_path_factory.mktemp("tls")
    made(folder, "ca", "-subj", "/CN=ca")
    signed = ("-CA", "ca.pem", "-CAkey", "ca.key", "-addext", "basicConstraints=critical,CA:FALSE")
    made(folder, "server", "-subj", "/CN=server", *signed, "-addext", "subjectAltName=IP:127.0.0.1")
    made(folder, "client", "-subj", "/CN=client", *signed)
    return folder


def made(folder: Path, name: str, *options: str) -> None:
    command = ("openssl", "req", "-x509", *KEY, "-keyout", f"{name}.key", "-out", f"{name}.pem", *options)
    subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=30)


@pytest.fixture
async def server(certificates: Path) -> AsyncIterator[MetricsServer]:
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(certificates / "ca.pem"))
    tls.verify_mode = ssl.CERT_REQUIRED
    tls.load_cert_chain(certificates / "server.pem", certificates / "server.key")
    async with metrics_server(tls) as server:
        yield server


async def asked(server: MetricsServer, **access: Any) -> Answer:
    metrics = PrometheusMetrics(PrometheusAccess(url=server.url, **access))
    try:
        return await metrics.measure(a_question(ONE))
    finally:
        await metrics.close()


async def test_a_client_certificate_and_the_right_authority_open_the_door(
    server: MetricsServer, certificates: Path
) -> None:
    pair = {"certificate_file": certificates / "client.pem", "key_file": certificates / "client.key"}

    answer = await asked(server, ca_file=certificates / "ca.pem", **pair)

    assert isinstance(answer, Value)


async def test_a_server_that_no_known_authority_vouches_for_is_not_asked(server: MetricsServer) -> None:
    answer = await asked(server)

    assert isinstance(answer, Failed)
    assert "certificate" in answer.error


async def test_without_a_client_certificate_the_server_refuses(server: MetricsServer, certificates: Path) -> None:
    answer = await asked(server, ca_file=certificates / "ca.pem")

    assert isinstance(answer, Failed)


async def test_a_certificate_file_that_is_missing_is_a_failed_query(server: MetricsServer, tmp_path: Path) -> None:
    answer = await asked(server, ca_file=tmp_path / "ca.pem")

    assert isinstance(answer, Failed)
    assert "ca.pem" in answer.error
