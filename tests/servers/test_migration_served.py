"""Does a whole migration work on a real control plane, with exactly the rights that are shipped?

kube-apiserver, kube-controller-manager, istiod with its own injection webhook, Prometheus, `rollout serve` as a process;
only the proxies are played (`played.py`). The API server's audit log is the judge.
"""

import sys
from collections.abc import Iterator

import pytest

from tests.servers.cluster import Cluster
from tests.servers.fleet import a_fleet
from tests.servers.moved import IDLE, STEADY_S, Moves, moved
from tests.servers.prometheus import Prometheus
from tests.servers.rights import Right, granted, granted_for_moves

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("fleet")]

FALLBACK_S = 5.0  # two looks of 1 s, and one scrape; 1 s when idle


@pytest.fixture(scope="module")
def moves(cluster: Cluster, prometheus: Prometheus, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Moves]:
    """The whole life, once."""
    with a_fleet(cluster, prometheus, tmp_path_factory.mktemp("fleet")) as fleet:
        yield moved(fleet)


def test_istiod_itself_injects_a_native_sidecar_into_every_pod(moves: Moves) -> None:
    sidecars = [[one["name"] for one in pod["spec"]["initContainers"]] for pod in moves.injected]

    assert len(sidecars) == 9
    assert all("istio-proxy" in names for names in sidecars)


def test_a_plaintext_caller_keeps_a_namespace_from_strict_and_is_named(moves: Moves) -> None:
    assert moves.held
    assert moves.blocked["stage"] == "Observing"
    assert [one["workload"] for one in moves.blocked["callers"]] == ["web"]


def test_a_look_at_which_nothing_changed_asks_the_api_server_nothing(moves: Moves) -> None:
    sys.stdout.write(f"in {STEADY_S:g} s with a look a second: {dict(moves.steady)}\n")

    asked = {resource for _, resource in moves.steady}

    assert asked <= IDLE


def test_a_controller_killed_after_any_of_its_writes_goes_on(moves: Moves) -> None:
    assert [str(one) for one in moves.kills] == [
        "create configmaps rollout-system/mesh-to-strict.tools 201",
        "patch namespaces shop/shop 200",
        "patch deployments pay/bank 200",
        "patch peerauthentications shop/house 200",
    ]
    assert moves.strict == {"tools": "STRICT", "shop": "STRICT", "pay": "STRICT"}


def test_a_refused_caller_opens_the_namespace_within_seconds(moves: Moves) -> None:
    sys.stdout.write(
        f"from the scrape to PERMISSIVE {moves.fallback_s:.2f} s, from a command {moves.ordered_s:.2f} s\n"
    )

    assert moves.open_again == "PERMISSIVE"
    assert moves.fallen["stage"] == "FallenBack"
    assert moves.fallback_s < FALLBACK_S
    assert moves.ordered_s < FALLBACK_S


def test_it_is_tried_again_when_a_person_says_so(moves: Moves) -> None:
    assert moves.answers["retry"]["result"] == "Accepted"
    assert moves.tried_again in ("StrictSoak", "Done")


def test_a_pod_below_a_partition_is_evicted_once_for_each_direction(moves: Moves) -> None:
    assert set(moves.evictions) == {"shards-0"}
    assert len(moves.evictions) <= 4  # each may be sent once more before the watch has shown that the pod goes


def test_a_rollback_leaves_everything_as_it_was(moves: Moves) -> None:
    assert moves.after == moves.before
    assert moves.meshed_after == []


def test_people_read_of_it_in_events(moves: Moves) -> None:
    told = {one["reason"] for one in moves.events if one["regarding"]["kind"] == "MeshMigration"}

    assert {"Soaked", "LimitBroken", "Restored"} <= told


def test_nothing_that_was_asked_for_was_refused(moves: Moves) -> None:
    assert moves.life is not None
    assert moves.life.refused == ()


def test_the_rights_for_moves_are_those_that_the_audit_log_tells(moves: Moves) -> None:
    assert moves.life is not None

    needed = moves.life.needed({*granted(), *granted_for_moves()})

    assert sorted(needed - set(granted())) == sorted(set(granted_for_moves()) - set(granted()))


@pytest.mark.parametrize("right", granted_for_moves(), ids=" ".join)
def test_without_a_right_a_request_of_that_life_would_be_refused(moves: Moves, right: Right) -> None:
    assert moves.life is not None

    assert moves.life.refused_without({*granted(), *granted_for_moves()} - {right}) != []
