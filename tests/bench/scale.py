"""What does a controller of a thousand Rollouts cost, by the API server's own audit log and the kernel's figures?

The goals are what Flagger and Argo Rollouts need for the same on a machine like this, or less.
"""

import sys
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import datetime
from statistics import median
from urllib.request import urlopen

from tests.bench.crowd import Member
from tests.bench.results import Result
from tests.bench.scene import (
    Scene,
    counted,
    cpu_seconds,
    has_weight,
    own,
    pass_by,
    resident_mib,
    staged,
    working,
)
from tests.servers.client import Obj
from tests.servers.controller import Controller
from tests.servers.process import eventually

ROWS = ("start", "idle", "release", "rollback", "first", "crowd")
FRESH = 12  # the first Rollouts, each for one row; from here on all are idle until the last row
MINUTE_S = 60.0
PATIENCE_S = 300.0
FIVE = [{"weight": weight, "soak": "15s"} for weight in (10, 20, 30, 40, 50)]
LONG = [{"weight": 10, "soak": "2h"}, {"weight": 50, "soak": "2h"}]


def scaled(size: int, wanted: Collection[str] = ROWS) -> Iterator[Result]:
    """The wanted rows of ROWS, of a crowd of `size`; the last of them changes everybody."""
    with staged(size) as scene:
        note(f"{size} Rollouts are there")
        with working(scene.controller()):
            found = scene.all_reach(is_idle, "rollouts", PATIENCE_S)
            note(f"{found} of them are idle, and known from now on")
        yield from of_the_known(scene, wanted)


def of_the_known(scene: Scene, wanted: Collection[str]) -> Iterator[Result]:
    """The rows of a controller that is started anew."""
    controller, mark, began = scene.controller(), scene.server.audit_mark(), time.monotonic()
    with working(controller) as pid:
        if "start" in wanted:
            yield from started(scene, controller, mark, began)
        if "idle" in wanted:
            yield from idle_minute(scene, pid)
        if "release" in wanted:
            yield from released(scene, scene.crowd[0])
        if "rollback" in wanted:
            yield from rolled_back(scene, scene.crowd[1])
        if "first" in wanted:
            yield first_weights(scene, scene.crowd[2:FRESH])
        if "crowd" in wanted:
            yield from all_at_once(scene, pid)


def started(scene: Scene, controller: Controller, mark: int, began: float) -> Iterator[Result]:
    """Time and peak of memory of a start, until the queue is empty and there were as many ticks as there are Rollouts."""
    n = len(scene.crowd)
    eventually(lambda: looked_at(controller) >= n, PATIENCE_S, 1.0)
    seconds, peak = time.monotonic() - began, resident_mib(controller.pid, "VmHWM")
    note(f"the start: {dict(counted(scene.requests(mark)))}")
    yield Result(measure="start until each was looked at", n=n, value=round(seconds, 1), unit="s", goal=60)
    yield Result(measure="peak of memory in it", n=n, value=round(peak, 1), unit="MiB", goal=600)


def looked_at(controller: Controller) -> float:
    """Ticks of Rollouts so far; 0 while some wait for theirs."""
    with urlopen(controller.metrics, timeout=30) as answer:
        lines = dict(line.rsplit(" ", 1) for line in answer.read().decode().splitlines() if not line.startswith("#"))
    is_waiting = float(lines['rolloutctl_queue_depth{shard="1/1"}']) > 0
    return 0.0 if is_waiting else float(lines.get('rolloutctl_tick_seconds_count{kind="Rollout"}', 0))


def idle_minute(scene: Scene, pid: int) -> Iterator[Result]:
    """Requests, CPU and memory while nothing happens."""
    quiet = scene.server.audit_mark()
    pass_by(10)  # what came of the start is over
    note(f"after the start: {counted(scene.requests(quiet))}")
    mark, used = scene.server.audit_mark(), cpu_seconds(pid)
    pass_by(MINUTE_S)
    seconds, calls = cpu_seconds(pid) - used, counted(scene.requests(mark))
    note(f"idle minute: {dict(calls)}")
    n = len(scene.crowd)
    yield Result(measure="requests in an idle minute", n=n, value=calls.total(), unit="requests", goal=20)
    yield Result(measure="GET and LIST in an idle minute", n=n, value=reads(calls), unit="requests", goal=0)
    yield Result(measure="CPU in an idle minute", n=n, value=round(seconds, 2), unit="s", goal=0.1)
    yield Result(measure="RSS, idle", n=n, value=round(resident_mib(pid), 1), unit="MiB", goal=120)


