"""Do the shipped alerts and the dashboard ask for numbers that there are, and do they tell what they should?"""

import json
import re
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.servers.build import promtool
from tests.servers.missing import obtained
from tests.servers.shop import Place, Shop, opened, operated

pytestmark = pytest.mark.server

MONITORING = Path(__file__).parents[2] / "deploy" / "monitoring"
ALERTS = Path(__file__).with_name("alerts.yaml")
NAME = re.compile(r"\brolloutctl_\w+")
GRAFANA = {"$__rate_interval": "1m", "$namespace": ".*"}
PATIENCE_S = 60


def groups() -> dict[str, Any]:
    """What a PrometheusRule gives to Prometheus."""
    rule = yaml.safe_load((MONITORING / "prometheusrule.yaml").read_text())
    return {"groups": rule["spec"]["groups"]}


def alerts() -> dict[str, str]:
    """The query of each alert."""
    return {rule["alert"]: rule["expr"] for group in groups()["groups"] for rule in group["rules"]}


def panels() -> dict[str, str]:
    """Each query of the dashboard as Prometheus gets it, by panel."""
    board = json.loads((MONITORING / "dashboard.json").read_text())
    found = {}
    for panel in board["panels"]:
        for target in panel["targets"]:
            text = target["expr"]
            for variable, value in GRAFANA.items():
                text = text.replace(variable, value)
            found[f"{panel['title']} {target['refId']}"] = text
    return found


def tool(*words: str, cwd: Path) -> "subprocess.CompletedProcess[str]":
    """How promtool ends."""
    return subprocess.run(
        [str(obtained(promtool)), *words], cwd=cwd, capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    """A folder with the rules, and with what is expected of them."""
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump(groups()))
    (tmp_path / "alerts.yaml").write_text(ALERTS.read_text())
    return tmp_path


def test_the_alerts_fire_when_they_should_and_only_then(rules: Path) -> None:
    answer = tool("test", "rules", "alerts.yaml", cwd=rules)

    assert answer.returncode == 0, answer.stdout + answer.stderr


def test_the_rules_are_what_prometheus_takes(rules: Path) -> None:
    answer = tool("check", "rules", "--lint-fatal", "rules.yaml", cwd=rules)

    assert answer.returncode == 0, answer.stdout + answer.stderr


def test_every_alert_has_a_case_that_fires_and_one_that_does_not() -> None:
    cases = [case for test in yaml.safe_load(ALERTS.read_text())["tests"] for case in test["alert_rule_test"]]

    fires = {case["alertname"] for case in cases if case.get("exp_alerts")}
    keeps_still = {case["alertname"] for case in cases if not case.get("exp_alerts")}
    assert fires == keeps_still == alerts().keys()


@pytest.fixture(scope="module")
def asked() -> dict[str, str]:
    """Everything that alerts and panels ask."""
    return alerts() | panels()


def test_every_query_is_understood_and_every_number_exists(place: Place, asked: dict[str, str]) -> None:
    with opened(place) as shop, operated(shop) as controller:
        assert shop.reaches(phase="Idle", stableRevision="v1"), shop.told()
        shop.release("v2", steps=[{"weight": 10, "soak": "10m"}])
        assert shop.reaches(phase="Progressing"), shop.told()
        place.prometheus.scrape(f"numbers-{shop.namespace}", controller.metrics)
        exported = set(NAME.findall(page(controller.metrics)))

        complaints = {name: why for name, text in asked.items() if (why := complaint(shop, text))}

    named = {name for text in asked.values() for name in NAME.findall(text)}
    assert complaints == {}
    assert named - exported == set()


def page(url: str) -> str:
    """What a scraper reads."""
    with urllib.request.urlopen(url, timeout=10) as answer:
        return str(answer.read().decode())


def complaint(shop: Shop, query: str) -> str:
    """What Prometheus has against a query; "" for nothing."""
    url = f"{shop.place.prometheus.url}/api/v1/query?{urllib.parse.urlencode({'query': query})}"
    try:
        with urllib.request.urlopen(url, timeout=10):
            return ""
    except urllib.error.HTTPError as error:
        with error:
            return error.read().decode()
