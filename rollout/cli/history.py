"""How did the last runs of a Rollout go?"""

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from rollout.cli.errors import Exit
from rollout.cli.options import Access, access, rollout_name
from rollout.cli.session import key, run
from rollout.cli.terminal import paper, say, spell
from rollout.services.paper import Paper, age, span, table

if TYPE_CHECKING:
    from rollout.services.auditing import Audit
    from rollout.services.queries import Standing
    from rollout.wiring.tools import Cluster


@click.command()
@access("json", "yaml")
@click.argument("name", type=rollout_name)
@click.option("--audit", is_flag=True, help="What people did: who, from which channel, proven how, when.")
def history(access: Access, name: str, *, audit: bool) -> None:
    """The last ten runs, newest first."""
    run(access, lambda cluster: (_audit if audit else _history)(access, cluster, name))


async def _history(access: Access, cluster: "Cluster", name: str) -> Exit:
    from rollout.services import queries
    from rollout.services.account_data import history_data

    found = await queries.rollout(cluster.objects, key(access, cluster, name))
    if access.as_json:
        say(spell(history_data(found), access.output))
        return Exit.OK
    shown = lines(found, paper(), datetime.now(UTC))
    for line in shown:
        say(line)
    if len(shown) == 1:
        click.echo(f"{found.key} has had no run yet.", err=True)
    return Exit.OK


async def _audit(access: Access, cluster: "Cluster", name: str) -> Exit:
    from rollout.services import auditing, queries
    from rollout.services.account_data import audit_data

    found = await queries.rollout(cluster.objects, key(access, cluster, name))
    told = await auditing.audit(cluster.objects, found)
    if told.unread:
        click.echo(f"commands were not read, so what was refused is not here: {told.unread}", err=True)
    if access.as_json:
        say(spell(audit_data(found, told), access.output))
        return Exit.OK
    for line in audit_lines(told):
        say(line)
    if not told.entries:
        click.echo(f"nobody has done anything to {found.key} yet.", err=True)
    return Exit.OK


def audit_lines(told: "Audit") -> list[str]:
    """The audit as a table, the newest first."""
    rows = [
        (
            f"{entry.at:%Y-%m-%d %H:%M:%S}",
            "-" if entry.run is None else str(entry.run),
            "-" if entry.step is None else str(entry.step),
            entry.revision or "-",
            entry.verb,
            entry.by,
            entry.channel or "-",
            entry.proof or "-",
            entry.result.value if entry.result is not None else "unanswered",
            entry.reason or "-",
        )
        for entry in told.entries
    ]
    return table(("AT", "RUN", "STEP", "REVISION", "VERB", "BY", "CHANNEL", "PROVEN BY", "RESULT", "REASON"), rows)


def lines(found: "Standing", on: Paper, now: datetime) -> list[str]:
    """The table of runs, the one in hand first."""
    status = found.status
    rows = [
        (
            str(past.run),
            past.revision,
            past.stable or "-",
            on.toned(past.outcome.value),
            f"{past.ended:%Y-%m-%d %H:%M:%S}",
            span(past.ended - past.started),
            past.message,
        )
        for past in status.history
    ]
    if status.run is not None:
        stable = status.stable.name if status.stable else "-"
        now_row = (
            str(status.runs),
            status.run.canary.name,
            stable,
            on.toned(status.phase.value),
            "-",
            age(status.run.started, now),
            status.next,
        )
        rows.insert(0, now_row)
    return table(("RUN", "REVISION", "FROM", "OUTCOME", "ENDED", "TOOK", "WHY"), rows)
