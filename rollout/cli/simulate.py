"""How would runs of this Rollout end with such traffic: promoted, rolled back or undecided, how soon, and at which cost?"""

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import click

from rollout.cli.errors import Exit, StoppedError, translated
from rollout.cli.terminal import paper, say, spell
from rollout.services.paper import Paper, exactly, span, table

if TYPE_CHECKING:
    from rollout.model.rollout import RolloutSpec
    from rollout.services.simulate import Simulation, Spread, Summary

_RATE = re.compile(r"([0-9]{1,7}(?:\.[0-9]{1,3})?)(?:rps)?", re.ASCII)


def rate(value: str | float) -> float:
    """The requests per second in 50rps, 0.5rps or a bare number; a usage error for anything else."""
    if isinstance(value, float):
        return value
    match = _RATE.fullmatch(value)
    if match is None or float(match[1]) <= 0:
        raise click.BadParameter(f"{value!r} is no rate of requests; write 50rps or 0.5rps")
    return float(match[1])


def part(value: str | float) -> float:
    """The part of all requests in a percentage such as 0.1%; a usage error for anything else."""
    from rollout.manifest.quantities import PERCENT, ratio

    if isinstance(value, float):
        return value
    if not re.fullmatch(PERCENT, value, re.ASCII):
        raise click.BadParameter(f"{value!r} is no percentage; write 0.1% or 5%")
    return ratio(value)


@click.command()
@click.argument("spec", metavar="SPEC")
@click.option("--traffic", type=rate, required=True, metavar="RATE", help="Requests to the service, such as 50rps.")
@click.option("--baseline-errors", type=part, default="0.1%", show_default=True, help="Requests that stable fails.")
@click.option("--canary-errors", type=part, default="1%", show_default=True, help="Requests that the canary fails.")
@click.option("--baseline-slow", type=part, metavar="PART", help="Requests of stable above the slow-ratio's threshold.")
@click.option("--canary-slow", type=part, metavar="PART", help="Those of the canary.  [default: as stable]")
@click.option("--pods", type=click.IntRange(1, 100), default=4, show_default=True, help="Pods of stable.")
@click.option("--runs", type=click.IntRange(1, 10_000), default=200, show_default=True, help="Runs of each canary.")
@click.option("--seed", type=int, default=1, show_default=True, help="The same seed gives the same runs.")
@click.option("-n", "--namespace", default="default", metavar="NAME", help="Of objects that name none.")
@click.option("-o", "--output", type=click.Choice(["json", "yaml"]), help="Output format.")
def simulate(spec: str, traffic: float, output: str | None, **chosen: Any) -> None:
    """Run the Rollout in SPEC (a file; `-` is stdin) hundreds of times on simulated traffic, without a cluster.

    Once with the canary that the options describe, once with a canary that is as good as stable. The rules and the
    judge are the controller's own; routes obey at once, pods are ready, approvals are given.
    """
    from rollout.services.simulate import Simulation
    from rollout.services.simulate_traffic import Traffic

    slow = chosen["baseline_slow"] or 0.0
    world = Traffic(
        rate=traffic,
        baseline_errors=chosen["baseline_errors"],
        canary_errors=chosen["canary_errors"],
        baseline_slow=slow,
        canary_slow=slow if chosen["canary_slow"] is None else chosen["canary_slow"],
        pods=chosen["pods"],
    )
    with translated(as_json=output is not None):
        found = Simulation(
            spec=_read(spec, chosen["namespace"]), traffic=world, runs=chosen["runs"], seed=chosen["seed"]
        )
        _possible(found, has_slow=chosen["baseline_slow"] is not None or chosen["canary_slow"] is not None)
        summaries = found.summaries()
    if output is not None:
        say(spell(as_data(found, summaries), output))
        return
    for line in lines(found, summaries, paper()):
        say(line)


