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
        host = _host(address)
        if not host or not 0 < port < 65536:
            return False
        request = (
            f"GET {quote(mark, safe='/-._~')} HTTP/1.1\r\nHost: {host}:{port}\r\n"
            "User-Agent: rollout-selftest\r\nConnection: close\r\n\r\n"
        )
        async with self._gate:
            try:
                async with asyncio.timeout(_WITHIN_SECONDS):
                    return await _answered(address, port, request.encode("ascii"))
            except (OSError, ValueError, EOFError):  # a time-out is an OSError, a line without an end a ValueError
                return False


async def _answered(address: str, port: int, request: bytes) -> bool:
    reader, writer = await asyncio.open_connection(address, port, limit=_LONGEST_LINE)
    try:
        writer.write(request)
        await writer.drain()
        line = await reader.readline()
    finally:
        writer.close()
    return line.startswith(b"HTTP/1.") and line.endswith(b"\n")


def _host(address: str) -> str:
    """The address as a Host header has it; "" for one that no pod can have."""
    try:
        known = ip_address(address)
    except ValueError:
        return ""
    if known.is_loopback or known.is_link_local or known.is_multicast or known.is_unspecified:
        return ""
    return f"[{known}]" if known.version == 6 else str(known)
