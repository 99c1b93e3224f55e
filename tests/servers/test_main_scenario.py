"""Does a commit move real traffic, and does a bad revision come back by itself, on real servers from git to Envoy?

One shop lives through three releases; each test looks at one thing that happened to it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from subprocess import CompletedProcess
from typing import Any

import pytest

from tests.servers.cluster import Cluster
from tests.servers.load import Report
from tests.servers.prometheus import Prometheus
from tests.servers.shop import Place, Shop, opened, operated

pytestmark = [pytest.mark.server, pytest.mark.xdist_group("main")]

LONG: dict[str, Any] = {"steps": [{"weight": 10, "soak": "10m"}, {"weight": 50, "soak": "10m"}]}


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """What happened: v2 was good, v3 failed 5 % of its requests, v4 was steered by a person."""

    good: Report
    after_good: Report
    bad: Report
    after_bad: Report
    verdicts: list[dict[str, Any]]  # of v3
    answers: dict[str, "CompletedProcess[str]"]  # of the CLI, by verb
    after_abort: Report
    after_orders: Report


@pytest.fixture(scope="module")
def story(cluster: Cluster, prometheus: Prometheus, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    """All three releases, under 200 requests per second with connection reuse."""
    place = Place(cluster=cluster, prometheus=prometheus, directory=tmp_path_factory.mktemp("story"))
    with opened(place) as shop, operated(shop):
        assert shop.reaches(phase="Idle", stableRevision="v1"), shop.told()
        with shop.busy() as good:
            promoted(shop, "v2")
        after_good = shop.count(200)
        with shop.busy() as bad:
            shop.release("v3", error_percent=5)
            assert shop.reaches(phase="Failed", stableRevision="v2"), shop.told()
        verdicts, after_bad = shop.status()["verdicts"], shop.count(200)
        answers, after_abort = steered(shop)
        yield Story(
            good=good,
            after_good=after_good,
            bad=bad,
            after_bad=after_bad,
            verdicts=verdicts,
            answers=answers,
            after_abort=after_abort,
            after_orders=shop.count(200),
        )


def promoted(shop: Shop, revision: str) -> None:
    """A release, until the former stable left the route."""
    former = shop.status()["stableRevision"]
    shop.release(revision)
    assert shop.reaches(phase="Idle", stableRevision=revision), shop.told()
    assert shop.forgets(former)


def steered(shop: Shop) -> "tuple[dict[str, CompletedProcess[str]], Report]":
    """v4 is aborted, tried again and promoted by hand: what the CLI said, and who answered after the abort."""
    with shop.busy():
        shop.release("v4", **LONG)
        assert shop.gives("v4", 10), shop.told()
        abort = shop.order("abort", "checkout")
        assert shop.reaches(phase="Failed", stableRevision="v2"), shop.told()
        assert shop.gives("v4", 0), shop.told()
        after_abort = shop.count(200)
        retry = shop.order("retry", "checkout")
        assert shop.gives("v4", 10), shop.told()
        full = shop.order("promote-full", "checkout")
        assert shop.reaches(phase="Idle", stableRevision="v4"), shop.told()
        assert shop.gives("v4", 100), shop.told()
    return {"abort": abort, "retry": retry, "promote-full": full}, after_abort


def test_a_good_commit_is_promoted(story: Story) -> None:
    assert story.after_good.by_version == {"v2": 200}


def test_both_revisions_serve_while_the_good_one_is_on_trial(story: Story) -> None:
    assert story.good.by_version.keys() == {"v1", "v2"}


def test_not_one_request_fails_or_is_reset_over_all_weight_changes_of_a_good_release(story: Story) -> None:
    assert (story.good.failed, story.good.broken) == (0, [])


def test_a_commit_whose_revision_fails_5_percent_of_its_requests_is_rolled_back(story: Story) -> None:
    assert story.after_bad.by_version == {"v2": 200}


def test_the_rollback_names_the_objective_that_failed(story: Story) -> None:
    assert [(one["name"], one["verdict"], one["code"]) for one in story.verdicts] == [("errors", "FAIL", "AboveLimit")]


def test_a_bad_revision_costs_few_users_an_error_and_none_a_connection(story: Story) -> None:
    bad = story.bad

    assert bad.broken == []
    assert 0 < bad.failed <= bad.by_version["v3"] * 0.05


@pytest.mark.parametrize("verb", ["abort", "retry", "promote-full"])
def test_a_persons_order_is_accepted_with_exit_code_0(story: Story, verb: str) -> None:
    answer = story.answers[verb]

    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.startswith("Accepted: "), answer.stdout


def test_abort_brings_all_requests_back(story: Story) -> None:
    assert story.after_abort.by_version == {"v2": 200}


def test_promote_full_after_retry_brings_the_revision_live(story: Story) -> None:
    assert story.after_orders.by_version == {"v4": 200}
