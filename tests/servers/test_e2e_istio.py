"""Does the main scenario work on a real Istio data path, judged by Istio's metrics?

Each way of naming revisions lives through three releases; each test looks at one thing that happened to it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from math import sqrt
from typing import Any

import pytest

from tests.servers.load import Report
from tests.servers.mesh import Mesh
from tests.servers.meshshop import MeshShop, Way, opened
from tests.servers.process import eventually

pytestmark = pytest.mark.e2e

REQUESTS = 2000
STANDING: dict[str, Any] = {"steps": [{"weight": 10, "soak": "1h"}, {"weight": 50, "soak": "1h"}]}
WAYS = {
    "Service per revision, on the gateway": Way(app="cart", caller="gateway", by_subset=False),
    "subsets, on a sidecar under mTLS": Way(app="pay", caller="client", by_subset=True),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """What happened: v2 was good, v3 failed 20 % of its requests, v4 was promoted step by step by a person."""

    way: Way
    good: Report
    after_good: Report
    subsets: tuple[list[str], ...]  # our DestinationRule's: after v2, while v3 was on trial, after it had gone
    after_bad: Report
    verdicts: list[dict[str, Any]]  # of v3
    shares: dict[int, Report]  # of v4, by weight


@pytest.fixture(scope="module", params=list(WAYS.values()), ids=list(WAYS))
def story(request: pytest.FixtureRequest, mesh: Mesh, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    """All three releases under load."""
    way: Way = request.param
    with opened(mesh, way, tmp_path_factory.mktemp(way.app)) as shop:
        assert shop.reaches(phase="Idle", stableRevision="v1"), shop.told()
        with shop.busy() as good:
            shop.release("v2")
            assert shop.reaches(phase="Idle", stableRevision="v2"), shop.told()
            assert shop.forgets("v1"), shop.told()
        subsets, after_good = [shop.subsets()], shop.count(200)
        with shop.busy():
            shop.release("v3", error_percent=20)
            assert shop.gives("v3", 10), shop.told()
            subsets.append(shop.subsets())
            assert shop.reaches(phase="Failed", stableRevision="v2"), shop.told()
            assert shop.forgets("v3"), shop.told()
        verdicts, after_bad = shop.status()["verdicts"], shop.count(200)
        eventually(lambda: "v3" not in shop.subsets())
        subsets.append(shop.subsets())
        yield Story(
            way=way,
            good=good,
            after_good=after_good,
            subsets=tuple(subsets),
            after_bad=after_bad,
            verdicts=verdicts,
            shares=measured(shop),
        )


def measured(shop: MeshShop) -> dict[int, Report]:
    """Who answered at each weight of v4."""
    found: dict[int, Report] = {}
    shop.release("v4", **STANDING)
    for weight, order in ((10, "promote"), (50, "promote-full"), (100, "")):
        assert shop.gives("v4", weight), shop.told()
        found[weight] = shop.count(REQUESTS)
        answer = shop.order(order) if order else None
        assert answer is None or answer.returncode == 0, answer
    return found


def test_a_good_commit_is_promoted(story: Story) -> None:
    assert story.after_good.by_version == {"v2": 200}


def test_no_request_of_a_good_release_fails(story: Story) -> None:
    assert (story.good.failed, story.good.broken) == (0, [])


def test_both_revisions_serve_while_the_good_one_is_on_trial(story: Story) -> None:
    assert story.good.by_version.keys() == {"v1", "v2"}


def test_a_commit_whose_revision_fails_20_percent_is_rolled_back_by_istios_metrics(story: Story) -> None:
    assert story.after_bad.by_version == {"v2": 200}
    assert [(one["verdict"], one["code"]) for one in story.verdicts] == [("FAIL", "AboveLimit")]


def test_subsets_of_our_own_come_and_go_with_the_revisions(story: Story) -> None:
    wanted = (["v2"], ["v2", "v3"], ["v2"]) if story.way.by_subset else ([], [], [])

    assert story.subsets == wanted


@pytest.mark.parametrize("weight", [10, 50])
def test_the_measured_share_of_2000_requests_is_the_weight(story: Story, weight: int) -> None:
    expected = REQUESTS * weight / 100
    deviation = sqrt(expected * (1 - weight / 100))

    assert abs(story.shares[weight].by_version["v4"] - expected) <= 4.5 * deviation


def test_a_weight_of_100_sends_everything(story: Story) -> None:
    assert story.shares[100].by_version == {"v4": REQUESTS}
