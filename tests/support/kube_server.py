"""What does a test answer to the client of an API server, and what was it asked?"""

from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import yaml
from aiohttp import web

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Server:
    """An API server that answers as the test says and keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[web.Request] = []
        self.bodies: list[str] = []
        self.answer: Answer = self._empty
        self.url = ""

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request)
        self.bodies.append(await request.text())
        return await self.answer(request)

    def accepts(self, token: str) -> None:
        async def answer(request: web.Request) -> web.StreamResponse:
            accepted = request.headers.get("Authorization") == f"Bearer {token}"
            return web.json_response({}, status=200 if accepted else 401)

        self.answer = answer

    def sends(self, *lines: str) -> None:
        async def answer(request: web.Request) -> web.StreamResponse:
            response = web.StreamResponse()
            await response.prepare(request)
            for line in lines:
                await response.write(line.encode())
            await response.write_eof()
            return response

        self.answer = answer

    @staticmethod
    async def _empty(_: web.Request) -> web.StreamResponse:
        return web.json_response({"kind": "PodList", "items": []})


def kubeconfig(folder: Path, url: str, user: Mapping[str, Any], cluster: Mapping[str, str] | None = None) -> str:
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "one",
        "clusters": [
            {"name": "c", "cluster": {"server": url, **(cluster or {})}},
            {"name": "d", "cluster": {"server": "http://other:1"}},
        ],
        "users": [{"name": "u", "user": dict(user)}],
        "contexts": [
            {"name": "one", "context": {"cluster": "c", "user": "u"}},
            {"name": "two", "context": {"cluster": "d", "user": "u"}},
        ],
    }
    path = folder / "config"
    path.write_text(yaml.safe_dump(config))
    return str(path)
