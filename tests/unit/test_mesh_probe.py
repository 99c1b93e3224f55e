"""Is one marked request sent as it should be, bounded, and to nothing but what a pod can be?"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from adapters.mesh.probe import HttpProbe, answered, may_be_of_a_pod

MARK = "/.rollout-selftest/to-strict/shop/20261121T120000"


class Sink:
    """What a pod answers, and what it was asked."""

    def __init__(self, answer: bytes) -> None:
        self.answer = answer
        self.asked = b""
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.asked = await reader.readuntil(b"\r\n\r\n")
        writer.write(self.answer)
        writer.close()


@asynccontextmanager
async def a_sink(answer: bytes = b"HTTP/1.1 404 Not Found\r\n\r\n") -> AsyncIterator[Sink]:
    sink = Sink(answer)
    server = await asyncio.start_server(sink.serve, "127.0.0.1", 0)
    sink.port = server.sockets[0].getsockname()[1]
    async with server:
        yield sink


async def test_any_answer_in_http_counts() -> None:
    async with a_sink() as sink:
        assert await answered("127.0.0.1", sink.port, MARK)


async def test_the_request_names_the_mark_and_ends_the_connection() -> None:
    async with a_sink() as sink:
        await answered("127.0.0.1", sink.port, MARK)

    first, *headers = sink.asked.decode().split("\r\n")
    assert first == f"GET {MARK} HTTP/1.1"
    assert {"User-Agent: rollout-selftest", "Connection: close", f"Host: 127.0.0.1:{sink.port}"} <= set(headers)


async def test_a_mark_cannot_write_a_request_of_its_own() -> None:
    async with a_sink() as sink:
        await answered("127.0.0.1", sink.port, "/x HTTP/1.1\r\nHost: evil\r\n\r\n")

    assert sink.asked.count(b"\r\n\r\n") == 1
    assert b"evil" in sink.asked.split(b"\r\n")[0]


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 200 OK", b"SSH-2.0-OpenSSH\r\n"], ids=["none", "half", "other"])
async def test_anything_else_is_no_answer(answer: bytes) -> None:
    async with a_sink(answer) as sink:
        assert not await answered("127.0.0.1", sink.port, MARK)


async def test_a_line_without_an_end_is_not_read_for_ever() -> None:
    async with a_sink(b"HTTP/1.1 " + b"x" * 100_000) as sink:
        with pytest.raises(ValueError, match="chunk"):
            await answered("127.0.0.1", sink.port, MARK)


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "::1", "169.254.169.254", "fe80::1", "224.0.0.1", "0.0.0.0", "", "metadata.internal"]
)
async def test_nothing_is_sent_to_what_no_pod_can_be(address: str) -> None:
    async with a_sink() as sink:
        assert not await HttpProbe().send(address, sink.port, MARK)

    assert sink.asked == b""


@pytest.mark.parametrize("address", ["10.0.0.1", "100.64.0.7", "fd00::17"])
def test_addresses_of_pods_are_allowed(address: str) -> None:
    assert may_be_of_a_pod(address)


@pytest.mark.parametrize("port", [0, -1, 65536])
async def test_a_port_that_is_none_is_not_tried(port: int) -> None:
    assert not await HttpProbe().send("10.0.0.1", port, MARK)