def _read(place: str, namespace: str) -> "RolloutSpec":
    """The one Rollout there, with the objectives of the SloPolicies there."""
    from rollout.cli.files import manifests
    from rollout.manifest.errors import SpecError, SpecErrors
    from rollout.manifest.lint import lint
    from rollout.manifest.parse import parse_file
    from rollout.manifest.slopolicy import SloPolicy, with_policies
    from rollout.model.rollout import RolloutSpec

    contents = manifests((place,))
    errors = lint(contents, namespace=namespace)
    if errors:
        raise SpecErrors(errors)
    parsed = [found for path, content in contents for found in parse_file(path, content, namespace=namespace).manifests]
    rollouts = [found for found in parsed if isinstance(found.spec, RolloutSpec)]
    if len(rollouts) != 1:
        named = ", ".join(str(found.key) for found in rollouts)
        raise StoppedError(
            Exit.USAGE,
            f"{place} has {len(rollouts)} Rollouts ({named}), one is needed" if named else f"no Rollout in {place}",
            hint="name the file of one Rollout; its SloPolicies may stand in the same file or folder",
        )
    spec = rollouts[0].spec
    near = {
        found.key.name: found.spec
        for found in parsed
        if isinstance(found.spec, SloPolicy) and found.key.namespace == rollouts[0].key.namespace
    }
    merged = with_policies(spec, near) if isinstance(spec, RolloutSpec) else spec
    if isinstance(merged, SpecError):
        where = rollouts[0]
        raise SpecError(merged.message, about=merged.about, path=merged.path, file=where.file, line=where.line)
    if not isinstance(merged, RolloutSpec):
        raise TypeError(f"{rollouts[0].key} is no Rollout")
    return merged


def _possible(found: "Simulation", *, has_slow: bool) -> None:
    """Nothing where the runs can tell something; StoppedError where not."""
    about = f"{found.spec.source}: {found.spec.key}" if found.spec.source else str(found.spec.key)
    if not found.judged:
        raise StoppedError(
            Exit.USAGE,
            f"{about}: no objective is judged from counters of requests, so every run would be promoted",
            code="NothingJudged",
            hint="add an objective of kind error-ratio or slow-ratio that decides (spec.objectives)",
        )
    if has_slow and not found.thresholds:
        raise StoppedError(
            Exit.USAGE,
            f"{about}: there is no slow-ratio objective that --baseline-slow or --canary-slow could be about",
            hint="leave them out, or add an objective of kind slow-ratio",
        )


def lines(found: "Simulation", summaries: "tuple[Summary, ...]", on: Paper) -> list[str]:
    """The outcomes as people read them; the last line is a sentence."""
    head = f"{on.styled(str(found.spec.key), 'strong')}  {found.traffic.rate:g} rps, {found.runs} runs"
    head += f"{' each' if len(summaries) > 1 else ''}, watched for at most {exactly(found.horizon)}"
    told = [head, *(f"  {note}" for note in _notes(found)), ""]
    header = ("", *(_column(found, number) for number in range(len(summaries))))
    told += [f"  {line}" for line in table(header, _rows(summaries))]
    return [*told, "", *on.wrapped(sentence(found, summaries), 0).splitlines()]


def _notes(found: "Simulation") -> Iterator[str]:
    for name in found.left_out:
        yield f"{name}: a query is not simulated and holds nothing here"
    if found.thresholds and not found.traffic.baseline_slow and not found.traffic.canary_slow:
        yield "no request is slow: --baseline-slow and --canary-slow say how many are"
    if len(found.thresholds) > 1:
        yield f"slow is what takes longer than {found.thresholds[0]}; a lognormal through it tells the rest"
    if found.approvals:
        yield f"{found.approvals} approval{'s' if found.approvals > 1 else ''} given at once"


def _column(found: "Simulation", number: int) -> str:
    if number or found.traffic.is_fair:
        return "CANARY AS STABLE"
    return f"CANARY {_habit(found).upper()}"


def _habit(found: "Simulation") -> str:
    """What the canary does: "fails 1%", "fails 1% and is slow for 3%"."""
    from policies.slo import percent

    traffic = found.traffic
    words = [f"fails {percent(traffic.canary_errors)}"]
    words += [f"is slow for {percent(traffic.canary_slow)}"] if traffic.canary_slow or traffic.baseline_slow else []
    return " and ".join(words)


