"""How does one follow a Rollout, or wait for it to end?"""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

import click

from rollout.cli.errors import Exit, StoppedError
from rollout.cli.options import Access, access, rollout_name, timeout
from rollout.cli.session import key, run, scope
from rollout.cli.terminal import paper, say

if TYPE_CHECKING:
    from rollout.cli.goals import Goal
    from rollout.services.queries import Standing
    from rollout.wiring.tools import Cluster

_FOR = "promoted, stable, ended, phase=PHASE, or condition=TYPE[=STATUS]"

Changes = AsyncGenerator[tuple[str, "Standing"], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Until:
    """What is waited for. limit: 0 for ever; revision: nothing counts before git names it, "" for whatever it names."""

    goal: str
    limit: timedelta
    revision: str = ""


@click.command()
@access(many=True)
@click.argument("name", type=rollout_name, required=False)
@click.option("--until", "goal", metavar="STATE", help=f"End when it is so: {_FOR}.")
@timeout("0")
def watch(access: Access, name: str | None, goal: str | None, timeout: timedelta) -> None:
    """Follow a Rollout live, or all of them: a screen on a terminal, a line for every change elsewhere."""
    if goal is not None and name is None:
        raise click.UsageError("--until needs the name of one Rollout")
    run(access, lambda cluster: _watch(access, cluster, name or "", _Until(goal=goal or "never", limit=timeout)))


@click.command()
@access()
@click.argument("name", type=rollout_name)
@click.option("--for", "goal", default="ended", metavar="STATE", help=f"{_FOR}; default: until the present run ends.")
@click.option("--revision", default="", metavar="NAME", help="Only once git names this revision: right after a push.")
@click.option("--fail-on-approval", is_flag=True, help="Exit 5 as soon as it waits for a person or is frozen.")
@click.option("--quiet", is_flag=True, help="Print only the end.")
@timeout("0")
def wait(access: Access, name: str, *, fail_on_approval: bool, quiet: bool, **until: Any) -> None:
    """Wait until it is promoted (exit code 0) or failed or rolled back (exit code 1)."""
    wanted = _Until(goal=until["goal"], limit=until["timeout"], revision=until["revision"])
    tell = None if quiet else _liner()
    run(access, lambda cluster: _wait(access, cluster, name, wanted, on_change=tell, picky=fail_on_approval))


async def _watch(access: Access, cluster: "Cluster", name: str, until: _Until) -> Exit:
    if name and paper().live:
        from rollout.cli.live import Screen

        async with Screen(access, cluster, name) as screen:
            return await _wait(access, cluster, name, until, on_change=screen.show, picky=False)
    if name:
        return await _wait(access, cluster, name, until, on_change=_liner(), picky=False)
    tell = _liner(with_name=True, with_namespace=access.all_namespaces)
    async with aclosing(_changes(cluster, scope(access, cluster), "", access.selector)) as changes:
        with suppress(TimeoutError):
            async with asyncio.timeout(until.limit.total_seconds() or None):
                async for kind, now in changes:
                    tell(kind, now)
    return Exit.OK


async def _wait(
    access: Access,
    cluster: "Cluster",
    name: str,
    until: _Until,
    *,
    on_change: Callable[[str, "Standing"], None] | None,
    picky: bool,
) -> Exit:
    """Follow one Rollout to its goal. picky: whether waiting for a person ends it."""
    from rollout.cli.goals import goal_named, of_revision

    goal = of_revision(goal_named(until.goal), until.revision) if until.revision else goal_named(until.goal)
    about = key(access, cluster, name)
    if not until.limit:
        await cluster.objects.get("Rollout", about.namespace, about.name)  # NotFound now rather than never
    last = "it is not there"  # yet: a commit may still bring it
    try:
        async with (
            asyncio.timeout(until.limit.total_seconds() or None),
            aclosing(_changes(cluster, about.namespace, about.name)) as changes,
        ):
            async for kind, now in changes:
                if on_change is not None:
                    on_change(kind, now)
                last = now.status.next
                code = _reached(goal, kind, now, picky=picky)
                if code is not None:
                    return code
    except TimeoutError as error:
        message = f"{about}: not {until.goal} after {until.limit.total_seconds():.0f} s; {last}"
        if until.goal == "never":
            return Exit.OK
        raise StoppedError(Exit.TIMED_OUT, message, hint=f"`rollout why {name} -n {about.namespace}`") from error
    return Exit.OK


def _reached(goal: "Goal", kind: str, now: "Standing", *, picky: bool) -> Exit | None:
    if kind == "DELETED":
        raise StoppedError(Exit.NOT_FOUND, f"{now.key} was deleted", code="Deleted")
    end = goal(now)
    if end is not None:
        if not end.is_good:
            raise StoppedError(Exit.DIFFERENT, f"{now.key}: {end.message}")
        say(f"{now.key}: {end.message}")
        return Exit.OK
    held = (now.waits_for_a_person or now.frozen) if picky and now.is_seen else None
    if held is not None:
        raise StoppedError(Exit.WAITING, f"{now.key}: {held.message}", code=held.code)
    return None


def _changes(cluster: "Cluster", namespace: str, name: str, selector: str = "") -> Changes:
    from rollout.services import queries

    # A generator: only a closed one lets its connection go at once.
    return cast("Changes", queries.followed(cluster.objects, namespace, name, selector))


def _liner(*, with_name: bool = False, with_namespace: bool = False) -> Callable[[str, "Standing"], None]:
    """Prints a line whenever something that people care about is different."""
    shown: dict[str, tuple[str, ...]] = {}

    def tell(kind: str, now: "Standing") -> None:
        name = str(now.key) if with_namespace else now.key.name
        cells = _cells(now) if kind != "DELETED" else ("deleted",)
        if shown.get(str(now.key)) != cells:
            shown[str(now.key)] = cells
            head = (f"{datetime.now(UTC):%H:%M:%S}", *((name,) if with_name else ()))
            say("  ".join((*head, *cells)).rstrip())

    return tell


def _cells(now: "Standing") -> tuple[str, ...]:
    from rollout.cli.listing import step_of

    run_ = now.status.run
    first = now.error or (now.status.reasons[0].message if now.status.reasons else now.status.next)
    return (
        f"{now.status.phase.value:<11}",
        f"{f'step {step_of(now.status)}' if run_ else '-':<8}",
        f"{f'{run_.canary.name} {run_.weight:>3}%' if run_ else '':<8}",
        first,
    )
