"""What happened to a Rollout, newest last?"""

from contextlib import aclosing
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from rollout.cli.errors import Exit
from rollout.cli.options import Access, access, rollout_name
from rollout.cli.session import key, run
from rollout.cli.terminal import paper, say, spell
from rollout.services.paper import Paper, age, table

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from rollout.ports.objects import Change
    from rollout.services.queries import News, Standing
    from rollout.wiring.tools import Cluster

_HEADER = ("LAST SEEN", "TYPE", "REASON", "COUNT", "MESSAGE")


@click.command()
@access("json", "yaml")
@click.argument("name", type=rollout_name)
@click.option("-w", "--watch", is_flag=True, help="Go on with a line for every new event.")
def events(access: Access, name: str, *, watch: bool) -> None:
    """What happened, newest last; the same news told again is one line with a count."""
    run(access, lambda cluster: _events(access, cluster, name, watch=watch))


async def _events(access: Access, cluster: "Cluster", name: str, *, watch: bool) -> Exit:
    from rollout.services import queries
    from rollout.services.account_data import news_data

    about = await queries.rollout(cluster.objects, key(access, cluster, name))
    told = await queries.news(cluster.objects, about)
    if access.as_json:
        listed = {
            "apiVersion": "cli.rollout.dev/v1alpha1",
            "kind": "Events",
            "metadata": {"namespace": about.key.namespace, "name": about.key.name},
            "events": [news_data(one) for one in told],
        }
        say(spell(listed, access.output))
        return Exit.OK
    if not told:
        click.echo(f"No events of {about.key}; the API server keeps them for an hour.", err=True)
    else:
        for line in lines(told, paper(), datetime.now(UTC)):
            say(line)
    if watch:
        await _follow(cluster, about, told)
    return Exit.OK


def lines(told: "Sequence[News]", on: Paper, now: datetime) -> list[str]:
    """The table of news."""
    return table(_HEADER, [_row(one, on, now) for one in told])


def _row(one: "News", on: Paper, now: datetime) -> tuple[str, ...]:
    kind = on.styled("Warning", "waiting") if one.warning else "Normal"
    return (age(one.last, now), kind, one.code, str(one.count), one.message)


async def _follow(cluster: "Cluster", about: "Standing", told: "Sequence[News]") -> None:
    from typing import cast

    from rollout.services import queries

    shown = {(one.code, one.message, one.count) for one in told}
    changes = cast("AsyncGenerator[Change, None]", cluster.objects.watch("Event", about.key.namespace))
    async with aclosing(changes):
        async for change in changes:
            one = queries.told_of(change.obj, about)
            if one is None or change.type == "DELETED" or (one.code, one.message, one.count) in shown:
                continue
            shown.add((one.code, one.message, one.count))
            say("   ".join(_row(one, paper(), datetime.now(UTC))))
