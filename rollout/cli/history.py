"""How did the last runs of a Rollout go?"""

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from rollout.cli.errors import Exit
from rollout.cli.options import Access, access, rollout_name
from rollout.cli.session import key, run
from rollout.cli.terminal import Paper, age, paper, say, span, spell, table

if TYPE_CHECKING:
    from rollout.services.queries import Standing
    from rollout.wiring.tools import Cluster


@click.command()
@access("json", "yaml")
@click.argument("name", type=rollout_name)
def history(access: Access, name: str) -> None:
    """The last ten runs, newest first."""
    run(access, lambda cluster: _history(access, cluster, name))


async def _history(access: Access, cluster: "Cluster", name: str) -> Exit:
    from rollout.services import queries

    found = await queries.rollout(cluster.objects, key(access, cluster, name))
    if access.as_json:
        listed = {
            "apiVersion": "cli.rollout.dev/v1alpha1",
            "kind": "History",
            "metadata": {"namespace": found.key.namespace, "name": found.key.name},
            "runs": (found.obj.get("status") or {}).get("history", []),
        }
        say(spell(listed, access.output))
        return Exit.OK
    shown = lines(found, paper(), datetime.now(UTC))
    for line in shown:
        say(line)
    if len(shown) == 1:
        click.echo(f"{found.key} has had no run yet.", err=True)
    return Exit.OK


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