def _rows(summaries: "tuple[Summary, ...]") -> Iterator[tuple[str, ...]]:
    *others, fair = summaries
    yield "rolled back", *(_share(one.rolled_back, one.runs) for one in others), _mistakes(fair)
    yield "promoted", *(_share(one.promoted, one.runs) for one in summaries)
    yield "undecided", *(_undecided(one) for one in summaries)
    yield "seconds to rollback", *(_spread(one.to_rollback) for one in summaries)
    yield "seconds to promotion", *(_spread(one.to_promotion) for one in summaries)
    yield "failed requests of the canary", *(_spread(one.failed) for one in summaries)


def _share(count: int, runs: int) -> str:
    return f"{count} ({100 * count / runs:.3g} %)" if count else "0"


def _mistakes(fair: "Summary") -> str:
    """How many of a canary as good as stable are rolled back, and what none at all proves."""
    return f"{_share(fair.rolled_back, fair.runs)} by mistake{'' if fair.rolled_back else f' (< {_bound(fair)})'}"


def _bound(fair: "Summary") -> str:
    """What part of all runs is below with 95 % confidence when none of these was: 0 of n has a bound of 1 - 0.05^(1/n)."""
    return f"{100 * (1 - 0.05 ** (1 / fair.runs)):.2g} %"


def _undecided(one: "Summary") -> str:
    return _share(one.undecided, one.runs) + (f" {one.held.code}" if one.held else "")


def _spread(found: "Spread | None") -> str:
    return f"{found.mean:.0f}, p95 {found.p95:.0f}" if found else "-"


def sentence(found: "Simulation", summaries: "tuple[Summary, ...]") -> str:
    """What it means."""
    told = []
    first, fair = summaries[0], summaries[-1]
    if not found.traffic.is_fair:
        what = f"A canary that {_habit(found)} of its requests"
        back = f"{what} is rolled back in {first.rolled_back} of {first.runs} runs"
        if first.to_rollback:
            back += f", {_after(first.to_rollback)} and {first.failed.mean:.0f} failed requests of it"
        told.append(back + (f"; {first.promoted} promote it." if first.promoted else "."))
    good = f"One as good as stable is promoted in {fair.promoted} of {fair.runs} runs"
    if fair.to_promotion:
        good += f", {_after(fair.to_promotion)}"
    told.append(f"{good}; {_false(fair)}.")
    held = next((one.held for one in summaries if one.held), None)
    if held is not None:
        told.append(f"Most of the undecided are held so after {exactly(found.horizon)}: {held.message}.")
    return " ".join(told)


def _after(found: "Spread") -> str:
    return f"on average after {span(timedelta(seconds=found.mean))}"


def _false(fair: "Summary") -> str:
    if fair.rolled_back:
        return f"{fair.rolled_back} are rolled back by mistake"
    return f"none is rolled back by mistake (95 % sure: fewer than {_bound(fair)} are)"


def as_data(found: "Simulation", summaries: "tuple[Summary, ...]") -> dict[str, Any]:
    """The outcomes for machines. fair: of a canary as good as stable; canary is the same where they are."""
    traffic = found.traffic
    return {
        "apiVersion": "cli.rollout.dev/v1alpha1",
        "kind": "Simulation",
        "metadata": {"namespace": found.spec.key.namespace, "name": found.spec.key.name},
        "traffic": {
            "requestsPerSecond": traffic.rate,
            "baselineErrors": traffic.baseline_errors,
            "canaryErrors": traffic.canary_errors,
            "baselineSlow": traffic.baseline_slow,
            "canarySlow": traffic.canary_slow,
            "pods": traffic.pods,
        },
        "seed": found.seed,
        "runs": found.runs,
        "horizonSeconds": found.horizon.total_seconds(),
        "judged": list(found.judged),
        "leftOut": list(found.left_out),
        "canary": _outcomes(summaries[0]),
        "fair": _outcomes(summaries[-1]),
        "message": sentence(found, summaries),
    }


def _outcomes(one: "Summary") -> dict[str, Any]:
    return {
        "promoted": one.promoted,
        "rolledBack": one.rolled_back,
        "undecided": one.undecided,
        "undecidedBy": {"reason": one.held.code, "message": one.held.message} if one.held else None,
        "secondsToRollback": _numbers(one.to_rollback),
        "secondsToPromotion": _numbers(one.to_promotion),
        "failedRequests": _numbers(one.failed),
    }


def _numbers(found: "Spread | None") -> dict[str, float] | None:
    return {"mean": found.mean, "p95": found.p95} if found else None
