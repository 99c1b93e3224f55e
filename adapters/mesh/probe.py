"""How is one marked plaintext request sent to a pod?"""

import asyncio
from ipaddress import ip_address
from urllib.parse import quote

_WITHIN_SECONDS = 3.0
_LONGEST_LINE = 1024
_AT_ONCE = 8


class HttpProbe:
    """`ports.probe.PlainProbe` over a socket: no proxy, no redirect, no second try."""

    def __init__(self) -> None:
        self._gate = asyncio.Semaphore(_AT_ONCE)

    async def send(self, address: str, port: int, mark: str) -> bool:
        """Whether the first line of an HTTP answer came back."""
        if not may_be_of_a_pod(address) or not 0 < port < 65536:
            return False
        async with self._gate:
            try:
                async with asyncio.timeout(_WITHIN_SECONDS):
                    return await answered(address, port, mark)
            except (OSError, ValueError, EOFError):  # a time-out is an OSError, a line without an end a ValueError
                return False


def may_be_of_a_pod(address: str) -> bool:
    """Whether a pod can have the address: the controller's own machine and the cloud's metadata server are none."""
    try:
        known = ip_address(address)
    except ValueError:
        return False
    return not (known.is_loopback or known.is_link_local or known.is_multicast or known.is_unspecified)


async def answered(address: str, port: int, mark: str) -> bool:
    """Whether the first line of an HTTP answer came back; raises OSError or ValueError for what is none."""
    host = f"[{address}]" if ":" in address else address
    request = (
        f"GET {quote(mark, safe='/-._~')} HTTP/1.1\r\nHost: {host}:{port}\r\n"
        "User-Agent: rollout-selftest\r\nConnection: close\r\n\r\n"
    )
    reader, writer = await asyncio.open_connection(address, port, limit=_LONGEST_LINE)
    try:
        writer.write(request.encode("ascii"))
        await writer.drain()
        line = await reader.readline()
    finally:
        writer.close()
    return line.startswith(b"HTTP/1.") and line.endswith(b"\n")
