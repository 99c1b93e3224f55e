"""Does each write lead to its goal, in place, and to nothing else?"""

from collections.abc import Mapping

import pytest

from rollout.migration.mtls_exceptions import unwritable
from rollout.migration.mtls_writes import (
    canary_gone,
    canary_problem,
    enrolled_label,
    opened,
    permissive_first,
    strict,
    strict_on,
)
from rollout.model.mesh import Labels, MeshNamespace, Mtls
from rollout.model.mesh_writes import WritePeer
from rollout.model.migration import Exemption, MigrationSpec
from tests.support.mesh import API, WEB, after, exemption, namespace, peer, pod, root_peer, words, workload

X: Labels = {"tier": "x"}


@pytest.mark.parametrize(
    ("ns", "writes"),
    [
        (namespace(), ["create default PERMISSIVE"]),
        (namespace(peer("old", Mtls.UNSET)), ["set old PERMISSIVE"]),
        (namespace(peer("old", Mtls.DISABLE)), ["set old PERMISSIVE"]),
        (namespace(peer("old", Mtls.STRICT)), ["set old PERMISSIVE"]),
        (namespace(peer("old", Mtls.PERMISSIVE)), []),
        (namespace(peer("b", Mtls.STRICT, born=1), peer("a", Mtls.PERMISSIVE, born=2)), ["set b PERMISSIVE"]),
        (namespace(peer("default", Mtls.DISABLE, selector=API)), ["create default-2 PERMISSIVE"]),
        (namespace(peer("old", Mtls.PERMISSIVE), peer("api", Mtls.STRICT, selector=API)), ["set api PERMISSIVE"]),
    ],
    ids=["nothing", "unset", "disable", "strict", "permissive", "duplicates", "name-taken", "workload"],
)
def test_before_enrolment_the_object_that_counts_says_permissive(ns: MeshNamespace, writes: list[str]) -> None:
    assert words(*permissive_first(ns, [])) == writes


@pytest.mark.parametrize(
    ("ns", "writes"),
    [
        (namespace(), ["create default PERMISSIVE"]),
        (namespace(peer("old", Mtls.UNSET)), ["set old PERMISSIVE"]),
        (namespace(peer("old", Mtls.DISABLE)), []),
        (namespace(peer("old", Mtls.PERMISSIVE)), []),
        (
            namespace(peer("old", Mtls.STRICT), peer("api", Mtls.STRICT, selector=API, ports={1: Mtls.STRICT})),
            ["set old PERMISSIVE", "set api PERMISSIVE 1:PERMISSIVE"],
        ),
        (namespace(peer("old", Mtls.PERMISSIVE), peer("api", Mtls.DISABLE, selector=API)), []),
    ],
    ids=["nothing", "unset", "disable", "permissive", "all", "disabled-workload"],
)
def test_a_fallback_under_a_strict_mesh_opens_what_is_strict_and_no_more(ns: MeshNamespace, writes: list[str]) -> None:
    assert words(*opened(ns, [root_peer()])) == writes


def test_a_fallback_writes_nothing_where_nothing_is_strict() -> None:
    assert opened(namespace(), [root_peer(Mtls.PERMISSIVE)]) == ()


def test_a_fallback_leaves_alone_what_can_never_count() -> None:
    older, behind = peer("api", Mtls.PERMISSIVE, selector=API, born=1), peer("b", Mtls.STRICT, selector=API, born=2)

    assert opened(namespace(peer(mode=Mtls.PERMISSIVE), older, behind), []) == ()


def test_a_write_in_place_names_the_version_that_was_seen() -> None:
    (write,) = opened(namespace(peer(mode=Mtls.STRICT, version="41")), [])

    assert write.version == "41"


def test_the_flip_is_the_last_write_and_in_place() -> None:
    ns = namespace(peer("old", Mtls.PERMISSIVE), pods=[pod()])

    writes = strict(ns, [], [exemption(API, 9090), exemption(WEB)])

    assert [word.split("-")[-1][8:] for word in words(*writes[:2])] == [" UNSET 9090:PERMISSIVE", " PERMISSIVE"]
    assert words(writes[2]) == ["set old STRICT"]


def test_nothing_is_left_to_write_when_the_namespace_is_strict_and_its_exceptions_stand() -> None:
    ns = namespace(peer(mode=Mtls.PERMISSIVE), pods=[pod()])

    left = after(ns, *strict(ns, [], [exemption(API, 9090)]))

    assert strict(left, [], [exemption(API, 9090)]) == ()


def test_a_namespace_without_an_object_gets_one_that_is_strict() -> None:
    assert words(*strict(namespace(), [], [])) == ["create default STRICT"]


def test_a_namespace_that_is_excepted_whole_is_never_flipped() -> None:
    assert strict(namespace(peer(mode=Mtls.PERMISSIVE)), [], [exemption()]) == ()


def test_the_root_namespace_is_never_flipped() -> None:
    root = root_peer(Mtls.PERMISSIVE)
    ns = namespace(root, name="istio-system")

    assert strict(ns, [root], []) == ()
    assert "the whole mesh" in unwritable(ns, [root], [])[0]


def canary(ns: MeshNamespace, *given: Exemption) -> WritePeer | None:
    mine = [one for one in ns.pods if one.workload == "Deployment api"]
    return strict_on(ns, [], workload(), mine, given)


def test_a_canary_is_a_new_object_for_its_workload() -> None:
    write = canary(namespace(peer(mode=Mtls.PERMISSIVE), pods=[pod(), pod("web-1", WEB)]))

    assert write is not None
    assert (write.name[:19], write.selector, write.mode) == ("rollout-canary-api-", API, Mtls.STRICT)


