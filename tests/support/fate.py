"""When does the controller die, or lose an answer? At a write of its own that the test chose beforehand."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from adapters.kube.api import Obj, Patch, TextApi
from rollout.ports.errors import Unreachable


class KilledError(Exception):
    """The process is gone; nothing in the product may catch this."""


class Blow(StrEnum):
    """What happens at the chosen write."""

    KILLED_BEFORE = "killed before it is sent"
    KILLED_AFTER = "killed after it is stored"
    ANSWER_LOST = "stored, the answer is lost"
    REFUSED = "not stored, the server does not answer"


@dataclass(slots=True)
class Fate:
    """The controller's own requests so far, and what is to come. blow: None for a quiet life."""

    blow: Blow | None = None
    at: int = -1
    begun: int = 0
    reads: list[str] = field(default_factory=list)  # paths of GETs; lists and watches of the cache are not counted here
    answers: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)  # verb, path, object as stored

    @property
    def is_over(self) -> bool:
        """Whether the blow has fallen."""
        return self.begun > self.at

    async def write(self, verb: str, path: str, send: Callable[[], Awaitable[dict[str, Any]]]) -> dict[str, Any]:
        """Send one write, unless it is the chosen one."""
        number, self.begun = self.begun, self.begun + 1
        blow = self.blow if number == self.at else None
        if blow is Blow.KILLED_BEFORE:
            raise KilledError(path)
        if blow is Blow.REFUSED:
            raise Unreachable(f"{path}: no answer")
        answer = await send()
        self.answers.append((verb, path, answer))
        if blow is Blow.KILLED_AFTER:
            raise KilledError(path)
        if blow is Blow.ANSWER_LOST:
            raise Unreachable(f"{path}: the answer got lost")
        return answer


class MortalApi:
    """The controller's `KubeApi`, whose writes are in the hands of fate."""

    def __init__(self, api: TextApi, fate: Fate) -> None:
        self._api = api
        self._fate = fate

    async def get(self, path: str, query: Mapping[str, str] | None = None) -> dict[str, Any]:
        """As the API answers."""
        if not (query or {}).keys() & {"limit", "resourceVersion", "resourceVersionMatch"}:
            self._fate.reads.append(path)
        return await self._api.get(path, query)

    async def text(self, path: str, query: Mapping[str, str], most: int) -> str:
        """As the API answers; read, as an object is."""
        self._fate.reads.append(path)
        return await self._api.text(path, query, most)

    async def create(self, path: str, body: Obj, query: Mapping[str, str] | None = None) -> dict[str, Any]:
        """As the API answers, or fate."""
        return await self._fate.write("create", path, lambda: self._api.create(path, body, query))

    async def patch(
        self, path: str, kind: Patch, body: Obj | list[dict[str, Any]], query: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        """As the API answers, or fate."""
        return await self._fate.write("patch", path, lambda: self._api.patch(path, kind, body, query))

    async def delete(self, path: str, body: Obj | None = None) -> dict[str, Any]:
        """As the API answers, or fate."""
        return await self._fate.write("delete", path, lambda: self._api.delete(path, body))

    def watch(self, path: str, query: Mapping[str, str]) -> AsyncIterator[dict[str, Any]]:
        """As the API tells."""
        return self._api.watch(path, query)
