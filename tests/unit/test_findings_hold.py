"""Does what the preflight checks found hold a namespace also in the looks in which they do not run?"""

import pytest

from rollout.migration.fleet import Fleet
from rollout.migration.gates import holds
from rollout.migration.graph import calls_of
from rollout.migration.view import View
from rollout.model.migration import MigrationSpec, MigrationStatus, NamespaceStatus, Stage, Wave
from rollout.model.migration_seen import NamespaceSeen, PlaintextLook
from tests.support.mesh import NOON, namespace, pod

SPEC = MigrationSpec(name="to-strict", waves=(Wave(name="all", namespaces=("shop",)),))


def codes(stage: Stage, blocked: int = 0, warned: int = 0) -> set[str]:
    """What holds shop in a look without checks, five minutes after the last ones."""
    known = NamespaceStatus(name="shop", stage=stage, blocked=blocked, warned=warned, looked=NOON)
    fleet = Fleet(
        spec=SPEC,
        status=MigrationStatus(namespaces=(known,)),
        calls=calls_of(()),
        enrolled=frozenset(),
        rollouts={},
        frozen="",
        now=NOON,
    )
    seen = NamespaceSeen(namespace=namespace(pods=[pod()]), answers={}, plaintext=PlaintextLook(), findings=None)
    return {reason.code for reason in holds(View(status=known, seen=seen, fleet=fleet, root=(), now=NOON))}


@pytest.mark.parametrize("stage", [Stage.OBSERVING, Stage.REHEARSAL])
def test_a_finding_that_blocks_holds_until_the_checks_run_again(stage: Stage) -> None:
    assert "PreflightBlocks" in codes(stage, blocked=1)


@pytest.mark.parametrize("stage", [Stage.OBSERVING, Stage.REHEARSAL])
def test_a_warning_that_nobody_took_holds_until_the_checks_run_again(stage: Stage) -> None:
    assert "Unacknowledged" in codes(stage, warned=2)


@pytest.mark.parametrize("stage", [Stage.OBSERVING, Stage.REHEARSAL])
def test_where_nothing_was_found_nothing_holds(stage: Stage) -> None:
    assert codes(stage).isdisjoint({"PreflightBlocks", "Unacknowledged"})
