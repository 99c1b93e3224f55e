"""What does it cost when hundreds move at once?"""

import time
from collections.abc import Callable, Collection, Iterator, Sequence

from tests.bench.crowd import Member
from tests.bench.pages import lag_within, page
from tests.bench.results import Result
from tests.bench.running import LONG
from tests.bench.scene import (
    Scene,
    counted,
    cpu_seconds,
    has_weight,
    is_idle,
    note,
    pass_by,
    resident_mib,
)
from tests.bench.standing import FEW, MINUTE_S
from tests.servers.client import Obj
from tests.servers.controller import Controller
from tests.servers.process import ServerFailedError

HUNDRED = 100
PATIENCE_S = 300.0
SPREAD_S = 30.0  # the first looks of a surge are over
A_QUERY = 200  # how many Rollouts one query may ask for


def surges(
    scene: Scene, controller: Controller, rest: Sequence[Member], wanted: Collection[str], runs: int
) -> Iterator[Result]:
    """The rows `progressing` and `crowd` of those who are idle."""
    if "progressing" in wanted:
        yield hundred(scene, controller, rest[:HUNDRED], runs)
    yield from all_at_once(scene, rest, runs if "crowd" in wanted else 1)
    if "crowd" in wanted:
        yield from asked_for(scene, controller, rest, runs)
    if "progressing" in wanted:
        yield from thousand(scene, controller, rest, runs)


def hundred(scene: Scene, controller: Controller, some: Sequence[Member], runs: int) -> Result:
    """CPU seconds of minutes in which so many are in a step, looked at once a minute; then they are idle again.

    Each is the mean of two, as numbers are written at every other look.
    """
    released(scene, some)
    pass_by(SPREAD_S)
    seconds = tuple(round((_minute(scene, controller) + _minute(scene, controller)) / 2, 2) for _ in range(runs))
    returned(scene, some)
    measure = "progressing at 60 s: CPU seconds per minute"
    return Result(measure=measure, n=len(some), runs=seconds, unit="s", goal=0.9, goal_n=HUNDRED)


def all_at_once(scene: Scene, rest: Sequence[Member], runs: int) -> Iterator[Result]:
    """Everybody released in one moment, again after they returned; they stay in their first step."""
    seconds = []
    for run in range(runs):
        if run > 0:
            returned(scene, rest)
        seconds.append(released(scene, rest))
    measure = "released at once until all have their first weight"
    yield Result(measure=measure, n=len(rest), runs=tuple(seconds), unit="s", goal=15, goal_n=FEW)


def asked_for(scene: Scene, controller: Controller, rest: Sequence[Member], runs: int) -> Iterator[Result]:
    """Queries of minutes in which each is due once: those of the template that is asked for most."""
    pass_by(MINUTE_S)
    most = []
    for _ in range(runs):
        scene.prometheus.templates.clear()
        _minute(scene, controller)
        found = scene.prometheus.templates.most_common()
        note("queries: " + "; ".join(f"{count} {template}" for template, count in found))
        most.append(float(found[0][1]) if found else 0.0)
    n, measure = len(rest), "queries to Prometheus for all that are due, of one template"
    yield Result(measure=measure, n=n, runs=tuple(most), unit="queries", goal=1 + n / A_QUERY, goal_n=FEW)


def thousand(scene: Scene, controller: Controller, rest: Sequence[Member], runs: int) -> Iterator[Result]:
    """How late, how large and how busy it is while all of them are looked at every 15 s."""
    scene.change(rest, analysis={"interval": "15s"})
    pass_by(SPREAD_S)
    n, lags, resident, seconds = len(rest), [], [], []
    for _ in range(runs):
        before = page(controller)
        seconds.append(_minute(scene, controller))
        resident.append(round(resident_mib(controller.pid), 1))
        lags.append(lag_within(before, page(controller)))
    for what, found, unit, goal in (
        ("p99 tick lag", lags, "s", 1.0),
        ("RSS", resident, "MiB", 300.0),
        ("CPU seconds per minute", seconds, "s", 60.0),
    ):
        measure = f"progressing at 15 s: {what}"
        yield Result(measure=measure, n=n, runs=tuple(found), unit=unit, goal=goal, goal_n=FEW)


def _minute(scene: Scene, controller: Controller) -> float:
    mark, used = scene.server.audit_mark(), cpu_seconds(controller.pid)
    pass_by(MINUTE_S)
    seconds = round(cpu_seconds(controller.pid) - used, 2)
    note(f"a minute in mid-run: {seconds} s of CPU, {dict(counted(scene.requests(mark)))}")
    return seconds


def released(scene: Scene, some: Sequence[Member]) -> float:
    """Seconds from the first change to the last first weight, as the server received it."""
    mark, began = scene.server.audit_mark(), time.time()
    scene.change(some, revision="v2", steps=LONG, analysis={"interval": "60s"})
    note(f"{len(some)} changed after {time.time() - began:.1f} s")
    _reached(scene, some, has_weight, "virtualservices")
    firsts: dict[str, float] = {}
    for one in scene.requests(mark):
        if one.resource == "virtualservices":
            firsts.setdefault(one.name, one.moment)
    seconds = max(firsts[one.name] for one in some) - began
    note(f"{len(some)} have a weight after {seconds:.1f} s")
    return round(seconds, 1)


def returned(scene: Scene, some: Sequence[Member]) -> None:
    """Have all of them wanted as they were, and idle."""
    scene.change(some, revision="v1")
    _reached(scene, some, is_idle, "rollouts")


def _reached(scene: Scene, some: Sequence[Member], is_there: Callable[[Obj], bool], plural: str) -> None:
    names = {one.name for one in some}
    found = scene.all_reach(
        lambda obj: obj["metadata"]["name"] in names and is_there(obj), plural, PATIENCE_S, len(some)
    )
    if found < len(some):
        raise ServerFailedError(f"only {found} of {len(some)} {plural} are as they should be after {PATIENCE_S:.0f} s")
