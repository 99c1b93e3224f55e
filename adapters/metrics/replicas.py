"""Does the server tell the same counter more than once, because more than one Prometheus scraped it?

Then every request counts twice, and so does the evidence. Behind a querier that merges replicas it does not happen.
"""

from collections.abc import Mapping, Sequence
from itertools import combinations

from adapters.metrics.answers import Series

# Labels by which servers are told apart: of the operators of Prometheus and VictoriaMetrics, of Cortex and Mimir, and
# those that Thanos' documentation, charts and mixins use.
SERVERS = frozenset(
    {
        "prometheus",
        "prometheus_replica",
        "__replica__",
        "thanos_replica",
        "receive_replica",
        "thanos_receive_replica",
        "rule_replica",
        "ruler_replica",
        "thanos_ruler_replica",
    }
)
AMBIGUOUS = "replica"  # Thanos' usual name, but applications have replicas too
TOLD_APART = SERVERS | {AMBIGUOUS}


def told_twice(found: Sequence[Series]) -> str:
    """What is wrong, and what to do; "" where no two series differ by their server alone."""
    if all(TOLD_APART.isdisjoint(one.labels) for one in found):
        return ""
    groups: dict[frozenset[tuple[str, str]], list[Series]] = {}
    for one in found:
        groups.setdefault(_own_labels(one), []).append(one)
    for same in groups.values():
        label = _label(same)
        if label:
            return (
                f"each counter comes {len(same)} times, told apart by the label {label} alone: so many Prometheus servers "
                f"scrape it, and every request would count {len(same)} times. Ask a querier that merges them (Thanos: "
                f"--query.replica-label={label}), or name one of them in the objective's selector, as {label}="
                f'"{min(one.labels.get(label, "") for one in same)}"'
            )
    return ""


def _own_labels(one: Series) -> frozenset[tuple[str, str]]:
    return frozenset((name, value) for name, value in one.labels.items() if name not in TOLD_APART)


def _label(same: Sequence[Series]) -> str:
    """The label that tells servers apart; "" where the series are not one counter seen by several."""
    differing = sorted(name for name in TOLD_APART if len({one.labels.get(name, "") for one in same}) > 1)
    if differing == [AMBIGUOUS] and not _are_one_target(same):
        return ""
    return max(differing, default="")  # prometheus_replica rather than prometheus


def _are_one_target(same: Sequence[Series]) -> bool:
    """Whether one named target was scraped at different instants; what comes from one page has the same ones."""
    is_named = any(_is_named(one.labels) for one in same)
    return is_named and any(not _instants(one) & _instants(other) for one, other in combinations(same, 2))


def _is_named(labels: Mapping[str, str]) -> bool:
    return bool(labels.get("instance") or labels.get("pod"))


def _instants(one: Series) -> set[object]:
    return {*one.points.times, *(at for at, _ in one.histograms)}
