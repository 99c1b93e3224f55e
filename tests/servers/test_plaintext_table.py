"""Which plaintext callers does each way of looking see, on a real Prometheus?

The table of the ways that were considered: `increase` alone, `increase` with births, form R, which the product asks when it
looks back, and the ledger, to which it shows each counter at each look.
"""

import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import yaml

from adapters.metrics.access import PrometheusAccess
from adapters.metrics.mesh import PrometheusMeshMetrics
from adapters.metrics.mesh_queries import grew
from policies.ledger import Ledger, Look, Terms, cross_checked, noted
from policies.ledger_events import Event, Sample
from rollout.model.telemetry import Asked, Series
from tests.servers.build import promtool
from tests.servers.missing import obtained
from tests.servers.prometheus import Prometheus
from tests.support.mesh_histories import (
    MINUTE,
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
from tests.support.mesh_stories import here

pytestmark = [pytest.mark.server, pytest.mark.xdist_group("mesh-metrics")]

SHOP = "shop"
NONE = (None,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A row: what a caller's counter was, and which ways see a caller in the window of 15 minutes.

    started: minutes before NOW at which the proxy started that counts last. is_away: without a counter the pod was not
    scraped at all.
    """

    name: str
    values: Values
    started: int = 120
    is_away: bool = False
    naive: bool
    births: bool
    form_r: bool
    ledger: bool

    @property
    def uptime(self) -> Values:
        """What else the proxy shows whenever it is scraped."""
        return [None if value is None and self.is_away else 1 for value in self.values]

    def proxy_since(self, at: datetime) -> datetime:
        """When the proxy started that was there at that time."""
        start = NOW - self.started * MINUTE
        return start if start <= at else NOW - timedelta(days=1)


CASES = [
    Case(
        name="appears-once-lives-10-minutes",
        values=ending(*[1] * 10, *NONE * 3),
        naive=False,
        births=True,
        form_r=True,
        ledger=True,
    ),
    Case(
        name="new-pod-counter-stays-1",
        values=ending(*[1] * 10),
        started=10,
        naive=False,
        births=True,
        form_r=True,
        ledger=True,
    ),
    Case(
        name="one-single-sample",
        values=ending(1, *NONE * 5),
        naive=False,
        births=True,
        form_r=True,
        ledger=True,
    ),
    Case(
        name="old-counter-plus-1",
        values=ending(*[6] * 5, after=5),
        naive=True,
        births=True,
        form_r=True,
        ledger=True,
    ),
    Case(
        name="reset-then-1-request",
        values=ending(0, 0, 1, 1, after=5),
        started=4,
        naive=True,
        births=True,
        form_r=True,
        ledger=True,
    ),
    Case(
        name="restart-at-the-edge-100-to-1",
        values=ending(None, *[1] * 15, after=100),
        started=15,
        is_away=True,
        naive=False,
        births=False,
        form_r=True,
        ledger=True,
    ),
    Case(
        name="restart-at-the-edge-1-to-1",
        values=ending(None, *[1] * 15, after=1),
        started=15,
        is_away=True,
        naive=False,
        births=False,
        form_r=False,
        ledger=True,
    ),
    Case(
        name="untouched",
        values=ending(after=7),
        naive=False,
        births=False,
        form_r=False,
        ledger=False,
    ),
    Case(
        name="untouched-gap-at-the-edge",
        values=ending(*NONE * 12, *[7] * 10, after=7),
        is_away=True,
        naive=False,
        births=True,
        form_r=False,
        ledger=False,
    ),
]
COUNTERS = {plaintext(SHOP, pod=case.name): case.values for case in CASES}
PROXIES = {here("envoy_server_uptime", SHOP, case.name): case.uptime for case in CASES}
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
    rules = {"groups": [{"name": "ways", "rules": [{"record": "seen", "expr": f"group by (pod) ({way})"}]}]}
    expected = [{"labels": f'seen{{pod="{case.name}"}}', "value": 1} for case in CASES if sees(case)]
    test = {
        "interval": "1m",
        "input_series": [
            {"series": selector(labels), "values": _written(values)} for labels, values in COUNTERS.items()
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
    with backfilled(tmp_path_factory.mktemp("hour"), {**COUNTERS, **PROXIES}) as prometheus:
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
    assert (case.name in {one.label("pod") for one in answer.series}) == case.form_r


async def told(metrics: PrometheusMeshMetrics, about: Asked, at: datetime) -> tuple[Series, ...]:
    """What is said of the shop at that time."""
    answer = await metrics.ask(asked(about, SHOP), at)
    assert answer.series is not None, answer.problem
    return answer.series


def samples(series: tuple[Series, ...]) -> tuple[Sample, ...]:
    """As the ledger takes them."""
    return tuple(
        Sample(series=str(sorted(one.labels.items())), labels=one.labels, value=one.value, at=one.at) for one in series
    )


@pytest.fixture
async def noticed(metrics: PrometheusMeshMetrics) -> tuple[Event, ...]:
    """The ledger's events of the window, after a look at each minute of the hour."""
    ledger, every = Ledger(), list[Event]()
    for back in range(60, -1, -1):
        at = NOW - back * MINUTE
        look = Look(
            samples=samples(await told(metrics, Asked.PLAINTEXT, at)),
            proxies={case.name: case.proxy_since(at) for case in CASES},
            reporting={one.label("pod"): one.at for one in await told(metrics, Asked.PROXIES, at)},
        )
        ledger, events = noted(ledger, look, Terms(window=WINDOW, interval=MINUTE), at)
        every += events
    return tuple(event for event in every if event.at > NOW - WINDOW)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_ledger_sees_every_caller_and_no_other(noticed: tuple[Event, ...], case: Case) -> None:
    pods = {event.labels["pod"] for event in noticed}

    assert (case.name in pods) == case.ledger


async def test_the_look_back_tells_nothing_that_the_ledger_has_not(
    metrics: PrometheusMeshMetrics, noticed: tuple[Event, ...]
) -> None:
    grown = samples(await told(metrics, Asked.PLAINTEXT_IN_WINDOW, NOW))

    news = cross_checked(grown, noticed, NOW - WINDOW, ())

    assert (len(grown), news) == (sum(case.form_r for case in CASES), ())
