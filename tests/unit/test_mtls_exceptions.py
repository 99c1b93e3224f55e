"""Does what is excepted stay open, and nothing besides it?"""

from collections.abc import Mapping
from datetime import timedelta

import pytest

from rollout.migration.mtls import effective
from rollout.migration.mtls_exceptions import excepted, left_open, unwritable
from rollout.migration.mtls_writes import strict
from rollout.model.mesh import Labels, MeshNamespace, Mtls
from rollout.model.migration import Exemption
from tests.support.mesh import API, NOON, WEB, after, exemption, namespace, peer, pod, words, workload

X: Labels = {"tier": "x"}


@pytest.mark.parametrize(
    ("theirs", "ports", "given", "write"),
    [
        (Mtls.UNSET, {}, exemption(API, 80), ["set api UNSET 80:PERMISSIVE"]),
        (Mtls.STRICT, {}, exemption(API, 80), ["set api STRICT 80:PERMISSIVE"]),
        (Mtls.UNSET, {80: Mtls.STRICT}, exemption(API, 80), ["set api UNSET 80:PERMISSIVE"]),
        (Mtls.UNSET, {80: Mtls.UNSET}, exemption(API, 80), ["set api UNSET 80:PERMISSIVE"]),
        (Mtls.UNSET, {80: Mtls.DISABLE}, exemption(API, 80), []),
        (Mtls.PERMISSIVE, {}, exemption(API, 80), []),
        (Mtls.STRICT, {80: Mtls.STRICT}, exemption(API), ["set api PERMISSIVE 80:PERMISSIVE"]),
        (Mtls.DISABLE, {}, exemption(API), []),
        (Mtls.UNSET, {}, exemption(API, mode=Mtls.DISABLE), ["set api DISABLE"]),
        (Mtls.UNSET, {}, exemption(None, 80), ["set api UNSET 80:PERMISSIVE"]),
        (Mtls.UNSET, {}, exemption(API, 80, Mtls.STRICT), []),
    ],
)
def test_an_exception_goes_into_the_object_that_its_pods_follow_and_only_weakens(
    theirs: Mtls, ports: Mapping[int, Mtls], given: Exemption, write: list[str]
) -> None:
    ns = namespace(peer("api", theirs, selector=API, ports=ports), pods=[pod()], workloads=(workload(),))

    assert words(*excepted(ns, [], [given])) == write


def test_exceptions_for_the_same_pods_share_an_object() -> None:
    (write,) = excepted(namespace(), [], [exemption(API, 9090), exemption(API, 80, Mtls.DISABLE)])

    assert (write.selector, write.ports) == (API, {80: Mtls.DISABLE, 9090: Mtls.PERMISSIVE})


@pytest.mark.parametrize("apart", [0, 1], ids=["one-second", "seconds-apart"])
def test_an_exception_for_fewer_pods_holds_what_one_for_more_says_and_counts_first(apart: int) -> None:
    ns = namespace(peer(mode=Mtls.PERMISSIVE), pods=[pod(labels={**API, **X})])

    for second, write in enumerate(strict(ns, [], [exemption(API, 80), exemption({**API, **X}, 90)])):
        ns = after(ns, write, now=NOON + timedelta(seconds=second * apart))

    found = {port: effective(ns.pods[0], port, ns.peers, []).mode for port in (80, 90, 100)}
    assert found == {80: Mtls.PERMISSIVE, 90: Mtls.PERMISSIVE, 100: Mtls.STRICT}


def test_a_port_of_the_whole_namespace_is_said_for_each_workload_and_bare_pod() -> None:
    bare = pod("job-1", {"run": "job", "pod-template-hash": "7f"}, workload="")
    ns = namespace(pods=[pod(), bare], workloads=(workload(template_labels={**API, "version": "1"}), workload("web")))

    writes = excepted(ns, [], [exemption(None, 80)])

    assert [write.selector for write in writes] == [API, WEB, {"run": "job"}]
    assert {write.mode for write in writes} == {Mtls.UNSET}


def test_a_port_of_the_whole_namespace_is_left_to_the_exception_of_its_pods() -> None:
    ns = namespace(pods=[pod(labels={**API, **X})], workloads=(workload(template_labels={**API, **X}),))

    (write,) = excepted(ns, [], [exemption(None, 80), exemption(X, 90)])

    assert (write.selector, write.ports) == (X, {80: Mtls.PERMISSIVE, 90: Mtls.PERMISSIVE})


@pytest.mark.parametrize(
    ("ns", "given"),
    [
        (namespace(peer("b", selector=X), pods=[pod(labels={**API, **X})]), exemption(API, 80)),
        (namespace(peer("b", selector=API), pods=[pod(labels={**API, **X})]), exemption({**API, **X}, 80)),
        (namespace(pods=[pod(labels={}, workload="")]), exemption(None, 80)),
    ],
    ids=["overlapping", "broader", "without-labels"],
)
def test_there_is_no_flip_while_an_exception_would_not_hold(ns: MeshNamespace, given: Exemption) -> None:
    left = after(ns, *excepted(ns, [], [given]))

    assert strict(left, [], [given]) == ()
    assert "would be STRICT on port 80" in unwritable(left, [], [given])[0]


def test_another_namespaces_exception_opens_nothing() -> None:
    ns = namespace(name="pay", pods=[pod()])

    assert words(*strict(ns, [], [exemption(API, 80)])) == ["create PeerAuthentication pay/default STRICT"]


def test_what_stays_open_without_an_exception_is_told() -> None:
    ns = namespace(
        peer(mode=Mtls.STRICT),
        peer("api", Mtls.UNSET, selector=API, ports={80: Mtls.PERMISSIVE, 90: Mtls.DISABLE}),
        pods=[pod("api-1", API, 80, 90)],
    )

    assert left_open(ns, [], [exemption(API, 80)]) == (("api-1", 90, Mtls.DISABLE),)
