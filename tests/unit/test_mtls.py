"""Is the mode in force right for every level, mode, port and pair of duplicates?"""

from itertools import product

import pytest

from rollout.migration.mtls import ANY_PORT, Effective, effective, in_force, modes, possible
from rollout.model.mesh import Mtls, PeerAuth
from tests.support.mesh import API, WEB, namespace, peer, pod, root_peer

LEVELS = ("port", "workload", "namespace", "mesh")
SAID = tuple(product(Mtls, repeat=4))


def everything(port: Mtls, own: Mtls, wide: Mtls, mesh: Mtls) -> tuple[list[PeerAuth], list[PeerAuth]]:
    """One object on each level; the one with a selector speaks of port 8080 as well."""
    return [peer("api", own, selector=API, ports={8080: port}), peer("default", wide)], [root_peer(mesh)]


@pytest.mark.parametrize("said", SAID, ids="-".join)
def test_the_nearest_level_that_says_anything_decides(said: tuple[Mtls, Mtls, Mtls, Mtls]) -> None:
    peers, root = everything(*said)

    found = effective(pod(), 8080, peers, root)

    by = dict(zip(LEVELS, (peers[0], peers[0], peers[1], root[0]), strict=True))
    first = next((level for level, mode in zip(LEVELS, said, strict=True) if mode is not Mtls.UNSET), None)
    assert found == Effective(mode=said[LEVELS.index(first)], by=by[first]) if first else found.by is None


@pytest.mark.parametrize("said", SAID, ids="-".join)
def test_a_port_that_no_object_names_follows_the_workload(said: tuple[Mtls, Mtls, Mtls, Mtls]) -> None:
    peers, root = everything(*said)

    found = effective(pod(), 9000, peers, root)

    assert found.mode is next((mode for mode in said[1:] if mode is not Mtls.UNSET), Mtls.PERMISSIVE)


def test_without_any_object_all_is_permissive() -> None:
    assert effective(pod(), 8080, (), ()) == Effective(mode=Mtls.PERMISSIVE, by=None)


@pytest.mark.parametrize("level", ["workload", "namespace", "mesh"])
@pytest.mark.parametrize(("born", "winner"), [((1, 2), "z"), ((2, 1), "a"), ((1, 1), "a")])
@pytest.mark.parametrize("is_turned", [False, True])
@pytest.mark.parametrize("pair", list(product(Mtls, repeat=2)), ids="-".join)
def test_of_duplicates_the_oldest_alone_counts_and_of_one_second_the_first_name(
    level: str, born: tuple[int, int], winner: str, is_turned: bool, pair: tuple[Mtls, Mtls]
) -> None:
    selector = API if level == "workload" else {}
    space = "istio-system" if level == "mesh" else "shop"
    twins = [
        peer(name, mode, selector=selector, born=second, namespace=space)
        for name, mode, second in zip(("z", "a"), pair, born, strict=True)
    ]
    twins = twins[::-1] if is_turned else twins

    found = effective(pod(), 8080, [] if level == "mesh" else twins, twins if level == "mesh" else [])

    said = next(one.mode for one in twins if one.name == winner)
    assert found.mode is (Mtls.PERMISSIVE if said is Mtls.UNSET else said)


def test_an_older_object_hides_also_the_ports_of_a_younger_one() -> None:
    older = peer("z", Mtls.UNSET, selector=API, born=1)
    younger = peer("a", Mtls.UNSET, selector={"tier": "x"}, ports={8080: Mtls.DISABLE}, born=2)

    found = effective(pod(labels={**API, "tier": "x"}), 8080, [younger, older], [root_peer()])

    assert found == Effective(mode=Mtls.STRICT, by=root_peer())


def test_a_selector_takes_pods_that_have_all_of_its_labels() -> None:
    only = peer("one", Mtls.STRICT, selector={**API, "tier": "x"})

    found = [effective(pod(labels=labels), 8080, [only], []).mode for labels in (API, {**API, "tier": "x", "v": "1"})]

    assert found == [Mtls.PERMISSIVE, Mtls.STRICT]


@pytest.mark.parametrize("space", ["shop", "istio-system"])
def test_an_object_with_a_selector_in_the_root_namespace_counts_nowhere(space: str) -> None:
    root = [root_peer(Mtls.STRICT, name="api", selector=API)]
    own = root if space == "istio-system" else []

    found = effective(pod(namespace=space), 8080, own, root)

    assert found == Effective(mode=Mtls.PERMISSIVE, by=None)


def test_the_table_has_every_live_pod_with_its_ports_and_all_others() -> None:
    done = pod("api-3", is_finished=True)
    ns = namespace(
        peer("api", selector=API, ports={9000: Mtls.STRICT}),
        pods=[pod("web-1", WEB, 80), pod("api-1", API, 9000), done],
    )

    table = modes(ns, [])

    assert {place: found.mode for place, found in table.items()} == {
        ("api-1", ANY_PORT): Mtls.PERMISSIVE,
        ("api-1", 9000): Mtls.STRICT,
        ("web-1", ANY_PORT): Mtls.PERMISSIVE,
        ("web-1", 80): Mtls.PERMISSIVE,
    }
    assert list(table) == sorted(table)


def test_an_object_wholly_behind_an_older_one_is_never_in_force() -> None:
    older, narrower = peer("a", selector=API, born=1), peer("b", selector={**API, "tier": "x"}, born=2)

    assert in_force([narrower, older], []) == (older,)


def test_pods_that_do_not_exist_yet_are_among_the_possible_ones() -> None:
    peers = [peer("a", Mtls.PERMISSIVE), peer("later", Mtls.UNSET, selector=WEB, ports={9000: Mtls.STRICT})]

    assert possible(peers, []) == {
        ("", ANY_PORT): Mtls.PERMISSIVE,
        ("later", ANY_PORT): Mtls.PERMISSIVE,
        ("later", 9000): Mtls.STRICT,
    }
