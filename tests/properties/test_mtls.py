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
from rollout.model.mesh_writes import LabelNamespace, MeshWrite, RemovePeer, RestartWorkload
from rollout.model.migration import Exemption, MigrationSpec
from tests.support.mesh import NOON, exemption, namespace, objects_of, peer, pod, root_peer, workload
from tests.support.mesh import after as performed

PORTS = (8080, 9000)
PODS: tuple[Labels, ...] = (
    {"app": "api"},
    {"app": "api", "tier": "x"},
    {"app": "web"},
    {"app": "web", "tier": "x"},
)
SELECTORS: tuple[Labels, ...] = ({"app": "api"}, {"app": "web"}, {"tier": "x"}, {"app": "api", "tier": "x"})
ALL_PORTS = (ANY_PORT, *PORTS)

_modes = st.sampled_from(Mtls)
_ports = st.dictionaries(st.sampled_from(PORTS), _modes, max_size=2)
_born = st.integers(-1, 0)


@st.composite
def peers(draw: st.DrawFn, make: Callable[..., PeerAuth] = peer, most: int = 4) -> tuple[PeerAuth, ...]:
    """Up to so many, often of the same second and for the same pods."""
    made = []
    for name in draw(st.lists(st.sampled_from(("default", "a", "y", "z")), unique=True, max_size=most)):
        selector = draw(st.sampled_from(({}, *SELECTORS)))
        ports = draw(_ports) if selector else {}
        made.append(make(name=name, mode=draw(_modes), selector=selector, ports=ports, born=draw(_born)))
    return tuple(made)


@st.composite
def namespaces(draw: st.DrawFn) -> MeshNamespace:
    """Any policies over up to four pods of two Deployments."""
    labels = draw(st.lists(st.sampled_from(PODS), min_size=1, max_size=4))
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
roots = st.just((root_peer(),)) | peers(root_peer, 2)


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
    return performed(ns, *writes, now=NOON + timedelta(seconds=seconds))


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


@given(namespaces(), roots, st.data())
def test_a_fallback_opens_all_that_is_or_could_be_in_any_order(
    ns: MeshNamespace, root: tuple[PeerAuth, ...], data: st.DataObject
) -> None:
    before = everywhere(ns, root)
    writes = data.draw(st.permutations(opened(ns, root)))

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


@given(namespaces(), roots, exceptions, st.sampled_from(("api", "web")))
def test_a_canary_makes_its_own_pods_strict_and_nothing_else(
    ns: MeshNamespace, root: tuple[PeerAuth, ...], excepted: list[Exemption], name: str
) -> None:
    ns = after(ns, permissive_first(ns, root))
    mine = [one for one in ns.pods if one.workload == f"Deployment {name}"]

    write = strict_on(ns, root, workload(name), mine, excepted)

    left = after(ns, [write] if write else [], 1)
    assert bool(write) is not bool(canary_problem(ns, root, workload(name), mine, excepted))
    assert {one for one, _ in _strict(left, root)} == ({one.name for one in mine} if write else set())
    assert not _strict(left, root) & _excepted(ns, excepted)


@given(namespaces(), roots, exceptions, st.sampled_from(("api", "web")))
def test_a_canary_that_goes_after_the_flip_changes_no_mode(
    ns: MeshNamespace, root: tuple[PeerAuth, ...], excepted: list[Exemption], name: str
) -> None:
    ns = after(ns, permissive_first(ns, root))
    mine = [one for one in ns.pods if one.workload == f"Deployment {name}"]
    write = strict_on(ns, root, workload(name), mine, excepted)
    ns = after(ns, [write] if write else [], 1)
    ns = after(ns, strict(ns, root, excepted), 2)

    left = after(ns, canary_gone(ns, root))

    assert _strict(left, root) == _strict(ns, root)
    assert canary_gone(left, root) == ()


MOVES = ("permissive", "enrol", "restart", "canary", "strict", "open", "gone")


