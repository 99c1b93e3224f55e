"""Is what was opened for exceptions that are gone taken back, that alone, and deleted only where nothing changes by it?"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

import pytest

from rollout.migration.mtls_leaving import closed_by, emptied, leaving, raises
from rollout.model.mesh import MeshNamespace, Mtls, PeerAuth
from rollout.model.mesh_writes import KeptObject, Snapshot
from rollout.model.migration import Exemption
from tests.support.mesh import API, NOON, exemption, namespace, peer, pod, words, workload

OPEN, CANARY = "rollout-open-98-0123", "rollout-canary-api-0123"
STRICT, FREE, NONE = Mtls.STRICT, Mtls.PERMISSIVE, Mtls.UNSET


def ours(name: str = OPEN, mode: Mtls = NONE, ports: Mapping[int, Mtls] | None = None) -> PeerAuth:
    """An object of ours for the pods of api."""
    written = frozenset({"mode", *map(str, ports or {})})
    return peer(name, mode, selector=API, ports=ports, ours="to-strict", written=written)


def shop(*peers: PeerAuth, wide: Mtls = STRICT) -> MeshNamespace:
    """shop with a pod of api; its own mode is STRICT where nothing is said."""
    return namespace(peer(mode=wide, ours="to-strict"), *peers, pods=[pod()], workloads=(workload(),))


def kept(spec: str = "{}", uid: str = "uid-own") -> Snapshot:
    """shop as it was: with somebody's object of the name own."""
    one = KeptObject(kind="PeerAuthentication", name="own", uid=uid, spec=spec, labels={}, annotations={})
    return Snapshot(namespace="shop", taken=NOON - timedelta(days=2), objects=(one,))


@pytest.mark.parametrize(
    ("there", "given", "write"),
    [
        (ours(ports={80: FREE}), [], [f"set {OPEN} UNSET"]),
        (ours(ports={80: FREE, 90: FREE}), [exemption(API, 90)], [f"set {OPEN} UNSET 90:PERMISSIVE"]),
        (ours(ports={80: FREE}), [exemption(API, 80)], []),
        (ours(ports={80: Mtls.DISABLE}), [exemption(API, 80)], [f"set {OPEN} UNSET 80:PERMISSIVE"]),
        (ours(ports={80: FREE}), [exemption(None, 80)], []),
        (ours(mode=FREE), [], [f"set {OPEN} UNSET"]),
        (ours(mode=FREE), [exemption(API)], []),
        (ours(mode=FREE, ports={80: FREE}), [exemption(API)], []),
        (ours(mode=STRICT, ports={80: FREE}), [], [f"set {OPEN} STRICT"]),
        (ours(mode=STRICT), [], []),
        (ours(CANARY, STRICT, {80: FREE}), [], [f"set {CANARY} STRICT"]),
        (ours(CANARY, FREE), [], []),  # what a fallback opened is no exception's
    ],
)
def test_what_we_opened_for_exceptions_that_are_gone_is_taken_back(
    there: PeerAuth, given: list[Exemption], write: list[str]
) -> None:
    assert words(*leaving(shop(there), given, None)) == write


@pytest.mark.parametrize(
    ("ports", "before", "write"),
    [
        ({80: FREE}, kept(), ["set own UNSET"]),
        ({80: FREE}, kept('{"portLevelMtls":{"80":{"mode":"STRICT"}}}'), []),
        ({80: STRICT}, kept(), []),
        ({80: FREE}, kept(uid="another"), []),
        ({80: FREE}, None, []),
    ],
)
def test_in_a_foreign_object_only_ports_that_we_added_are_taken_back(
    ports: Mapping[int, Mtls], before: Snapshot | None, write: list[str]
) -> None:
    own = peer("own", selector=API, ports=ports, written=frozenset({"80"}))

    assert words(*leaving(shop(own), [], before)) == write


def test_what_somebody_wrote_since_is_left_alone() -> None:
    own = peer("own", selector=API, ports={80: FREE})
    open_by_hand = replace(ours(mode=FREE, ports={80: FREE}), written=frozenset())

    assert leaving(shop(own, open_by_hand), [], kept()) == ()


def test_an_exception_that_has_expired_is_not_gone() -> None:
    over = replace(exemption(API, 80), expires=(NOON - timedelta(days=9)).date())

    assert leaving(shop(ours(ports={80: FREE})), [over], None) == ()


@pytest.mark.parametrize("wide", [STRICT, FREE])
def test_what_would_be_strict_is_told_whether_the_namespace_is_so_yet_or_not(wide: Mtls) -> None:
    ns = shop(ours(ports={8080: FREE}), wide=wide)

    assert closed_by(ns, [], [], None) == (("api-1", 8080), (f"pods of PeerAuthentication {OPEN}", 8080))
    assert raises(ns, [], leaving(ns, [], None)[0]) is (wide is STRICT)


def test_nothing_would_be_strict_where_an_older_object_keeps_it_open() -> None:
    older = peer("own", FREE, selector=API, born=-60)

    assert closed_by(shop(older, ours(ports={8080: FREE})), [], [], None) == ()


@pytest.mark.parametrize(
    ("there", "wide", "goes"),
    [
        (ours(), STRICT, True),
        (ours(mode=STRICT), STRICT, True),
        (ours(mode=STRICT), FREE, False),
        (ours(mode=FREE), FREE, False),
        (ours(ports={80: FREE}), STRICT, False),
        (peer("own", selector=API), STRICT, False),
    ],
)
def test_an_object_of_ours_is_deleted_once_every_pod_meets_the_same_without_it(
    there: PeerAuth, wide: Mtls, goes: bool
) -> None:
    assert bool(emptied(shop(there, wide=wide), [])) is goes


def test_what_nobody_follows_now_is_closed_for_those_to_come() -> None:
    ns = replace(shop(ours(ports={8080: FREE})), pods=())

    assert closed_by(ns, [], [], None) == ((f"pods of PeerAuthentication {OPEN}", 8080),)
