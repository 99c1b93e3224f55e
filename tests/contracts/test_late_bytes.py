"""Does a write that the network held back arrive when nobody may write any more?"""

import asyncio
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from adapters.kube.api import Patch
from adapters.kube.client import HttpApi
from rollout.ports.errors import Unreachable
from tests.support.deaf import deafened, heard_again

pytestmark = pytest.mark.slow  # TCP gives up in real time

GIVEN_UP_S = 5.0  # less than the 5 s and more between the last write of a leader and the next leader
REPEATED_S = 3.0  # TCP sends again after 0.2, 0.6, 1.4, 3.0, 6.2 s: the last of them is within
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"


class Server:
    """Answers a GET and keeps what comes after it on the same connection."""

    def __init__(self) -> None:
        self.heard = b""
        self.number = -1

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        self.number = writer.get_extra_info("socket").fileno()
        writer.write(ANSWER)
        with suppress(OSError):
            while data := await reader.read(4096):
                self.heard += data


def kubeconfig(directory: Path, port: int) -> str:
    """A file that names a server on loopback."""
    config: dict[str, Any] = {"apiVersion": "v1", "kind": "Config", "current-context": "a", "users": []}
    config["clusters"] = [{"name": "a", "cluster": {"server": f"http://127.0.0.1:{port}"}}]
    config["contexts"] = [{"name": "a", "context": {"cluster": "a", "user": ""}}]
    path = directory / "kubeconfig"
    path.write_text(yaml.safe_dump(config))
    return str(path)


async def test_a_write_that_was_given_up_does_not_arrive_when_the_network_is_back(tmp_path: Path) -> None:
    server = Server()
    listening = await asyncio.start_server(server.connected, "127.0.0.1", 0)
    config = kubeconfig(tmp_path, listening.sockets[0].getsockname()[1])
    api = await HttpApi.connect(config, within=timedelta(milliseconds=300))
    await api.get("/api/v1/nodes/a")
    deafened(server.number)
    with pytest.raises(Unreachable):
        await api.patch("/api/v1/nodes/a", Patch.MERGE, {})

    await asyncio.sleep(GIVEN_UP_S)
    heard_again(server.number)
    await asyncio.sleep(REPEATED_S)

    assert server.heard == b""
    await api.close()
    listening.close()
