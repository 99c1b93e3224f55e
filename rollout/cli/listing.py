"""How do Rollouts stand, one line each, or whole as objects?"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from rollout.cli.errors import Exit
from rollout.cli.options import Access, access, rollout_name
from rollout.cli.session import key, run, scope
from rollout.cli.terminal import paper, say, shown_object, spell
from rollout.services.paper import Paper, age, table

if TYPE_CHECKING:
    from rollout.model.status import RolloutStatus
    from rollout.services.queries import Standing
    from rollout.wiring.tools import Cluster

_HEADER = ("NAME", "PHASE", "STABLE", "REVISION", "STEP", "WEIGHT", "VERDICT", "HOLD", "AGE")
_LONGEST_HOLD = 60


@click.command()
@access("json", "yaml", "wide", "name", many=True)
@click.option("-w", "--watch", is_flag=True, help="Go on with a line for every change.")
def list_(access: Access, *, watch: bool) -> None:
    """Rollouts and how they stand."""
    run(access, lambda cluster: _list(access, cluster, (), watch=watch))


@click.command()
@access("json", "yaml", "wide", "name", many=True)
@click.argument("names", nargs=-1, type=rollout_name, metavar="[NAME]...")
@click.option("-w", "--watch", is_flag=True, help="Go on with a line for every change.")
def get(access: Access, names: tuple[str, ...], *, watch: bool) -> None:
    """One Rollout, or all, in kubectl's formats: NAME, rollout/NAME or rlt/NAME."""
    if names and (access.all_namespaces or access.selector):
        raise click.UsageError("names cannot be combined with -A or -l")
    if names[:1] and names[0] in ("rollout", "rollouts", "rlt"):
        names = names[1:]  # as in `kubectl get rlt checkout`
    run(access, lambda cluster: _list(access, cluster, names, watch=watch))


async def _list(access: Access, cluster: "Cluster", names: tuple[str, ...], *, watch: bool) -> Exit | None:
    from rollout.services import queries

    namespace = scope(access, cluster)
    if names:
        found = [await queries.rollout(cluster.objects, key(access, cluster, name)) for name in names]
    else:
        found = list(await queries.rollouts(cluster.objects, namespace, access.selector))
    if not watch or access.as_json:
        _show(access, found, alone=len(names) == 1)
        return Exit.OK
    seen = {str(item.obj["metadata"].get("resourceVersion")) for item in found}
    _show(access, found, alone=False)
    name = names[0] if len(names) == 1 else ""
    async for kind, item in queries.followed(cluster.objects, namespace, name, access.selector):
        version = str(item.obj["metadata"].get("resourceVersion"))
        if version not in seen and (not names or item.key.name in names):
            seen.add(version)
            deleted = ("deleted",) if kind == "DELETED" else ()
            say("   ".join((*_row(item, access, paper(), datetime.now(UTC)), *deleted)))
    return Exit.OK


def _show(access: Access, found: Sequence["Standing"], *, alone: bool) -> None:
    if access.as_json:
        objects = [shown_object(item.obj) for item in found]
        listed: dict[str, Any] = {"apiVersion": "v1", "kind": "List", "metadata": {}, "items": objects}
        say(spell(objects[0] if alone else listed, access.output))
    elif access.output == "name":
        for item in found:
            say(f"rollout.rollout.dev/{item.key.name}")
    elif not found:
        where = "any namespace" if access.all_namespaces else "this namespace; -A looks in all"
        click.echo(f"No Rollout in {where}.", err=True)
    else:
        for line in lines(found, access, paper(), datetime.now(UTC)):
            say(line)


def lines(found: Sequence["Standing"], access: Access, on: Paper, now: datetime) -> list[str]:
    """The table of some Rollouts."""
    wide = ("WANTED", "RUN", "SOURCE") if access.output == "wide" else ()
    header = (*(("NAMESPACE",) if access.all_namespaces else ()), *_HEADER, *wide)
    return table(header, [_row(item, access, on, now) for item in found])


def _row(item: "Standing", access: Access, on: Paper, now: datetime) -> tuple[str, ...]:
    status = item.status
    verdict = item.verdict.value if item.verdict else "-"
    cells = (
        item.key.name,
        on.toned(status.phase.value),
        status.stable.name if status.stable else "-",
        status.run.canary.name if status.run else item.wanted or "-",
        step_of(status),
        f"{status.run.weight}%" if status.run else "-",
        on.toned(verdict),
        hold_of(item, wide=access.output == "wide"),
        age(item.created, now),
    )
    place = f"{item.source}@{item.commit[:10]}" if item.source and item.commit else item.source or "-"
    wide = (item.wanted or "-", str(status.runs), place) if access.output == "wide" else ()
    return (*((item.key.namespace,) if access.all_namespaces else ()), *cells, *wide)


def step_of(status: "RolloutStatus") -> str:
    """Which step of how many: "2/3"; "-" without a run."""
    run_ = status.run
    if run_ is None:
        return "-"
    if not run_.plan:
        return "straight" if run_.straight else "auto"
    return f"{min(run_.step, len(run_.plan))}/{len(run_.plan)}"


def hold_of(item: "Standing", *, wide: bool) -> str:
    """The code of what holds it first, with the sentence where there is room; "-" for nothing."""
    if item.error:
        return f"InvalidSpec: {item.error}" if wide else "InvalidSpec"
    if not item.status.reasons:
        return "-"
    first = item.waits_for_a_person or item.status.reasons[0]
    message = first.message if len(first.message) <= _LONGEST_HOLD else f"{first.message[: _LONGEST_HOLD - 3]}..."
    return f"{first.code}: {message}" if wide else first.code
