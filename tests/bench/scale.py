"""What does a controller of thousands of Rollouts cost, by the API server's own audit log and the kernel's figures?

The goals are what Flagger and Argo Rollouts need for the same on a machine like this, or less.
"""

from collections.abc import Collection, Iterator

from tests.bench.results import Result
from tests.bench.running import FRESH, runs_of_their_own
from tests.bench.scene import Scene, is_idle, note, staged, working
from tests.bench.standing import PATIENCE_S, idle_minutes, screens, starts
from tests.bench.surging import surges
from tests.servers.process import ServerFailedError

MOVING = ("idle", "release", "rollback", "first", "bad", "progressing", "crowd")
KNOWN = ("start", "list")


def of_the_moving(size: int, wanted: Collection[str], runs: int) -> Iterator[Result]:
    """The wanted rows of MOVING: of so many Rollouts, and those besides that runs of their own use."""
    with staged(size + FRESH) as scene:
        controller = scene.controller()
        with working(controller) as pid:
            made_known(scene)
            if "idle" in wanted:
                yield from idle_minutes(scene, pid, size, runs)
            yield from runs_of_their_own(scene, wanted)
            if {"progressing", "crowd"} & set(wanted):
                yield from surges(scene, controller, scene.crowd[FRESH:], wanted, runs)


def of_the_known(size: int, wanted: Collection[str], runs: int) -> Iterator[Result]:
    """The wanted rows of KNOWN: of so many Rollouts that a former controller has known."""
    with staged(size) as scene:
        with working(scene.controller(), PATIENCE_S):
            made_known(scene)
        if "start" in wanted:
            yield from starts(scene, runs)
        if "list" in wanted:
            yield from screens(scene, runs)


def made_known(scene: Scene) -> None:
    """Return when all of them are idle."""
    note(f"{len(scene.crowd)} Rollouts are there")
    found = scene.all_reach(is_idle, "rollouts", PATIENCE_S)
    if found < len(scene.crowd):
        raise ServerFailedError(f"only {found} of {len(scene.crowd)} Rollouts became idle")
    note("all of them are idle, and known from now on")