def released(scene: Scene, member: Member) -> Iterator[Result]:
    """Requests of a release of five steps, lease and Events apart."""
    mark = scene.server.audit_mark()
    scene.change([member], revision="v2", steps=FIVE)
    scene.reach(member, PATIENCE_S, phase="Idle", stableRevision="v2")
    pass_by(45)  # as long as Flagger and Argo Rollouts were watched after the end
    calls = counted(scene.requests(mark))
    note(f"release of five steps: {dict(calls)}")
    yield _requests("requests of a release of five steps", own(calls).total(), 30)
    yield _requests("GET and LIST of a release", reads(calls), 0)


def rolled_back(scene: Scene, member: Member) -> Iterator[Result]:
    """Requests of a whole run whose metric turns bad in step 2."""
    mark = scene.server.audit_mark()
    scene.change([member], revision="v2", steps=FIVE)
    scene.reach(member, PATIENCE_S, weight=20)
    scene.prometheus.turn_bad(f"{member.name}-v2")
    scene.reach(member, PATIENCE_S, phase="Failed")
    pass_by(45)
    calls = counted(scene.requests(mark))
    note(f"rolled back at step 2: {dict(calls)}")
    yield _requests("requests of a run rolled back at step 2", own(calls).total(), 15)


def first_weights(scene: Scene, members: Sequence[Member]) -> Result:
    """From the change of a Rollout to its first weight, one after the other: both moments as the server received them."""
    return Result(
        measure="change of the Rollout to its first weight, median",
        n=len(members),
        value=round(median(_first_weight(scene, one) for one in members), 3),
        unit="s",
        goal=0.1,
    )


def _first_weight(scene: Scene, member: Member) -> float:
    mark, began = scene.server.audit_mark(), time.time()
    scene.change([member], revision="v2", steps=LONG, analysis={"interval": "60s"})
    answered = time.time()
    eventually(lambda: any(one.resource == "virtualservices" for one in scene.requests(mark)), PATIENCE_S)
    (raised, *_) = [one for one in scene.requests(mark) if one.resource == "virtualservices"]
    seconds = datetime.fromisoformat(raised.at).timestamp() - began
    note(f"first weight after {seconds:.3f} s, {answered - began:.3f} of them until the change was answered")
    return seconds


def all_at_once(scene: Scene, pid: int) -> Iterator[Result]:
    """Everybody who is still idle released in one moment; then a minute in which each of them is due once."""
    rest = scene.crowd[FRESH:]
    began = time.time()
    scene.change(rest, revision="v2", steps=LONG, analysis={"interval": "60s"})
    note(f"all of them changed after {time.time() - began:.1f} s")
    found = scene.all_reach(raised_of(rest), "virtualservices", PATIENCE_S, len(rest))
    seconds, n = time.time() - began, len(rest)
    note(f"{found} have a weight after {seconds:.1f} s")
    yield Result(
        measure="released at once until the first weight of all", n=n, value=round(seconds, 1), unit="s", goal=15
    )
    pass_by(MINUTE_S)
    mark, asked, used = scene.server.audit_mark(), len(scene.prometheus.queries), cpu_seconds(pid)
    pass_by(MINUTE_S)
    queries = len(scene.prometheus.queries) - asked
    note(f"a minute in mid-run: {cpu_seconds(pid) - used:.1f} s of CPU, {dict(counted(scene.requests(mark)))}")
    yield Result(measure="queries to Prometheus, each due once", n=n, value=queries, unit="queries", goal=1 + n / 200)


def raised_of(members: Sequence[Member]) -> Callable[[Obj], bool]:
    """Whether a route is one of theirs and gives v2 anything."""
    names = {one.name for one in members}
    return lambda route: route["metadata"]["name"] in names and has_weight(route)


def is_idle(rollout: Obj) -> bool:
    """Whether it knows its stable revision and has nothing to do."""
    status = rollout.get("status") or {}
    return (status.get("phase"), status.get("stableRevision")) == ("Idle", "v1")


def reads(calls: Mapping[tuple[str, str], int]) -> int:
    """How many of them read."""
    return sum(times for (verb, _), times in calls.items() if verb in {"get", "list"})


def note(text: str) -> None:
    """Say what goes on, beside the table."""
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} {text}\n")


def _requests(measure: str, value: int, goal: int) -> Result:
    return Result(measure=measure, n=1, value=value, unit="requests", goal=goal)
