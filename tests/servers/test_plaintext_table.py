"""Which plaintext callers does each way of asking for growth see, on a real Prometheus?

The table of the ways that were considered: `increase` alone, `increase` with births, and form R, which the product asks.
"""

import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from adapters.metrics.access import PrometheusAccess
from adapters.metrics.mesh import PrometheusMeshMetrics
from adapters.metrics.mesh_queries import grew
from rollout.model.telemetry import Asked
from tests.servers.build import promtool
from tests.servers.missing import obtained
from tests.servers.prometheus import Prometheus
from tests.support.mesh_histories import (
    NOW,
    PATIENCE_S,
    WINDOW,
    Values,
    asked,
    backfilled,
    ending,
    plaintext,
    selector,
)

pytestmark = [pytest.mark.server, pytest.mark.xdist_group("mesh-metrics")]

SHOP = "shop"
NONE = (None,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A row: what a caller's counter was, and which of the three ways see a caller in the window of 15 minutes."""

    name: str
    values: Values
    naive: bool
    births: bool
    form_r: bool


CASES = [
    Case(
        name="appears-once-lives-10-minutes", values=ending(*[1] * 10, *NONE * 3), naive=False, births=True, form_r=True
    ),
    Case(name="new-pod-counter-stays-1", values=ending(*[1] * 10), naive=False, births=True, form_r=True),
    Case(name="one-single-sample", values=ending(1, *NONE * 5), naive=False, births=True, form_r=True),
    Case(name="old-counter-plus-1", values=ending(*[6] * 5, after=5), naive=True, births=True, form_r=True),
    Case(name="reset-then-1-request", values=ending(0, 0, 1, 1, after=5), naive=True, births=True, form_r=True),
    Case(
        name="restart-at-the-edge-100-to-1",
        values=ending(None, *[1] * 15, after=100),
        naive=False,
        births=False,
        form_r=True,
    ),
    Case(
        name="restart-at-the-edge-1-to-1",
        values=ending(None, *[1] * 15, after=1),
        naive=False,
        births=False,
        form_r=False,
    ),
    Case(name="untouched", values=ending(after=7), naive=False, births=False, form_r=False),
    Case(
        name="untouched-gap-at-the-edge",
        values=ending(*NONE * 12, *[7] * 10, after=7),
        naive=False,
        births=True,
        form_r=False,
    ),
]
HISTORIES = {plaintext(SHOP, source_workload=case.name): case.values for case in CASES}
REPORTED = 'istio_requests_total{connection_security_policy!="mutual_tls"}'
NAIVE = f"increase({REPORTED}[15m]) > 0"
BIRTHS = f"{NAIVE} or (max_over_time({REPORTED}[15m]) > 0 unless {REPORTED} offset 15m)"
FORM_R = grew(REPORTED).replace("$window", "15m")


@pytest.mark.parametrize(
    ("way", "sees"),
    [
        (NAIVE, lambda case: case.naive),
        (BIRTHS, lambda case: case.births),
        (FORM_R, lambda case: case.form_r),
    ],
    ids=["naive", "births", "form-r"],
)
def test_each_way_sees_the_callers_that_the_table_says(way: str, sees: Callable[[Case], bool], tmp_path: Path) -> None:
    rules = {"groups": [{"name": "ways", "rules": [{"record": "seen", "expr": f"group by (source_workload) ({way})"}]}]}
    expected = [{"labels": f'seen{{source_workload="{case.name}"}}', "value": 1} for case in CASES if sees(case)]
    test = {
        "interval": "1m",
        "input_series": [
            {"series": selector(labels), "values": _written(values)} for labels, values in HISTORIES.items()
        ],
        "promql_expr_test": [{"expr": "seen", "eval_time": "60m", "exp_samples": expected}],
    }
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump(rules))
    (tmp_path / "test.yaml").write_text(yaml.safe_dump({"rule_files": ["rules.yaml"], "tests": [test]}))

    command = [str(obtained(promtool)), "test", "rules", "test.yaml"]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE_S, check=False)

    assert ended.returncode == 0, ended.stdout + ended.stderr


def _written(values: Values) -> str:
    return " ".join("_" if value is None else f"{value:g}" for value in values)


@pytest.fixture(scope="module")
def hour(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    with backfilled(tmp_path_factory.mktemp("hour"), HISTORIES) as prometheus:
        yield prometheus


@pytest.fixture
async def metrics(hour: Prometheus) -> AsyncIterator[PrometheusMeshMetrics]:
    metrics = PrometheusMeshMetrics(PrometheusAccess(url=hour.url))
    yield metrics
    await metrics.close()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
async def test_the_adapter_sees_what_form_r_sees(metrics: PrometheusMeshMetrics, case: Case) -> None:
    answer = await metrics.ask(asked(Asked.PLAINTEXT_IN_WINDOW, SHOP, WINDOW), NOW)

    assert answer.series is not None, answer.problem
    assert (case.name in {one.label("source_workload") for one in answer.series}) == case.form_r
