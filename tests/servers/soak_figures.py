"""Does a process stay as big as it is: its memory, its threads, its open files?

Memory may not rise. Its slope is Theil and Sen's: the median of the slopes between all pairs of samples, which no burst
moves. It is taken over each stretch in which a process led, or followed, without the first minute, in which caches fill.
What a run leaves behind is taken off: its history, its Events, its commands and its curve are kept, each up to a bound that
no soak reaches.

Threads and files come and go with faults, so that a slope of some minutes says nothing. Of them there may never be more than
a leader can have that does everything at once, and one that leaked with each fault of ten minutes, some 36, would be more.
"""

import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import combinations, groupby
from pathlib import Path
from statistics import median

from adapters.kube.cache import PAGES_AT_ONCE
from adapters.kube.kinds import WATCHED
from adapters.metrics.access import PrometheusAccess
from rollout.controller.loop import SLOTS
from tests.bench.scene import cpu_seconds, resident_mib

BEGUN_S = 15.0  # then a process has listed everything
WARM_S = 90.0
LONG_ENOUGH_S = 180.0
MOST_PAIRS = 200  # samples of a stretch that are compared with one another, spread evenly
RUN_MIB = 24 / 1024
LEADING_MIB = 32.0  # a leader's workers, questions and answers, once
MIB_A_MINUTE = 1.0
_LINES = PrometheusAccess(url="http://loopback").connections
_GIT = 4  # threads of adapters/git/source.py; one GitSource has one git: two pipes, the file of its answer, a selector
MOST = {
    # the loop, Prometheus' connections, git, and asyncio's own pool
    "threads": 1 + _LINES + _GIT + min(32, (os.cpu_count() or 1) + 4),
    "files": 7  # /dev/null, the log twice, the selector, two that signals wake it by, who listens
    + len(WATCHED)  # a watch of each kind
    + 2  # of the Lease, and the connection that renews it
    + PAGES_AT_ONCE  # of lists, beside the watches that they follow
    + 2 * SLOTS  # a saving that is not answered, and a lowering beside it, of each tick that acts
    + _LINES
    + _GIT
    + 2,  # who reads /metrics and /readyz
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One look at a process. at: seconds of the monotonic clock; runs: of all Rollouts so far."""

    at: float
    leads: bool
    runs: int
    sizes: dict[str, float]

    @property
    def mib(self) -> float:
        """Its memory without what the runs so far left behind."""
        return self.sizes["MiB"] - RUN_MIB * self.runs


@dataclass(slots=True, kw_only=True)
class Life:
    """One process from its start to its end. argument: of its command line, and of no other's."""

    name: str
    pid: int
    argument: str = ""
    samples: list[Sample] = field(default_factory=list)
    cpu_s: float = 0.0
    _shown: int = 0

    def look(self, *, leads: bool, runs: int) -> None:
        """One sample more; none of a process that has just ended."""
        try:
            self._shown = self._shown or shown(self.argument)
            status = Path(f"/proc/{self._shown}/status").read_text()
            threads = next(line.split()[1] for line in status.splitlines() if line.startswith("Threads:"))
            files = len(list(Path(f"/proc/{self._shown}/fd").iterdir()))
            self.cpu_s = cpu_seconds(self._shown)
            sizes = {"MiB": resident_mib(self._shown), "threads": float(threads), "files": float(files)}
        except (OSError, StopIteration):
            return
        self.samples.append(Sample(at=time.monotonic(), leads=leads, runs=runs, sizes=sizes))

    def grown(self) -> list[Sample]:
        """The samples since it has listed everything."""
        return [one for one in self.samples if one.at - self.samples[0].at >= BEGUN_S]

    def most(self, what: str) -> float:
        """As many of it as it ever had."""
        return max((one.sizes[what] for one in self.samples), default=0.0)

    def stretches(self) -> Iterator[list[Sample]]:
        """Samples of each long time in which it led, or followed, once it was warm."""
        for _, group in groupby(self.samples, key=lambda one: one.leads):
            found = list(group)
            warm = [one for one in found if one.at - found[0].at >= WARM_S]
            if warm and warm[-1].at - warm[0].at >= LONG_ENOUGH_S:
                yield warm

    def told(self) -> str:
        """All figures in one line."""
        found = self.grown()
        if not found:
            return f"{self.name} ({self.pid}): too short to be seen"
        sizes = [f"MiB {found[0].sizes['MiB']:.0f}..{found[-1].sizes['MiB']:.0f}"]
        sizes += [f"{what} {self.most(what):.0f} of {most}" for what, most in MOST.items()]
        slopes = [
            f"{'led' if stretch[0].leads else 'followed'} {stretch[-1].at - stretch[0].at:.0f} s: "
            f"{slope(stretch):+.2f} MiB/min"
            for stretch in self.stretches()
        ]
        lived = found[-1].at - self.samples[0].at
        return "; ".join(
            [f"{self.name} ({self.pid}): {lived:.0f} s, cpu {self.cpu_s:.1f} s, {', '.join(sizes)}", *slopes]
        )


def shown(argument: str) -> int:
    """The process that has this argument, as /proc calls it: inside `make e2e` that is not what its parent does.

    Raises StopIteration when none has.
    """
    return next(int(path.parent.name) for path in Path("/proc").glob("[0-9]*/cmdline") if argument in _arguments(path))


def _arguments(path: Path) -> list[str]:
    try:
        return path.read_text(errors="replace").split("\0")
    except OSError:  # it has just ended
        return []


def slope(samples: Sequence[Sample]) -> float:
    """By how many MiB it grows in a minute; 0 of less than two samples."""
    every = max(1, len(samples) // MOST_PAIRS)
    pairs = combinations(samples[::every], 2)
    slopes = [(b.mib - a.mib) / (b.at - a.at) * 60 for a, b in pairs if b.at > a.at]
    return median(slopes) if slopes else 0.0


def growing(lives: Sequence[Life]) -> list[str]:
    """Stretches in which memory grows faster than it may, and lives that had more of something than they may."""
    found = [
        f"{life.name} ({life.pid}) grows by {rise:.2f} MiB a minute, {MIB_A_MINUTE} are allowed"
        for life in lives
        for stretch in life.stretches()
        if (rise := slope(stretch)) > MIB_A_MINUTE
    ]
    found += [
        f"{life.name} ({life.pid}) had {life.most(what):.0f} {what}, {most} are allowed"
        for life in lives
        for what, most in MOST.items()
        if life.most(what) > most
    ]
    for life in lives:
        samples = life.grown()
        rise = samples[-1].mib - samples[0].mib if samples else 0.0
        if rise > LEADING_MIB:
            found.append(f"{life.name} ({life.pid}) became {rise:.0f} MiB bigger, {LEADING_MIB:.0f} are allowed")
    return found
