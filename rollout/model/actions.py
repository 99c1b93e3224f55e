"""What may a decision ask the outside to do? Every action is absolute and may be repeated."""

from dataclasses import dataclass

from rollout.model.commands import Result
from rollout.model.names import BackendName
from rollout.model.rollout import RouteRef


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """How one service's traffic is to be divided in a pool.

    stable: None only in a first deployment (nothing serves yet). canary: None when stable takes all.
    weight: percent of the pool's requests to the canary, 0-100; at 100 the canary takes all that is this service's.
    idle: backends of this service that get nothing but keep their entry. gone: those whose entry is taken out.
    """

    stable: BackendName | None
    canary: BackendName | None = None
    weight: int = 0
    idle: tuple[BackendName, ...] = ()
    gone: tuple[BackendName, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SetSplit:
    """Every managed pool of `route` is to look like `split`.

    lowers: it raises no weight of an untried revision, whatever the route says by the time that it is written: where the
    canary has less than `split.weight` in some pool by then, nothing is.
    """

    route: RouteRef
    split: Split
    lowers: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseRoute:
    """The API server is to count us no more among the managers of `route`'s fields: nothing of ours is left to do on it."""

    route: RouteRef


@dataclass(frozen=True, slots=True, kw_only=True)
class Subset:
    """A named subset of a host's pods."""

    name: str
    labels: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SetSubsets:
    """Our DestinationRule for `host` is to hold exactly these subsets; none of them: it is to go."""

    host: str
    subsets: tuple[Subset, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A command is to carry this result."""

    command: str
    result: Result
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseFinalizer:
    """The Rollout may go: nothing of ours is left that does not serve."""


Action = SetSplit | ReleaseRoute | SetSubsets | Answer | ReleaseFinalizer
