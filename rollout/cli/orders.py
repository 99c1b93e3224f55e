"""How does a person steer a Rollout or a MeshMigration, or let a GitSource go on?

By RolloutCommands, whose answer is awaited and printed.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

from rollout.cli.errors import Exit, StoppedError
from rollout.cli.mesh_session import HOME, home
from rollout.cli.options import (
    Access,
    Command,
    Named,
    access,
    rollout_named,
    rollout_or_migration,
    rollout_or_source,
    timeout,
)
from rollout.cli.session import key, run
from rollout.cli.terminal import say, shown_object, spell

if TYPE_CHECKING:
    from rollout.services.ordering import Answered, Demand
    from rollout.wiring.tools import Cluster


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What the command line says. run, step and revision: None takes those of the run in hand.

    wave, subject and finding: of a MeshMigration, whose commands are in `home`, the controller's namespace.
    """

    verb: str
    name: Named
    reason: str = ""
    timeout: timedelta = timedelta(seconds=30)
    run: int | None = None
    step: int | None = None
    revision: str | None = None
    backend: str = ""
    wave: str = ""
    subject: str = ""
    finding: str = ""
    home: str = HOME


def _binding(*, step: bool) -> Callable[[Command], Command]:
    """The options that say what a command was made for."""

    def decorate(command: Command) -> Command:
        if step:
            command = click.option("--revision", metavar="NAME", help="Only if this revision is on trial.")(command)
            command = click.option("--step", type=click.IntRange(min=0), help="Only in this step.")(command)
        return click.option("--run", type=click.IntRange(min=1), help="Only in this run.")(command)

    return decorate


def _wave() -> Callable[[Command], Command]:
    return click.option("--wave", default="", metavar="NAME", help="Of a MeshMigration: which wave.")


def _order(
    verb: str, text: str, *options: Callable[[Command], Command], named: Callable[[str], Named] = rollout_named
) -> click.Command:
    """The click command of a verb. named: what may be named."""

    def give(access: Access, **given: Any) -> None:
        wish = Wish(verb=verb, **given)
        run(access, lambda cluster: _given(access, cluster, wish))

    give.__doc__ = text
    command: Command = timeout("30s")(give)
    command = click.option("--reason", default="", metavar="TEXT", help="Why, for the record.")(command)
    for option in reversed(options):
        command = option(command)
    command = click.argument("name", type=named)(command)
    return click.command(verb)(access("json", "yaml")(command))


promote = _order("promote", "End the present step: no more soak and verdict.", _binding(step=True))
promote_full = _order(
    "promote-full", "Skip all remaining steps; never a gate, availability or capacity.", _binding(step=True)
)
approve = _order(
    "approve",
    "Open the gate of the present step, or (meshmigration/NAME) of a wave.",
    *(_binding(step=True), _wave(), home()),
    named=rollout_or_migration,
)
reject = _order(
    "reject",
    "Refuse the approval: back to stable, or (meshmigration/NAME) the wave does not begin.",
    *(_binding(step=False), _wave(), home()),
    named=rollout_or_migration,
)
abort = _order(
    "abort",
    "Back to stable now; (meshmigration/NAME) open all that is becoming STRICT, and pause.",
    *(_binding(step=False), home()),
    named=rollout_or_migration,
)
pause = _order(
    "pause",
    "Stand still at the present weight, or (meshmigration/NAME) at the present stages.",
    *(_binding(step=False), home()),
    named=rollout_or_migration,
)
resume = _order("resume", "Go on after a pause.", *(_binding(step=False), home()), named=rollout_or_migration)
retry = _order("retry", "Try the failed revision again.")
confirm = _order(
    "confirm",
    "Accept a stable that changed in mid-run, or (gitsource/NAME) the commit that waits.",
    named=rollout_or_source,
)
name_stable = _order(
    "name-stable",
    "Say which backend serves users: SERVICE, or SERVICE/SUBSET.",
    click.argument("backend", metavar="BACKEND"),
)

override = _order(
    "override",
    "Let the run go on in a freeze that you may override; needs --reason.",
    _binding(step=False),
)


async def _given(access: Access, cluster: "Cluster", wish: Wish) -> Exit:
    if wish.name.kind != "MeshMigration" and wish.wave:
        raise StoppedError(Exit.USAGE, "--wave is for meshmigration/NAME alone")
    if wish.verb == "override" and not wish.reason.strip():
        raise StoppedError(Exit.USAGE, "an override needs --reason TEXT: it is kept for whoever asks later")
    match wish.name.kind:
        case "MeshMigration":
            demand = await for_migration(cluster, wish)
        case "GitSource":
            demand = await _for_source(access, cluster, wish)
        case _:
            demand = await _for_rollout(access, cluster, wish)
    return await told(access, cluster, demand, wish.timeout)


async def told(access: Access, cluster: "Cluster", demand: "Demand", within: timedelta) -> Exit:
    """Record the demand, await its answer and print it; a refusal and silence end the command with their codes."""
    from rollout.model.commands import Result
    from rollout.services import ordering

    command = await ordering.record(cluster.objects, cluster.writes, demand, datetime.now(UTC))
    answered = await ordering.answer(cluster.objects, command, _within(within))
    if access.as_json:
        say(spell(shown_object(answered.obj), access.output))
    match answered.result:
        case Result.ACCEPTED:
            if not access.as_json:
                bound = f" ({demand.binding})" if str(demand.binding) else ""
                say(f"Accepted: {demand.about} {demand.verb.value}{bound}: {answered.message}")
            return Exit.OK
        case Result.REFUSED:
            raise _refused(demand, answered, await _ending(cluster, demand))
        case None:
            raise _unanswered(demand, answered, within)


