"""What does a controller say of itself on its page of metrics, and when is it at rest?"""

import math
import re
import time
from collections.abc import Mapping
from urllib.request import urlopen

from tests.bench.scene import cpu_seconds
from tests.servers.controller import Controller
from tests.servers.process import ServerFailedError, eventually

LAG = re.compile(r'rolloutctl_tick_lag_seconds_bucket\{kind="Rollout",le="([^"]+)"\}')
REST_S = 3.0
NEXT_TO_NOTHING_S = 0.15  # of CPU while at rest: the lease and the watches' bookmarks


def page(controller: Controller) -> dict[str, float]:
    """Each number by its name and labels; with many Rollouts it costs the controller some seconds."""
    with urlopen(controller.metrics, timeout=120) as answer:
        lines = (line for line in answer.read().decode().splitlines() if not line.startswith("#"))
        return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


def looked_at(controller: Controller) -> float:
    """Ticks of Rollouts so far; 0 while some wait for theirs."""
    found = page(controller)
    return (
        0.0
        if found['rolloutctl_queue_depth{shard="1/1"}'] > 0
        else found.get('rolloutctl_tick_seconds_count{kind="Rollout"}', 0)
    )


def lag_within(before: Mapping[str, float], after: Mapping[str, float], share: float = 0.99) -> float:
    """Seconds within which that share of the ticks between two pages began: a bucket's upper bound, so it flatters nobody."""
    counts = {_bound(name): value - before.get(name, 0) for name, value in after.items() if LAG.fullmatch(name)}
    total = counts.get(math.inf, 0)
    if not total:
        raise ServerFailedError("no tick was due between the two pages")
    return min(bound for bound, count in counts.items() if count >= share * total)


def _bound(name: str) -> float:
    (text,) = LAG.findall(name)
    return float(text)


def rested(pid: int, patience_s: float) -> float:
    """The moment, on the monotonic clock, since which a process does next to nothing.

    Seen from outside: a controller that is asked for its page works for that alone.
    """
    since, used = [time.monotonic()], [cpu_seconds(pid)]

    def is_at_rest() -> bool:
        now, spent = time.monotonic(), cpu_seconds(pid)
        if spent - used[0] > NEXT_TO_NOTHING_S:
            since[0], used[0] = now, spent
        return now - since[0] >= REST_S

    if not eventually(is_at_rest, patience_s, 0.1):
        raise ServerFailedError(f"still at work after {patience_s:.0f} s")
    return since[0]
