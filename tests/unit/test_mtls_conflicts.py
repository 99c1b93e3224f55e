"""Is every conflict of PeerAuthentications found, and nothing that is fine?"""

from typing import Any

import pytest

from rollout.migration.mtls_conflicts import conflicts
from rollout.model.mesh import Labels, MeshNamespace, Mtls, PeerAuth
from rollout.model.migration import Exemption, Finding, Severity
from tests.support.mesh import API, WEB, exemption, namespace, peer, pod, root_peer

X: Labels = {"tier": "x"}
SERVICE: dict[str, Any] = {
    "metadata": {"name": "api", "namespace": "shop"},
    "spec": {"selector": API, "ports": [{"port": 80, "targetPort": 8080}]},
}


def brief(found: tuple[Finding, ...]) -> list[tuple[str, str, str]]:
    """Check, severity and object of each."""
    return [(one.check, one.severity, one.object.replace("PeerAuthentication ", "")) for one in found]


def of(*peers: PeerAuth) -> MeshNamespace:
    """shop with these, one pod of api and one of web."""
    return namespace(*peers, pods=[pod(labels={**API, **X}), pod("web-1", WEB)])


@pytest.mark.parametrize(
    ("ns", "found"),
    [
        (of(), []),
        (of(peer(mode=Mtls.STRICT)), []),
        (of(peer("a"), peer("b")), [("PA-01", "block", "shop/b")]),
        (of(peer("a", born=2), peer("b", born=1)), [("PA-01", "block", "shop/a")]),
        (of(peer("a", selector=API), peer("b", selector=X)), [("PA-01", "block", "shop/b")]),
        (of(peer("a", selector=API), peer("b", selector=WEB)), []),
        (of(peer("a", selector=API), peer("b", selector={"tier": "y"})), []),
        (of(peer("a", Mtls.STRICT, selector=API)), [("PA-01", "block", "shop/a")]),
        (of(peer("a", Mtls.PERMISSIVE, selector=API)), [("PA-01", "warn", "shop/a")]),
        (of(peer("a", Mtls.UNSET, selector=API)), []),
        (of(peer("a", Mtls.DISABLE, selector=API)), [("PA-01", "block", "shop/a"), ("PA-04", "warn", "shop/a")]),
        (of(peer("a", selector=API, ports={8080: Mtls.STRICT})), [("PA-01", "block", "shop/a")]),
        (of(peer("a", selector=API, ports={8080: Mtls.PERMISSIVE})), [("PA-01", "warn", "shop/a")]),
        (of(peer("a", selector=API, ports={8080: Mtls.UNSET})), []),
        (of(peer("a", selector=API, ports={80: Mtls.UNSET})), [("PA-03", "block", "shop/a")]),
        (of(peer("a", selector=API, ports={9090: Mtls.UNSET})), [("PA-03", "warn", "shop/a")]),
        (of(peer("a", selector={"app": "none"}, ports={9090: Mtls.UNSET})), []),
        (of(peer("a", Mtls.STRICT, selector=API, ports={80: Mtls.PERMISSIVE}, ours="to-strict")), []),
        (of(peer("a", selector=API, ours="m"), peer("b", selector=X)), [("PA-01", "block", "shop/b")]),
        (of(peer("a", selector=X), peer("b", selector=API, ours="m")), []),
    ],
)
def test_a_conflict_is_found_where_there_is_one(ns: MeshNamespace, found: list[tuple[str, str, str]]) -> None:
    assert brief(conflicts(ns, [], [SERVICE])) == found


@pytest.mark.parametrize(
    ("root", "found"),
    [
        ([root_peer(name="a", selector=API)], [("PA-01", "block", "istio-system/a")]),
        ([root_peer(name="a", selector={"app": "elsewhere"})], []),
        ([root_peer(name="a"), root_peer(name="b")], [("PA-01", "block", "istio-system/b")]),
        ([root_peer(name="a")], []),
    ],
)
def test_what_the_root_namespace_says_in_vain_is_found(root: list[PeerAuth], found: list[tuple[str, str, str]]) -> None:
    assert brief(conflicts(of(), root)) == found


@pytest.mark.parametrize(
    ("given", "found"),
    [
        (exemption(API), [("PA-04", "warn", "shop/a")]),
        (exemption(API, 8080), [("PA-01", "block", "shop/a"), ("PA-04", "warn", "shop/a")]),
    ],
)
def test_an_exception_explains_why_a_workload_stays_open(given: Exemption, found: list[tuple[str, str, str]]) -> None:
    assert brief(conflicts(of(peer("a", Mtls.DISABLE, selector=API)), [], (), [given])) == found


def test_an_exception_explains_why_a_port_stays_open() -> None:
    ns = of(peer("a", selector=API, ports={8080: Mtls.PERMISSIVE}))

    assert conflicts(ns, [], (), [exemption(API, 8080)]) == ()


@pytest.mark.parametrize(
    ("given", "severity", "why"),
    [
        (exemption(API, 80), Severity.BLOCK, "80 is the port of Service api (its target is 8080)"),
        (exemption(API, 9090), Severity.WARN, "9090 is no port that a pod declares"),
        (exemption(None, 80), Severity.BLOCK, "80 is the port of Service api (its target is 8080)"),
    ],
)
def test_an_exception_for_a_port_that_no_pod_declares_is_found(given: Exemption, severity: Severity, why: str) -> None:
    (found,) = conflicts(of(), [], [SERVICE], [given])

    assert (found.check, found.severity, found.why.partition(", and")[0]) == ("PA-03", severity, why)
    assert found.fix == "name the container port (8080)"


@pytest.mark.parametrize("changes", [{"selector": WEB}, {"selector": None}, {"ports": None}])
def test_another_services_port_is_no_sign_of_a_mistake(changes: dict[str, Any]) -> None:
    other = {**SERVICE, "spec": {**SERVICE["spec"], **changes}}

    (found,) = conflicts(of(peer("a", selector=API, ports={80: Mtls.UNSET})), [], [other])

    assert found.severity is Severity.WARN


def test_an_exception_that_cannot_hold_is_found() -> None:
    ns = of(peer("a", selector=X))

    found = conflicts(ns, [], (), [exemption(API, 8080)])

    assert brief(found) == [("PA-01", "block", "exceptions of shop")]


def test_the_root_namespace_itself_is_found() -> None:
    root = root_peer(Mtls.PERMISSIVE)

    (found,) = conflicts(namespace(root, name="istio-system"), [root])

    assert (found.object, found.fix) == ("Namespace istio-system", "take it out of the waves")


def test_a_finding_says_which_object_counts_instead() -> None:
    (found,) = conflicts(of(peer("a", Mtls.PERMISSIVE), peer("b", Mtls.STRICT)), [])

    assert found.why == "it says STRICT, but PeerAuthentication shop/a is older and alone counts, with PERMISSIVE"
