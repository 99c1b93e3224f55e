"""`python -m tests.bench [ROW ...]`: how much does the controller cost, in one table, and against which goals?"""

import argparse
import asyncio
import sys
from collections.abc import Iterator, Set

from rich.console import Console
from rich.table import Table

from tests.bench.arriving import arrived
from tests.bench.judging import detections, evaluation_seconds, learning_seconds, look_seconds, state_bytes
from tests.bench.knocking import answered
from tests.bench.measures import (
    FIVE,
    TWO,
    calls_of_a_release,
    cli_seconds,
    event_seconds,
    simulated_seconds,
    tick_seconds,
)
from tests.bench.moving import fleet_tick, plan_seconds, preflight_seconds
from tests.bench.results import Result, kept, shown
from tests.bench.scale import KNOWN, MOVING, of_the_known, of_the_moving
from tests.bench.scene import note
from tests.bench.stamp import stamped
from tests.bench.standing import FEW, MANY
from tests.servers.missing import ServerMissingError

ROLLOUTS = (10, 100, 1000)
ROWS = ("commit", *MOVING, *KNOWN)


async def table() -> Table:
    """All figures."""
    rows = Table("what", "figure")
    for weights in (TWO, FIVE):
        calls, refreshes = await calls_of_a_release(weights)
        for (verb, resource), count in sorted(calls.items()):
            rows.add_row(f"one release, {len(weights)} steps: {verb} {resource}", str(count))
        status = calls["patch", "rollouts/status"]
        rows.add_row(f"one release, {len(weights)} steps: all requests", str(calls.total()))
        rows.add_row(f"one release, {len(weights)} steps: refreshed numbers among the status writes", str(refreshes))
        rows.add_row(
            f"status writes per step, {len(weights)} steps, without those",
            f"{(status - refreshes) / (len(weights) + 1):.1f}",
        )
    idle, running = await tick_seconds()
    rows.add_row("tick that finds nothing to do, median", f"{idle * 1000:.2f} ms")
    rows.add_row("tick in a run, median", f"{running * 1000:.2f} ms")
    for count in ROLLOUTS:
        rows.add_row(f"event to key, {count} Rollouts, median", f"{await event_seconds(count) * 1000:.2f} ms")
    rows.add_row(
        "one evaluation of the judge, errors and two latency bounds, median", f"{evaluation_seconds() * 1e6:.0f} us"
    )
    rows.add_row("the same from raw counters to verdicts, median", f"{look_seconds() * 1e3:.2f} ms")
    rows.add_row("what the same learn of an hour of four pods, median", f"{learning_seconds() * 1e3:.2f} ms")
    rows.add_row("state of one objective, longest in an hour", f"{state_bytes()} bytes")
    rows.add_row("200 simulated runs of a ten-minute plan", f"{simulated_seconds():.1f} s")
    rows.add_row("plan of 500 namespaces with 20,000 edges", f"{plan_seconds():.2f} s")
    rows.add_row("preflight checks of a namespace with 2,000 pods", f"{preflight_seconds():.2f} s")
    idle, asking, requests, pods = await fleet_tick()
    rows.add_row(f"tick of 500 moving namespaces, {pods} pods, of the cluster alone", f"{idle * 1000:.0f} ms")
    rows.add_row("the same when the metrics are asked again", f"{asking * 1000:.0f} ms")
    rows.add_row("requests to the API server of both, status writes included", str(requests))
    await webhooks(rows)
    for what, figure in detections():
        rows.add_row(what, figure)
    rows.add_row("rollout --help, median", f"{cli_seconds() * 1000:.0f} ms")
    return rows


async def webhooks(rows: Table) -> None:
    """How fast those who knock are answered, and what a commit leads to."""
    waits, busy, commands = await answered()
    for kind, wait in waits.items():
        rows.add_row(f"200 webhooks a second, one core: {kind}, median", f"{wait.middle * 1000:.1f} ms")
        rows.add_row(f"the same: {kind}, 99 of 100 within", f"{wait.slow * 1000:.1f} ms")
    rows.add_row("the same: share of the core, sender included", f"{busy:.0%}")
    rows.add_row("the same: commands recorded", str(commands))


def main() -> None:
    """Print the rows that were asked for, all without any; those with a goal are written to RESULTS as well."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("rows", nargs="*", choices=["", "table", *ROWS], help="default: all of them")
    parser.add_argument("--rollouts", type=int, default=FEW, help="how many of them move (default: %(default)s)")
    parser.add_argument("--known", type=int, default=MANY, help="how many are known at a start (default: %(default)s)")
    parser.add_argument("--runs", type=int, default=1, help="how often, for median and range (default: %(default)s)")
    asked = parser.parse_args()
    rows = {row for row in asked.rows if row} or {"table", *ROWS}
    screen = Console(width=120)
    if "table" in rows:
        screen.print(asyncio.run(table()))
    found: list[Result] = []
    try:
        for one in against_goals(asked, rows):
            found.append(one)
            kept(found, stamped(sys.argv[1:]))
    except ServerMissingError as missing:
        note(str(missing))
    if found:
        screen.print(shown(found))


def against_goals(asked: argparse.Namespace, rows: Set[str]) -> Iterator[Result]:
    """The figures that have a goal, as they come."""
    if "commit" in rows:
        yield arrived()
    if rows & set(MOVING):
        yield from of_the_moving(asked.rollouts, rows, asked.runs)
    if rows & set(KNOWN):
        yield from of_the_known(asked.known, rows, asked.runs)


if __name__ == "__main__":
    main()
