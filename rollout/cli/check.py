"""How is shown what a cluster lacks?"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from rollout.cli.errors import Exit, StoppedError
from rollout.cli.options import Access, access
from rollout.cli.session import run

if TYPE_CHECKING:
    from rollout.services.checking import Finding
    from rollout.wiring.tools import Cluster

_MARKS = {"good": ("√", "ok"), "warning": ("‼", "!!"), "bad": ("×", "XX")}
_TONES = {"good": "good", "warning": "waiting", "bad": "bad"}


@click.command()
@access("json")
@click.option("--controller", is_flag=True, help="Also check the rights of the controller's service account.")
@click.option(
    "--controller-namespace", default="rollout-system", show_default=True, metavar="NAME", help="Where it is."
)
@click.option("--prometheus-url", default="", metavar="URL", help="Also look at this Prometheus.")
def check(access: Access, **chosen: Any) -> None:
    """Tell what this cluster lacks for rollout, and what to do about it; exit code 1 if anything is in the way."""

    async def work(cluster: "Cluster") -> Exit | None:
        findings = await _findings(access, cluster, chosen)
        is_fit = all(finding.mark != "bad" for finding in findings)
        if access.as_json:
            _print_json(findings, is_fit=is_fit)
        else:
            _print(findings, is_fit=is_fit)
        return None if is_fit else Exit.DIFFERENT

    run(access, work)


async def _findings(access: Access, cluster: "Cluster", chosen: dict[str, Any]) -> "list[Finding]":
    from rollout.crds import definitions
    from rollout.services import checking
    from rollout.services.checking_owners import route_owners
    from rollout.wiring import checking as wired
    from rollout.wiring.shipped import CONTROLLER, Choices, actor_policy, controller_objects, rules

    server, home = wired.server(cluster), chosen["controller_namespace"]
    findings = await checking.api_server(server)
    findings += await checking.definitions(cluster.objects, definitions())
    findings += await checking.controller(cluster.objects, home, CONTROLLER, wired.now())
    findings += await checking.actors(cluster.objects, actor_policy())
    findings += await checking.own_rights(cluster.objects, access.namespace or cluster.namespace)
    if chosen["controller"]:
        account = f"system:serviceaccount:{home}:{CONTROLLER}"
        findings += await checking.account_rights(server, account, rules(controller_objects(Choices(namespace=home))))
    findings += await checking.traffic_kinds(server)
    findings += await checking.meshes(cluster.objects)
    if chosen["prometheus_url"]:
        findings += await _prometheus(chosen["prometheus_url"])
    return findings + await route_owners(cluster.objects, access.namespace or "")


async def _prometheus(url: str) -> "list[Finding]":
    from rollout.services.checking import prometheus
    from rollout.wiring.checking import probing

    try:
        async with probing(url) as probe:
            return await prometheus(probe)
    except ValueError as error:
        raise StoppedError(Exit.USAGE, str(error), hint="--prometheus-url takes http://HOST:PORT") from error


def _print(findings: "Sequence[Finding]", *, is_fit: bool) -> None:
    from rollout.cli.terminal import paper, say

    sheet = paper()
    category = ""
    for finding in findings:
        if finding.category != category:
            say(("\n" if category else "") + sheet.styled(finding.category, "strong"))
            category = finding.category
        sign, letters = _MARKS[finding.mark]
        mark = sheet.styled(sign if sheet.symbols else letters, _TONES[finding.mark])
        say(f"  {mark} {finding.text}")
        for line in finding.next.splitlines():
            say(f"      {line}")
    say("\nall that is needed is there" if is_fit else "\nsomething is in the way; each line says what to do next")


def _print_json(findings: "Sequence[Finding]", *, is_fit: bool) -> None:
    import json

    rows = [
        {"category": item.category, "result": item.mark.value, "message": item.text, "next": item.next}
        for item in findings
    ]
    click.echo(json.dumps({"fit": is_fit, "findings": rows}, indent=2))