def moved(ns: MeshNamespace, root: Sequence[PeerAuth], excepted: Sequence[Exemption], move: str) -> MeshNamespace:
    """The namespace after one move, as a migration might make it, or after a part of one."""
    label = enrolled_label(ns, MigrationSpec(name="to-strict", waves=()))
    api = [one for one in ns.pods if one.workload == "Deployment api"]
    canary = strict_on(ns, root, workload("api"), api, excepted)
    restarts = [
        RestartWorkload(kind="Deployment", namespace="shop", name=name, version="1", at=NOON) for name in ("api", "web")
    ]
    writes: Mapping[str, Sequence[MeshWrite]] = {
        "permissive": permissive_first(ns, root),
        "enrol": [label] if label else [],
        "restart": restarts,
        "canary": [canary] if canary else [],
        "strict": strict(ns, root, excepted)[:1],
        "open": opened(ns, root),
        "gone": canary_gone(ns, root),
    }
    return after(ns, writes[move], 5)


@given(namespaces(), roots, exceptions, st.lists(st.sampled_from(MOVES), max_size=12), st.booleans())
def test_a_rollback_gives_back_what_was_and_takes_away_what_we_made(
    ns: MeshNamespace, root: tuple[PeerAuth, ...], excepted: list[Exemption], moves: list[str], was_enrolled: bool
) -> None:
    meshed = tuple(replace(one, meshed=was_enrolled) for one in ns.pods)
    ns = replace(ns, labels={"istio-injection": "enabled"} if was_enrolled else {}, pods=meshed)
    kept = snapshot(ns, objects_of(ns), NOON)
    left = ns
    for move in moves:
        left = moved(left, root, excepted, move)

    for _ in range(30):
        created = [one.uid for one in left.peers if one.ours]
        writes = restored(left, root, kept, created, NOON + timedelta(hours=1))
        if not writes:
            break
        if isinstance(writes[0], LabelNamespace | RestartWorkload):
            assert Mtls.STRICT not in everywhere(left, root).values()
        if isinstance(writes[0], RemovePeer) and composed({}, ANY_PORT, (), root) is Mtls.STRICT:
            assert next(one for one in left.peers if one.name == writes[0].name).selector
        left = after(left, writes[:1], 3600)

    theirs = [next(one for one in left.peers if one.name == was.name) for was in ns.peers]
    assert [one for one in left.peers if not one.ours and one not in theirs] == []
    assert [(one.name, one.uid, one.created, one.spec) for one in theirs] == [
        (one.name, one.uid, one.created, one.spec) for one in ns.peers
    ]
    assert (left.labels, [one.meshed for one in left.pods]) == (ns.labels, [one.meshed for one in ns.pods])
    assert rollback_waits(left, kept) == ()
    ours = [one for one in left.peers if one.ours]
    assert [(one.selector, one.mode) for one in ours] == [({}, Mtls.PERMISSIVE)] * len(ours)
    assert bool(ours) is bool(kept_open(left, root, [one.uid for one in ours]))
    assert not ours or composed({}, ANY_PORT, (), root) is Mtls.STRICT


@given(namespaces(), roots, exceptions)
def test_where_nothing_blocks_a_flip_leaves_nothing_open_but_exceptions_and_what_a_warning_named(
    ns: MeshNamespace, root: tuple[PeerAuth, ...], excepted: list[Exemption]
) -> None:
    warned = {finding.object for finding in conflicts(ns, root, (), excepted) if finding.check == "PA-01"}
    ns = after(ns, permissive_first(ns, root))
    ns = after(ns, strict(ns, root, excepted), 1)

    open_pods = left_open(ns, root, excepted) if not unwritable(ns, root, excepted) else ()

    labels = {one.name: one.labels for one in live(ns)}
    for name, port, _ in open_pods:
        by = effective_for(labels[name], port, ns.peers, root).by
        assert str(by) in warned
