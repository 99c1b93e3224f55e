"""How does an existing service get its first Rollout? Nothing is written to the cluster."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from rollout.cli.errors import Exit, StoppedError
from rollout.cli.options import Access, access, rollout_name
from rollout.cli.session import run
from rollout.cli.terminal import say, spell

if TYPE_CHECKING:
    from rollout.services.adopting import Parts
    from rollout.services.adoption import Names, Step
    from rollout.wiring.tools import Cluster

# What people should know about a field, at the place where they see it first.
_REMARKS = {
    "  revision: ": "what git wants live; a change starts a run",
    "  backend:": "how routes name a revision",
    "  routes:": "all of them move together",
    "  steps:": "the plan, in its order; 100 % needs no step",
    "  objectives:": "limits that judge the canary",
}


@click.command()
@access("yaml")
@click.argument("name", type=rollout_name)
@click.option("--service", default="", metavar="NAME", help="The Service that users reach; default: NAME.")
@click.option("--workload", default="", metavar="KIND/NAME", help="What serves now; default: what the Service selects.")
@click.option(
    "--route", "routes", multiple=True, metavar="KIND/NAME", help="Only this route; default: all that name the Service."
)
@click.option(
    "--revision", default="", metavar="NAME", help="What runs now; default: the pods' label version, else v1."
)
@click.option("--git-url", default="", metavar="URL", help="Repository of the specs; also prints a GitSource.")
@click.option("--subsets", is_flag=True, help="Keep one Service; revisions are subsets of it (VirtualService only).")
def init(access: Access, name: str, **chosen: Any) -> None:
    """Print what turns an existing Service, workload and routes into a first Rollout, in the order to apply it."""

    async def work(cluster: "Cluster") -> Exit | None:
        from rollout.model.names import Key
        from rollout.services.adopting import AdoptionError, Wish, parts
        from rollout.services.adoption import names, steps

        key = Key(namespace=access.namespace or cluster.namespace, name=name)
        wish = Wish(key=key, **chosen)
        try:
            found = await parts(cluster.objects, wish)
            named = names(found, wish)
            todo = steps(found, wish, named)
        except AdoptionError as error:
            raise StoppedError(Exit.USAGE, str(error), code="Unclear", hint=error.hint) from error
        for line in _lines(found, named, todo, wish.git_url):
            say(line)
        for hint in _hints(found, named):
            click.echo(f"hint:  {hint}", err=True)
        return None

    run(access, work)


def _lines(found: "Parts", named: "Names", todo: "tuple[Step, ...]", git_url: str) -> Iterator[str]:
    """YAML documents, each behind what it is for and before what to wait for."""
    yield f"# {_title(found)} as a Rollout."
    yield "# Commit and apply these manifests one after another, and wait where it says so: all at once, a route could"
    yield "# name pods that are not there yet."
    for number, step in enumerate(todo, start=1):
        yield "---"
        for index, words in enumerate(step.words):
            yield f"# {'' if index else f'{number}. '}{words}"
        yield from (_remarked(line) if step.obj["kind"] == "Rollout" else line for line in _yaml(step.obj))
        if step.wait:
            yield f"# Wait {step.wait}."
    yield from (f"# {line}" for line in _afterwards(found, named, git_url))


def _yaml(obj: Any) -> list[str]:
    import json

    return spell(json.loads(json.dumps(obj)), "yaml").splitlines()  # PyYAML writes shared parts as aliases


def _remarked(line: str) -> str:
    remark = next((words for start, words in _REMARKS.items() if line.startswith(start)), "")
    return f"{line}  # {remark}" if remark else line


def _afterwards(found: "Parts", named: "Names", git_url: str) -> Iterator[str]:
    from rollout.model.names import filled
    from rollout.services.adopting import title

    yield "Then:"
    if found.workload["metadata"]["name"] != filled(named.workload, named.revision):
        yield f"- Delete {title(found.workload)}: its pods are no longer needed. Autoscalers and disruption budgets that"
        yield "  name it need one for each revision."
    if not named.subset and found.host != named.backend.service:
        yield f"- Keep Service/{found.host} as long as somebody calls it by name. It selects the pods of all revisions,"
        yield "  so callers that are outside the mesh reach the canary at its share of pods, whatever the weights say."
    if not git_url:
        yield "- Commit the Rollout to a repository; --git-url URL also prints the GitSource that reads it."
    yield "- `rollout lint --since REV` in the repository's CI says when something is deleted that is still needed."


def _hints(found: "Parts", named: "Names") -> Iterator[str]:
    if not named.subset and found.host != named.backend.service:
        selector = ",".join(f"{key}={value}" for key, value in sorted(found.service["spec"]["selector"].items()))
        yield (
            f"BackendsOverlap: Service {found.host} selects {selector}, the next revision's pods too; as long as a "
            f"route names it every run is held. {named.backend.service} with its own selector mends this"
        )
    yield "apply the steps one by one and wait where they say so; nothing was written to the cluster"


def _title(found: "Parts") -> str:
    from rollout.services.adopting import title

    return ", ".join(title(obj) for obj in (found.service, found.workload, *found.routes))
