"""What can befall a request on its way to a server, and which requests does it befall?"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from threading import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One request. path: with its query; at: seconds of the monotonic clock."""

    method: str
    path: str
    at: float
    body: bytes = b""

    @property
    def is_watch(self) -> bool:
        """Whether its answer is a stream without an end of its own."""
        return "watch=" in self.path


On = Callable[[Asked], bool]


@dataclass(slots=True, kw_only=True)
class Fault:
    """What becomes of the requests that `on` is true of. met: those that it befell.

    status: the answer, in place of the server's; 0 gives none, but keeps the connection open (`hang`) or resets it.
    times: then it is over; `end` ends it by hand. delay_s: the server's own answer comes so much later. is_halved:
    it comes, but the connection breaks in its middle. lost: the server does as it is asked, and its answer is kept back.
    """

    on: On
    status: int = 0
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    hang: bool = False
    delay_s: float = 0.0
    is_halved: bool = False
    lost: bool = False
    times: int | None = None
    met: list[Asked] = field(default_factory=list)
    over: Event = field(default_factory=Event)

    def befalls(self, asked: Asked) -> bool:
        """Whether this request is hit; it counts then."""
        if self.over.is_set() or (self.times is not None and len(self.met) >= self.times) or not self.on(asked):
            return False
        self.met.append(asked)
        return True

    def end(self) -> None:
        """From now on everything passes; whoever still waits for an answer is disconnected."""
        self.over.set()


def everything(_: Asked) -> bool:
    """Every request."""
    return True


def watches(asked: Asked) -> bool:
    """Requests for streams of changes."""
    return asked.is_watch


def saves(asked: Asked) -> bool:
    """Writes of the Rollout's status."""
    return asked.method == "PATCH" and "/rollouts/checkout/status" in asked.path


def moves(asked: Asked) -> bool:
    """Writes of the route."""
    return asked.method == "PATCH" and "/virtualservices/" in asked.path


def writes(asked: Asked) -> bool:
    """Writes of anything, the lease apart."""
    return asked.method != "GET" and "/leases/" not in asked.path