def test_a_canary_keeps_its_excepted_ports_open() -> None:
    write = canary(namespace(pods=[pod(labels={**API, **X})]), exemption(X, 80))

    assert write is not None
    assert write.ports == {80: Mtls.PERMISSIVE}


def test_a_canary_uses_the_object_that_its_pods_follow_already() -> None:
    theirs = peer("api", Mtls.UNSET, selector={**API, "v": "1"}, ports={90: Mtls.DISABLE})
    ns = namespace(theirs, pods=[pod(labels={**API, "v": "1"})])

    assert words(canary(ns, exemption(API, 80))) == ["set api STRICT 80:PERMISSIVE 90:DISABLE"]


def test_nothing_is_left_to_write_for_a_canary_that_is_strict() -> None:
    ns = namespace(peer(mode=Mtls.PERMISSIVE), pods=[pod()])

    assert canary(after(ns, canary(ns))) is None


@pytest.mark.parametrize(
    ("ns", "given", "why"),
    [
        (namespace(), [], "has no pods"),
        (namespace(pods=[pod()]), [exemption(API)], "is excepted"),
        (
            namespace(peer("x", selector=X), pods=[pod(), pod("api-2", {**API, **X})]),
            [],
            "follow different PeerAuthentications",
        ),
        (namespace(pods=[pod(labels=WEB)]), [], "have its labels"),
        (namespace(pods=[pod(), pod("copy-1")]), [], "pod copy-1 would become STRICT as well"),
        (
            namespace(peer("x", selector=X), pods=[pod(labels={**API, **X}), pod("web-1", {**WEB, **X})]),
            [],
            "pod web-1 would become STRICT as well",
        ),
    ],
)
def test_a_workload_that_cannot_be_strict_alone_is_no_canary(
    ns: MeshNamespace, given: list[Exemption], why: str
) -> None:
    mine = [one for one in ns.pods if one.workload == "Deployment api"]

    assert canary(ns, *given) is None
    assert why in canary_problem(ns, [], workload(), mine, given)


def test_a_canary_goes_once_the_namespace_is_strict() -> None:
    ns = namespace(peer(mode=Mtls.PERMISSIVE), pods=[pod()])
    ns = after(ns, canary(ns))
    flipped = after(ns, *strict(ns, [], []))

    assert canary_gone(ns, []) == ()
    assert [write.name for write in canary_gone(flipped, [])] == [one.name for one in ns.peers if one.ours]


def test_a_canary_that_keeps_a_port_open_stays() -> None:
    ns = namespace(peer(mode=Mtls.PERMISSIVE), pods=[pod()])
    ns = after(ns, canary(ns, exemption(API, 80)))
    flipped = after(ns, *strict(ns, [], [exemption(API, 80)]))

    assert canary_gone(flipped, []) == ()


def test_of_two_canaries_that_keep_the_same_port_open_one_stays() -> None:
    twins = [
        peer(f"rollout-canary-{n}", Mtls.STRICT, selector=API, ports={80: Mtls.PERMISSIVE}, ours="m") for n in "ab"
    ]
    ns = namespace(peer(mode=Mtls.STRICT), *twins, pods=[pod()])

    assert [write.name for write in canary_gone(ns, [])] == ["rollout-canary-a"]


def test_a_users_object_with_a_canarys_name_stays() -> None:
    theirs = peer("rollout-canary-api-1", Mtls.STRICT, selector=API)

    assert canary_gone(namespace(peer(mode=Mtls.STRICT), theirs), []) == ()


def test_a_canary_that_a_fallback_opened_follows_the_namespace_again_before_the_flip() -> None:
    ns = namespace(peer(mode=Mtls.PERMISSIVE), pods=[pod()])
    ns = after(ns, canary(ns))
    ns = after(ns, *opened(ns, []))

    writes = strict(ns, [], [])

    assert [(write.name[:14], write.mode) for write in writes] == [
        ("rollout-canary", Mtls.UNSET),
        ("default", Mtls.STRICT),
    ]


def test_a_canary_that_a_fallback_opened_keeps_a_new_exception_when_it_follows_the_namespace() -> None:
    ours = peer("rollout-canary-api", Mtls.PERMISSIVE, selector=API, ours="m")
    ns = namespace(peer(mode=Mtls.PERMISSIVE), ours, pods=[pod()])

    writes = strict(ns, [], [exemption(API, 80, Mtls.DISABLE)])

    assert words(*writes) == ["set rollout-canary-api UNSET 80:DISABLE", "set default STRICT"]


@pytest.mark.parametrize(
    ("labels", "revision", "wanted"),
    [
        ({}, "", {"istio-injection": "enabled"}),
        ({"istio-injection": "disabled"}, "", {"istio-injection": "enabled"}),
        ({"istio.io/rev": "old"}, "", {"istio-injection": "enabled", "istio.io/rev": None}),
        ({"istio-injection": "enabled"}, "", None),
        ({}, "stable", {"istio.io/rev": "stable"}),
        ({"istio-injection": "disabled"}, "stable", {"istio.io/rev": "stable", "istio-injection": None}),
        ({"istio.io/rev": "stable"}, "stable", None),
    ],
)
def test_one_label_alone_says_that_pods_get_a_proxy(
    labels: Labels, revision: str, wanted: Mapping[str, str | None] | None
) -> None:
    write = enrolled_label(namespace(labels=labels), MigrationSpec(name="m", waves=(), revision=revision))

    assert (write.labels if write else None) == wanted
