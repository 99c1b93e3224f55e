"""Does the plan of any namespace lead to STRICT, and through nothing STRICT before its turn?"""

from hypothesis import given
from hypothesis import strategies as st

from rollout.migration.mtls import modes, namespace_wide
from rollout.migration.mtls_exceptions import unwritable
from rollout.migration.mtls_writes import canary_gone, strict
from rollout.migration.stages import FORWARD
from rollout.migration.way import Way, way_of
from rollout.model.mesh import MeshNamespace, Mtls, PeerAuth
from rollout.model.migration import Exemption, MigrationSpec, NamespaceStatus, Stage, Wave
from rollout.model.migration_seen import NamespaceSeen
from tests.properties.test_mtls import exceptions, namespaces, roots
from tests.support.mesh import NOON

begun = st.sampled_from((Stage.PENDING, Stage.ENROLLING, Stage.OBSERVING, Stage.STRICT_CANARY, Stage.FALLEN_BACK))


def the_way(
    ns: MeshNamespace, root: tuple[PeerAuth, ...], excepted: list[Exemption], stage: Stage = Stage.PENDING
) -> Way:
    waves = (Wave(name="one", namespaces=("shop",)),)
    spec = MigrationSpec(name="to-strict", waves=waves, exceptions=tuple(excepted))
    seen = NamespaceSeen(namespace=ns, answers={})
    return way_of(spec, NamespaceStatus(name="shop", stage=stage), seen, root, NOON)


@given(namespaces(), roots, exceptions, begun)
def test_every_way_ends_where_no_rule_has_anything_left_to_write(
    ns: MeshNamespace, root: tuple[PeerAuth, ...], excepted: list[Exemption], stage: Stage
) -> None:
    way = the_way(ns, root, excepted, stage)

    assert way.strict is not None
    assert (strict(way.strict, root, excepted), canary_gone(way.strict, root)) == ((), ())
    wide = namespace_wide(way.strict.peers)
    assert unwritable(way.strict, root, excepted) or (wide is not None and wide.mode is Mtls.STRICT)


@given(namespaces(), roots, exceptions)
def test_nothing_is_strict_when_a_namespace_is_enrolled(
    ns: MeshNamespace, root: tuple[PeerAuth, ...], excepted: list[Exemption]
) -> None:
    way = the_way(ns, root, excepted)

    assert way.enrolled is not None
    assert Mtls.STRICT not in {one.mode for one in modes(way.enrolled, root).values()}


@given(namespaces(), roots, exceptions)
def test_the_steps_of_a_way_are_in_the_order_of_the_stages(
    ns: MeshNamespace, root: tuple[PeerAuth, ...], excepted: list[Exemption]
) -> None:
    places = [FORWARD.index(stage) for stage, _ in the_way(ns, root, excepted).steps]

    assert places == sorted(places)
