"""What does an app answer that is asked without a network?"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from starlette.types import ASGIApp, Message


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the sender is told."""

    code: int
    text: str
    headers: Mapping[str, str]


async def asked(
    app: ASGIApp,
    path: str,
    body: bytes,
    headers: Mapping[str, str] | tuple[tuple[str, str], ...],
    *,
    method: str = "POST",
    drips: bool = False,
    leaves: bool = False,
) -> Answer:
    """The answer to one request. drips: its body never ends; leaves: the sender is gone before its end."""
    pairs = headers.items() if isinstance(headers, Mapping) else headers
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in pairs],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
    }
    sent: list[Message] = []
    sent_body: list[bytes] = []

    async def receive() -> Message:
        if leaves and sent_body:
            return {"type": "http.disconnect"}
        if drips and sent_body:
            await asyncio.Event().wait()
        sent_body.append(body)
        return {"type": "http.request", "body": body, "more_body": drips or leaves}

    async def send(message: Message) -> None:
        sent.append(message)

    await app(scope, receive, send)
    told = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    text = b"".join(one.get("body", b"") for one in sent[1:]).decode()
    return Answer(code=sent[0]["status"], text=text, headers=told)
