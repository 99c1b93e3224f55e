"""Where do Rollouts and the commands for them live?"""

from dataclasses import dataclass
from typing import Protocol

from rollout.model.actions import Answer
from rollout.model.commands import Command
from rollout.model.names import Key
from rollout.model.rollout import RolloutSpec, RouteRef
from rollout.model.status import RolloutStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """A Rollout as stored. When its spec cannot be read, `error` says what, where and what next.

    spec: None when it cannot be read, but while a run is in hand the last one that could be, suspended: a run goes back
    by it and raises nothing. raw: the spec as it is stored, as JSON.
    is_status_readable: False where a newer version wrote it; `status` is empty then, `error` says so.
    version: the resourceVersion that a save must still find. commit: the git commit that wrote the spec, "" unknown.
    """

    key: Key
    uid: str
    version: str
    generation: int
    spec: RolloutSpec | None
    status: RolloutStatus
    error: str = ""
    raw: str = ""
    commit: str = ""
    deleting: bool = False
    finalizer: bool = False
    is_status_readable: bool = True


class Rollouts(Protocol):
    """Rollouts by key: read from the cache (which includes this process's own last write), written with conflicts."""

    def get(self, key: Key) -> Stored | None:
        """The newest known Rollout; None when there is none. Makes no request."""

    def keys(self) -> tuple[Key, ...]:
        """All Rollouts, sorted. Makes no request."""

    def on_route(self, namespace: str, route: RouteRef) -> tuple[Key, ...]:
        """Rollouts of the namespace that list this route object, whatever their `only`, sorted. Makes no request."""

    async def save(self, stored: Stored, status: RolloutStatus) -> Stored:
        """The Rollout with `status` saved; Conflict when somebody wrote since `stored.version`."""

    async def set_finalizer(self, stored: Stored, *, present: bool) -> Stored:
        """The Rollout with or without our finalizer; Conflict when somebody wrote since `stored.version`."""


class Commands(Protocol):
    """RolloutCommands for Rollouts."""

    def pending(self, key: Key) -> tuple[Command, ...]:
        """Commands for this Rollout whose status has no result yet, oldest first. Makes no request."""

    async def answer(self, key: Key, answer: Answer) -> None:
        """Write the result into the command's status; a command that is gone or answered already is left alone."""