async def _for_rollout(access: Access, cluster: "Cluster", wish: Wish) -> "Demand":
    from rollout.model.commands import Verb
    from rollout.services import ordering, queries

    standing = await queries.rollout(cluster.objects, key(access, cluster, wish.name.name))
    verb = Verb(wish.verb)
    present = ordering.binding(verb, standing.status)
    made_for = ordering.Binding(
        run=present.run if wish.run is None else wish.run,
        step=present.step if wish.step is None else wish.step,
        revision=present.revision if wish.revision is None else wish.revision,
        template=present.template,
    )
    return ordering.Demand(key=standing.key, verb=verb, binding=made_for, backend=wish.backend, reason=wish.reason)


async def _for_source(access: Access, cluster: "Cluster", wish: Wish) -> "Demand":
    """Of the commit that waits now: what a person saw in the status is what is let through."""
    from rollout.model.commands import Verb
    from rollout.services import ordering

    source = key(access, cluster, wish.name.name)
    waiting = await ordering.waiting_commit(cluster.objects, source)
    if not waiting:
        message = f"GitSource {source}: no commit waits to be confirmed"
        hint = f"`kubectl describe gitsource {source.name} -n {source.namespace}` says how it stands"
        raise StoppedError(Exit.DIFFERENT, message, code="NothingWaits", hint=hint)
    made_for = ordering.Binding(revision=waiting)
    return ordering.Demand(key=source, kind="GitSource", verb=Verb(wish.verb), binding=made_for, reason=wish.reason)


async def for_migration(cluster: "Cluster", wish: Wish) -> "Demand":
    """The demand for a MeshMigration, which has to be there. Its runs and steps are nobody's matter."""
    from rollout.model.commands import Verb
    from rollout.model.names import Key
    from rollout.services import ordering
    from rollout.services.migration_reads import migration

    if (wish.run, wish.step, wish.revision) != (None, None, None):
        raise StoppedError(Exit.USAGE, "a MeshMigration has no runs, steps and revisions")
    moving = await migration(cluster.objects, wish.name.name)
    waves = [wave.name for wave in moving.spec.waves if wave.approval] if moving.spec is not None else []
    if wish.verb in ("approve", "reject") and not wish.wave:
        some = ", ".join(waves) or "none of it needs an approval"
        raise StoppedError(Exit.USAGE, f"which wave of {moving.name}?", hint=f"name it with --wave: {some}")
    return ordering.Demand(
        key=Key(namespace=wish.home, name=moving.name),
        kind="MeshMigration",
        verb=Verb(wish.verb),
        subject=wish.wave or wish.subject,
        finding=wish.finding,
        reason=wish.reason,
    )


async def _ending(cluster: "Cluster", demand: "Demand") -> Exit:
    """How a refusal ends: in a conflict when what it was made for is no longer so, or in waiting for a freeze to end."""
    from rollout.model.commands import Verb
    from rollout.services import ordering, queries

    if demand.kind == "MeshMigration":
        return Exit.DIFFERENT
    if demand.kind == "GitSource":
        is_stale = await ordering.waiting_commit(cluster.objects, demand.key) != demand.binding.revision
        return Exit.CONFLICT if is_stale else Exit.DIFFERENT
    standing = await queries.rollout(cluster.objects, demand.key)
    if ordering.is_stale(demand.binding, standing.status):
        return Exit.CONFLICT
    waits = demand.verb in (Verb.PROMOTE, Verb.PROMOTE_FULL) and standing.frozen is not None
    return Exit.WAITING if waits else Exit.DIFFERENT


def _within(wanted: timedelta) -> timedelta:
    return wanted or timedelta(days=365)  # 0 waits for ever, as kubectl has it


def _refused(demand: "Demand", answered: "Answered", ending: Exit) -> StoppedError:
    looks = {
        "GitSource": f"kubectl describe gitsource {demand.key.name} -n {demand.key.namespace}",
        "MeshMigration": f"rollout mesh why {demand.subject}" if demand.of_namespace else "rollout mesh status -o wide",
    }
    look = looks.get(demand.kind, f"rollout why {demand.key.name} -n {demand.key.namespace}")
    hint = f"`{look}` says what is possible now"
    code = {Exit.CONFLICT: "Stale", Exit.WAITING: "Frozen"}.get(ending, "Refused")
    message = f"Refused: {demand.about} {demand.verb.value}: {answered.message}"
    return StoppedError(ending, message, code=code, hint=hint)


def _unanswered(demand: "Demand", answered: "Answered", waited: timedelta) -> StoppedError:
    name = answered.obj["metadata"]["name"]
    message = (
        f"{demand.about} {demand.verb.value}: the controller has not answered after {waited.total_seconds():.0f} s; "
        f"RolloutCommand {name} stays and is obeyed when it comes back, if it still fits"
    )
    hint = (
        f"is the controller running? `rollout check`; "
        f"to take it back: kubectl delete rolloutcommand {name} -n {demand.key.namespace}"
    )
    return StoppedError(Exit.TIMED_OUT, message, code="NoAnswer", hint=hint)
