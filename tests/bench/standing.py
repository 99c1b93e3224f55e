"""What does a crowd cost that stands still, how soon is it known anew, and how fast is it shown?"""

import time
from collections.abc import Iterator

from tests.bench.pages import looked_at, rested
from tests.bench.results import Result
from tests.bench.scene import Scene, counted, cpu_seconds, note, pass_by, reads, resident_mib, working
from tests.servers.controller import rollout
from tests.servers.process import ServerFailedError, eventually

MINUTE_S = 60.0
SETTLED_S = 10.0  # what came of the start is over
FEW, MANY = 1000, 10_000  # how many Rollouts the goals are about
PATIENCE_S = 600.0


def idle_minutes(scene: Scene, pid: int, n: int, runs: int) -> Iterator[Result]:
    """Requests, CPU and memory of minutes in which nothing happens. n: how many Rollouts at least."""
    mark = scene.server.audit_mark()
    pass_by(SETTLED_S)
    note(f"after the start: {dict(counted(scene.requests(mark)))}")
    found = [_idle_minute(scene, pid) for _ in range(runs)]
    asked, got, used, resident = (tuple(values) for values in zip(*found, strict=True))
    yield Result(measure="requests in an idle minute", n=n, runs=asked, unit="requests", goal=20, goal_n=FEW)
    yield Result(measure="GET and LIST in an idle minute", n=n, runs=got, unit="requests", goal=0, goal_n=FEW)
    yield Result(measure="CPU seconds in an idle minute", n=n, runs=used, unit="s", goal=0.1, goal_n=FEW)
    yield Result(measure="RSS, idle", n=n, runs=resident, unit="MiB", goal=120, goal_n=FEW)


def _idle_minute(scene: Scene, pid: int) -> tuple[float, float, float, float]:
    mark, used = scene.server.audit_mark(), cpu_seconds(pid)
    pass_by(MINUTE_S)
    seconds, calls = cpu_seconds(pid) - used, counted(scene.requests(mark))
    note(f"idle minute: {dict(calls)}")
    return calls.total(), reads(calls), round(seconds, 2), round(resident_mib(pid), 1)


def starts(scene: Scene, runs: int) -> Iterator[Result]:
    """Time, peak of memory and lists of controllers that know all of the crowd already."""
    n = len(scene.crowd)
    found = [_start(scene) for _ in range(runs)]
    seconds, peaks, whole = (tuple(values) for values in zip(*found, strict=True))
    yield Result(measure="start until each was looked at", n=n, runs=seconds, unit="s", goal=60, goal_n=MANY)
    yield Result(measure="start: peak of memory", n=n, runs=peaks, unit="MiB", goal=600, goal_n=MANY)
    yield Result(measure="start: lists without pages", n=n, runs=whole, unit="requests", goal=0, goal_n=MANY)


def _start(scene: Scene) -> tuple[float, float, float]:
    controller, mark, began, ended = scene.controller(), scene.server.audit_mark(), time.monotonic(), [0.0]
    with working(controller, PATIENCE_S) as pid:
        note(f"ready after {time.monotonic() - began:.1f} s")

        def are_looked_at() -> bool:
            ended[0] = rested(pid, PATIENCE_S)
            return looked_at(controller) >= len(scene.crowd)

        if not eventually(are_looked_at, PATIENCE_S):
            raise ServerFailedError(f"not each of {len(scene.crowd)} was looked at: {controller.last_words()}")
        lists = [one for one in scene.requests(mark) if one.verb == "list"]
        found = round(ended[0] - began, 1), round(resident_mib(pid, "VmHWM"), 1)
        note(f"each was looked at after {found[0]} s, {cpu_seconds(pid):.1f} s of CPU and {len(lists)} pages of lists")
        return *found, sum("limit=" not in one.uri for one in lists)


def screens(scene: Scene, runs: int) -> Iterator[Result]:
    """Seconds of `rollout list -A` and `rollout why`, the start of the program included."""
    n, one = len(scene.crowd), scene.crowd[-1]
    listed = tuple(_shown(scene, one.namespace, n, "list", "-A") for _ in range(runs))
    yield Result(measure="rollout list", n=n, runs=listed, unit="s", goal=2, goal_n=MANY)
    told = tuple(_shown(scene, one.namespace, 1, "why", one.name) for _ in range(runs))
    yield Result(measure="rollout why", n=n, runs=told, unit="s", goal=1, goal_n=MANY)


def _shown(scene: Scene, namespace: str, lines: int, *command: str) -> float:
    began = time.monotonic()
    answer = rollout(*command, kubeconfig=scene.kubeconfig, namespace=namespace, patience_s=PATIENCE_S)
    seconds = time.monotonic() - began
    if answer.returncode or len(answer.stdout.splitlines()) < lines:
        raise ServerFailedError(f"rollout {' '.join(command)}: {answer.stdout[:500]}{answer.stderr[:500]}")
    return round(seconds, 2)
