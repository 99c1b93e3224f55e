"""Does a process stay as big as it is: its memory, its threads, its open files?

The slope is Theil and Sen's: the median of the slopes between all pairs of samples, which no burst moves. It is taken over
the last two thirds of a life, as caches fill in the first; a life of less than two and a half minutes has none.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path
from statistics import median

from tests.bench.scene import cpu_seconds, resident_mib

LONG_ENOUGH_S = 150.0
MOST_PAIRS = 200  # samples of a life that are compared with one another, spread evenly
MOST_A_MINUTE = {"MiB": 1.0, "threads": 0.5, "files": 0.5}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One look at a process; at: seconds of the monotonic clock."""

    at: float
    sizes: dict[str, float]


@dataclass(slots=True, kw_only=True)
class Life:
    """One process from its start to its end."""

    name: str
    pid: int
    samples: list[Sample] = field(default_factory=list)
    cpu_s: float = 0.0

    def look(self) -> None:
        """One sample more; none of a process that has just ended."""
        try:
            status = Path(f"/proc/{self.pid}/status").read_text()
            threads = next(line.split()[1] for line in status.splitlines() if line.startswith("Threads:"))
            files = len(list(Path(f"/proc/{self.pid}/fd").iterdir()))
            self.cpu_s = cpu_seconds(self.pid)
            sizes = {"MiB": resident_mib(self.pid), "threads": float(threads), "files": float(files)}
        except (OSError, StopIteration):
            return
        self.samples.append(Sample(at=time.monotonic(), sizes=sizes))

    @property
    def seconds(self) -> float:
        """How long it lived so far."""
        return self.samples[-1].at - self.samples[0].at if self.samples else 0.0

    def late(self) -> list[Sample]:
        """The samples of the last two thirds."""
        since = self.samples[0].at + self.seconds / 3 if self.samples else 0.0
        return [one for one in self.samples if one.at >= since]

    def told(self) -> str:
        """All figures in one line."""
        if not self.samples:
            return f"{self.name} ({self.pid}): never seen"
        parts = [
            f"{what} {self.samples[0].sizes[what]:.0f}..{self.samples[-1].sizes[what]:.0f}"
            f" most {max(one.sizes[what] for one in self.samples):.0f}"
            f" slope {slope(self.late(), what):+.2f}/min"
            for what in MOST_A_MINUTE
        ]
        return f"{self.name} ({self.pid}): {self.seconds:.0f} s, cpu {self.cpu_s:.1f} s, {', '.join(parts)}"


def slope(samples: Sequence[Sample], what: str) -> float:
    """By how much it grows in a minute; 0 of less than two samples."""
    every = max(1, len(samples) // MOST_PAIRS)
    pairs = combinations(samples[::every], 2)
    slopes = [(b.sizes[what] - a.sizes[what]) / (b.at - a.at) * 60 for a, b in pairs if b.at > a.at]
    return median(slopes) if slopes else 0.0


def growing(lives: Sequence[Life]) -> list[str]:
    """Long lives in which something grows faster than it may."""
    return [
        f"{life.name} ({life.pid}) grows by {found:.2f} {what} a minute, {most} are allowed"
        for life in lives
        if life.seconds >= LONG_ENOUGH_S
        for what, most in MOST_A_MINUTE.items()
        if (found := slope(life.late(), what)) > most
    ]
