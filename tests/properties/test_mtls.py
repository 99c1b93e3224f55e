"""Do the mode in force and our writes hold for any namespace that users may have made?"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from rollout.migration.mtls import ANY_PORT, effective, effective_for, live, namespace_wide, possible, selecting
from rollout.migration.mtls_conflicts import conflicts
from rollout.migration.mtls_exceptions import left_open, unwritable
from rollout.migration.mtls_restore import kept_open, restored, rollback_waits, snapshot
from rollout.migration.mtls_writes import (
    canary_gone,
    canary_problem,
    enrolled_label,
    opened,
    permissive_first,
    strict,
    strict_on,
)
from rollout.model.mesh import Labels, MeshNamespace, Mtls, PeerAuth
from rollout.model.mesh_writes import LabelNamespace, MeshWrite, RestartWorkload
from rollout.model.migration import Exemption, MigrationSpec
from tests.support.mesh import NOON, applied, exemption, namespace, objects_of, peer, pod, root_peer, workload

APPS, TIERS, PORTS = ("api", "web"), ("", "x", "y"), (8080, 9000)
PODS: tuple[Labels, ...] = tuple(
    {"app": app, "tier": tier} if tier else {"app": app} for app, tier in product(APPS, TIERS)
)
SELECTORS: tuple[Labels, ...] = ({"app": "api"}, {"app": "web"}, {"tier": "x"}, {"app": "api", "tier": "x"})
ALL_PORTS = (ANY_PORT, *PORTS)

_modes = st.sampled_from(Mtls)
_ports = st.dictionaries(st.sampled_from(PORTS), _modes, max_size=2)
_born = st.integers(-2, 0)


@st.composite
def peers(draw: st.DrawFn, make: Callable[..., PeerAuth] = peer, most: int = 5) -> tuple[PeerAuth, ...]:
    """Up to so many, often of the same second and for the same pods."""
    names = draw(st.lists(st.sampled_from(("default", "a", "b", "y", "z")), unique=True, max_size=most))
    made = []
    for name in sorted(names):
        selector = draw(st.just({}) | st.sampled_from(SELECTORS))
        ports = draw(_ports) if selector else {}
        made.append(make(name=name, mode=draw(_modes), selector=selector, ports=ports, born=draw(_born)))
    return tuple(made)


@st.composite
def namespaces(draw: st.DrawFn) -> MeshNamespace:
    """Any policies over up to four pods of two Deployments."""
    labels = draw(st.lists(st.sampled_from(PODS), max_size=4))
    pods = [
        pod(f"{one['app']}-{number}", one, *draw(st.sampled_from((PORTS, (8080,)))))
        for number, one in enumerate(labels)
    ]
    return namespace(*draw(peers()), pods=pods, workloads=(workload("api"), workload("web")))


exceptions = st.lists(
    st.builds(
        exemption,
        st.none() | st.sampled_from(SELECTORS),
        st.sampled_from(PORTS),
        st.sampled_from((Mtls.PERMISSIVE, Mtls.DISABLE)),
    )
    | st.builds(exemption, st.sampled_from(SELECTORS)),
    max_size=3,
)
roots = peers(root_peer, 2)


def composed(labels: Labels, port: int, mine: Sequence[PeerAuth], root: Sequence[PeerAuth]) -> Mtls:
    """The mode, from the mesh down: each level overwrites what it has an opinion on, as Istio composes it."""

    def oldest(found: list[PeerAuth]) -> PeerAuth | None:
        best = None
        for one in found:
            if best is None or one.created < best.created or (one.created == best.created and one.name < best.name):
                best = one
        return best

    levels = [
        oldest([one for one in root if not one.selector]),
        oldest([one for one in mine if not one.selector]),
        oldest(
            [one for one in mine if one.selector and all(labels.get(key) == one.selector[key] for key in one.selector)]
        ),
    ]
    said = [level.mode for level in levels if level is not None]
    if levels[2] is not None and port in levels[2].ports:
        said.append(levels[2].ports[port])
    mode = Mtls.PERMISSIVE
    for word in said:
        mode = mode if word == "UNSET" else word
    return mode


def everywhere(ns: MeshNamespace, root: Sequence[PeerAuth]) -> Mapping[tuple[str, int], Mtls]:
    """By the oracle, for every pod that could be made, and every port."""
    return {(str(labels), port): composed(labels, port, ns.peers, root) for labels in ({}, *PODS) for port in ALL_PORTS}


def after(ns: MeshNamespace, writes: Sequence[MeshWrite], seconds: int = 0) -> MeshNamespace:
    for write in writes:
        ns = applied(ns, write, NOON + timedelta(seconds=seconds))
    return ns


@given(namespaces(), roots)
def test_the_mode_in_force_is_what_istio_composes(ns: MeshNamespace, root: tuple[PeerAuth, ...]) -> None:
    found = {(one.name, port): effective(one, port, ns.peers, root).mode for one in ns.pods for port in ALL_PORTS}

    assert found == {
        (one.name, port): composed(one.labels, port, ns.peers, root) for one in ns.pods for port in ALL_PORTS
    }


@given(namespaces(), roots)
def test_a_few_pods_stand_for_all_that_could_be_made(ns: MeshNamespace, root: tuple[PeerAuth, ...]) -> None:
    table = possible(ns.peers, root)

    for labels, port in product(({}, *PODS), ALL_PORTS):
        followed = selecting(labels, ns.peers, root)
        known = followed is not None and port in followed.ports
        place = (followed.name if followed else "", port if known else ANY_PORT)
        assert table[place] is composed(labels, port, ns.peers, root)


@given(namespaces(), roots, st.randoms())
def test_a_fallback_opens_all_that_is_or_could_be_in_any_order(
    ns: MeshNamespace, root: tuple[PeerAuth, ...], random: object
) -> None:
    before = everywhere(ns, root)
    writes = list(opened(ns, root))
    random.shuffle(writes)  # type: ignore[attr-defined]

    left = after(ns, writes)

    assert everywhere(left, root) == {place: _weak(mode) for place, mode in before.items()}
    assert opened(left, root) == ()


def _weak(mode: Mtls) -> Mtls:
    return Mtls.PERMISSIVE if mode is Mtls.STRICT else mode


@given(namespaces(), roots)
def test_before_enrolment_the_namespace_itself_says_permissive_and_nothing_is_strict(
    ns: MeshNamespace, root: tuple[PeerAuth, ...]
) -> None:
    left = after(ns, permissive_first(ns, root))

    wide = namespace_wide(left.peers)
    assert wide is not None
    assert wide.mode is Mtls.PERMISSIVE
    assert Mtls.STRICT not in everywhere(left, root).values()
    assert permissive_first(left, root) == ()


@given(namespaces(), roots, exceptions, st.sampled_from((0, 1)))
def test_on_the_way_to_strict_nothing_is_strict_early_and_no_exception_ever(
    ns: MeshNamespace, root: tuple[PeerAuth, ...], excepted: list[Exemption], step: int
) -> None:
    ns = after(ns, permissive_first(ns, root))
    flips = 0

    for second in range(30):
        writes = strict(ns, root, excepted)
        if not writes:
            break
        was = _strict(ns, root)
        ns = after(ns, writes[:1], 1 + second * step)
        flips += _strict(ns, root) > was
        wide = namespace_wide(ns.peers)
        assert not _strict(ns, root) or (wide is not None and wide.mode is Mtls.STRICT)
        assert not _strict(ns, root) & _excepted(ns, excepted)

    assert strict(ns, root, excepted) == ()
    assert flips <= 1
    wide = namespace_wide(ns.peers)
    assert (wide is not None and wide.mode is Mtls.STRICT) or unwritable(ns, root, excepted)


def _strict(ns: MeshNamespace, root: Sequence[PeerAuth]) -> set[tuple[str, int]]:
    return {
        (one.name, port)
        for one in ns.pods
        for port in ALL_PORTS
        if composed(one.labels, port, ns.peers, root) is Mtls.STRICT
    }


def _excepted(ns: MeshNamespace, excepted: Sequence[Exemption]) -> set[tuple[str, int]]:
    return {
        (one.name, port)
        for one in ns.pods
        for exception in excepted
        for port in ALL_PORTS
        if exception.workload.items() <= one.labels.items() and exception.port in (None, port)
    }
