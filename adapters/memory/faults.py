"""What goes wrong with the memory cluster, on demand?

Counts every call and every write, so that a test can first see what a run writes and then make each of these writes
fail, before it is stored or after (an answer that got lost).
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import fnmatchcase

from rollout.ports.errors import PortError

WRITES = frozenset({"create", "update", "patch", "delete", "deletecollection"})


@dataclass(slots=True, kw_only=True)
class _Planned:
    error: BaseException
    path: str  # a pattern, as in fnmatch
    verb: str  # "" is any write
    left: int  # calls that match and pass before the one that fails
    stored: bool


class Faults:
    """Failures to come, and what was called so far; `wake` is called when watches must look again."""

    def __init__(self, wake: Callable[[], None]) -> None:
        self.calls: Counter[tuple[str, str]] = Counter()  # by verb and resource, as RBAC names them
        self.writes: list[tuple[str, str]] = []  # verb and path of each write that came in, failed or not
        self._wake = wake
        self._planned: list[_Planned] = []
        self._outage: PortError | None = None
        self._is_held = False

    @property
    def is_held(self) -> bool:
        """Whether watches deliver nothing for now."""
        return self._is_held

    def fail_next(
        self, path: str, error: BaseException, *, verb: str = "", after: int = 0, stored: bool = False
    ) -> None:
        """Answer one coming call with `error`.

        path: a pattern such as `*/rollouts/*`; verb: `patch`, `get` ..., any write when empty; after: how many
        matching calls pass before; stored: the write takes place and only its answer is lost.
        """
        self._planned.append(_Planned(error=error, path=path, verb=verb, left=after, stored=stored))

    def fail_all(self, error: PortError) -> None:
        """An outage: every call and every open watch fails until `recover`."""
        self._outage = error
        self._wake()

    def recover(self) -> None:
        """The end of the outage; planned failures are forgotten."""
        self._outage = None
        self._planned.clear()
        self._wake()

    def hold(self) -> None:
        """Keep back what watches would deliver."""
        self._is_held = True

    def release(self) -> None:
        """Deliver what was kept back, in order."""
        self._is_held = False
        self._wake()

    def check(self) -> None:
        """Raise the error of the outage, if there is one."""
        if self._outage is not None:
            raise self._outage

    def entered(self, verb: str, resource: str, path: str) -> BaseException | None:
        """Count a call; raises what is to fail it, and returns what is to be raised once it is stored."""
        self.calls[(verb, resource)] += 1
        if verb in WRITES:
            self.writes.append((verb, path))
        self.check()
        for planned in self._planned:
            if not _is_meant(planned, verb, path):
                continue
            if planned.left:
                planned.left -= 1
                continue
            self._planned.remove(planned)
            if planned.stored:
                return planned.error
            raise planned.error
        return None


def _is_meant(planned: _Planned, verb: str, path: str) -> bool:
    return (verb == planned.verb if planned.verb else verb in WRITES) and fnmatchcase(path, planned.path)
