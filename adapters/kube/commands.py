"""Where do people's commands come from, and how are they answered? As RolloutCommands in the API server."""

from collections.abc import Iterator

from adapters.kube.api import KubeApi, Obj, Patch
from adapters.kube.cache import Cache
from rollout.manifest.errors import SpecErrors
from rollout.manifest.parse import parse_command
from rollout.model.actions import Answer
from rollout.model.commands import Command
from rollout.model.names import Key
from rollout.ports.clock import Clock
from rollout.ports.errors import Conflict, NotFound

_KIND = "RolloutCommand"
_WRITER = {"fieldManager": "rollout-status"}
_TRIES = 3  # somebody else may write a label in between; more often than this the next tick answers


class KubeCommands:
    """`ports.rollouts.Commands` on an API server; reads come from the watch cache.

    kind: what the commands are for: Rollout, GitSource or MeshMigration. A MeshMigration is in no namespace; its commands
    are in the controller's, so their key is that namespace and its name. A command that cannot be read is never answered:
    the CRD's schema refuses every such one when it is created.
    """

    def __init__(self, api: KubeApi, cache: Cache, clock: Clock, kind: str = "Rollout") -> None:
        self._api = api
        self._cache = cache
        self._clock = clock
        self._kind = kind

    def pending(self, key: Key) -> tuple[Command, ...]:
        """Commands for this object whose status has no result yet, oldest first."""
        return tuple(sorted(self._unanswered(key), key=lambda command: (command.created, command.uid)))

    async def answer(self, key: Key, answer: Answer) -> None:
        """Write the result into the command's status; a command that is gone or answered already is left alone."""
        obj = next((obj for obj in self._given(key) if obj["metadata"].get("uid") == answer.command), None)
        for tries_left in reversed(range(_TRIES)):
            if obj is None or obj["metadata"].get("uid") != answer.command or _is_answered(obj):
                return
            path = self._cache.path(_KIND, key.namespace, obj["metadata"]["name"])
            try:
                self._cache.wrote(_KIND, await self._write(f"{path}/status", obj, answer))
            except NotFound:
                return
            except Conflict:
                if not tries_left:
                    raise
                obj = await self._fresh(path)
            else:
                return

    def _given(self, key: Key) -> list[Obj]:
        return self._cache.indexed(_KIND, "target", f"{self._kind}/{key}")

    def _unanswered(self, key: Key) -> Iterator[Command]:
        for obj in self._given(key):
            if not _is_answered(obj):
                try:
                    yield parse_command(obj)
                except SpecErrors:
                    continue

    async def _write(self, path: str, obj: Obj, answer: Answer) -> Obj:
        status = {
            "result": answer.result.value,
            "message": answer.message,
            "handledAt": self._clock.now().isoformat().replace("+00:00", "Z"),
        }
        version = obj["metadata"]["resourceVersion"]
        patch = [
            {"op": "test", "path": "/metadata/resourceVersion", "value": version},
            {"op": "add", "path": "/status", "value": status},
        ]
        return await self._api.patch(path, Patch.JSON, patch, _WRITER)

    async def _fresh(self, path: str) -> Obj | None:
        try:
            return await self._api.get(path)
        except NotFound:
            return None


def _is_answered(obj: Obj) -> bool:
    return bool((obj.get("status") or {}).get("result"))
