"""What does one do by hand at three in the morning, so that callers get through to a namespace again?"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from rollout.cli.errors import Exit, StoppedError
from rollout.cli.mesh_session import home
from rollout.cli.options import Access, access
from rollout.cli.session import run
from rollout.cli.terminal import paper, say, spell
from rollout.services.paper import Paper

if TYPE_CHECKING:
    from rollout.migration.escape import Scene
    from rollout.services.escaping import Escaped
    from rollout.wiring.tools import Cluster


@click.command()
@access("json", "yaml", namespaced=False)
@click.argument("subject", metavar="NAMESPACE")
@home()
@click.option(
    "--root", default="istio-system", show_default=True, metavar="NAME", help="The mesh's own namespace; a spec wins."
)
@click.option("--now", is_flag=True, help="Open the namespace now, with your own rights; no controller is needed.")
def escape(access: Access, subject: str, home: str, root: str, *, now: bool) -> None:
    """The runbook to open this namespace by hand: its objects, the exact commands. With --now it is opened."""
    run(access, lambda cluster: _escape(access, cluster, subject, (home, root), now=now))


async def _escape(access: Access, cluster: "Cluster", namespace: str, places: tuple[str, str], *, now: bool) -> Exit:
    from rollout.services import escaping

    home, root = places
    found = await escaping.scene(cluster.objects, namespace, root)
    if not now:
        if access.as_json:
            say(spell(as_data(found), access.output))
        else:
            for line in screen(found, paper()):
                say(line)
        return Exit.OK
    escaped = await escaping.escape(cluster.objects, cluster.writes, found, home, datetime.now(UTC))
    if access.as_json:
        say(spell(done_data(namespace, escaped), access.output))
    else:
        for line in (*_unread(found, paper()), *done(namespace, escaped, paper())):
            say(line)
    if escaped.closed:
        raise _not_open(namespace, escaped)
    return Exit.OK


def _not_open(namespace: str, escaped: "Escaped") -> StoppedError:
    from rollout.ports.errors import Forbidden
    from rollout.services.escaping import failures

    problems = [one.problem for one in failures(escaped)]
    code = Exit.NOT_ALLOWED if any(isinstance(one, Forbidden) for one in problems) else Exit.DIFFERENT
    why = f": {problems[-1]}" if problems else ""
    hint = "whoever may patch PeerAuthentications there can paste the commands above"
    return StoppedError(code, f"{namespace} is not open yet{why}", hint=hint)


def screen(found: "Scene", on: Paper) -> list[str]:
    """The runbook as lines. Commands are whole: they are there to be pasted."""
    from rollout.migration.escape import runbook

    lines = [on.styled(f"How to open {found.namespace.name} by hand", "strong")]
    lines += _unread(found, on)
    for number, step in enumerate(runbook(found), 1):
        lines += ["", on.styled(f"{number}. {step.title}", "strong"), on.wrapped(f"   {step.words}", 3)]
        lines += [f"     {command}" for command in step.commands]
    return lines


def _unread(found: "Scene", on: Paper) -> list[str]:
    return [on.wrapped(f"  {on.styled('not read:', 'waiting')} {why}", 4) for why in found.unread]


def done(namespace: str, escaped: "Escaped", on: Paper) -> list[str]:
    """What was done, and how it stands."""
    lines = list(_tried(escaped, on))
    if not escaped.closed:
        sign = on.styled(on.symbol("good"), "good")
        lines.append(f"{sign} {namespace} is open: nothing in it is STRICT; `rollout mesh escape {namespace}` goes on")
    return lines


def _tried(escaped: "Escaped", on: Paper) -> Iterator[str]:
    from rollout.services.escaping import failures

    failed = set(map(id, failures(escaped)))
    for one in escaped.done:
        if one.problem is None:
            yield f"{on.styled(on.symbol('good'), 'good')} {one.command}"
        elif id(one) in failed:
            yield f"{on.styled(on.symbol('bad'), 'bad')} {one.command}"
            yield on.wrapped(f"      {one.problem}", 6)


def as_data(found: "Scene") -> dict[str, Any]:
    """The runbook for machines."""
    from rollout.migration.escape import runbook
    from rollout.services.account_data import API_VERSION

    return {
        "apiVersion": API_VERSION,
        "kind": "MeshEscape",
        "namespace": found.namespace.name,
        "notRead": list(found.unread),
        "steps": [
            {"title": step.title, "words": step.words, "commands": list(step.commands)} for step in runbook(found)
        ],
    }


def done_data(namespace: str, escaped: "Escaped") -> dict[str, Any]:
    """What was done, for machines."""
    from rollout.services.account_data import API_VERSION

    return {
        "apiVersion": API_VERSION,
        "kind": "MeshEscaped",
        "namespace": namespace,
        "open": not escaped.closed,
        "done": [
            {"command": one.command, "problem": None if one.problem is None else str(one.problem)}
            for one in escaped.done
        ],
    }
