"""Does a namespace come from no mesh to STRICT mTLS on a real data path, and does nobody suffer but who must?

Real here: kube-apiserver and its controllers, istiod and its certificates, a pilot-agent and Envoy for each pod, Prometheus,
the installed controller with its shipped rights and no more, and every request of the clients.

What stands in, and what is therefore not proven:

- `istio.stats` is no part of stock Envoy: `envoy.access_loggers.stats` counts under the same names (standin.py). That the
  queries fit Istio's own filter, with its buckets and its `istio_build`, other tests show on recorded metrics.
- No metadata exchange: a caller with mTLS is told by its SPIFFE id (prometheus.py), one without is anonymous, as with Istio.
- Nothing is intercepted (no iptables): proxies listen on podIP:8080, not on 0.0.0.0:15006, and the servers behind them on
  podIP:9001. So it is not proven that refusals are found by the default of `--mesh-inbound`, nor that nothing passes by
  the proxies: in the flat network podIP:9001 is open.
- The injector is the tests' own webhook (injector.py), and the kubelet one that runs processes (kubelet.py): neither Istio's
  template nor its startup order is proven. istiod runs beside the cluster, which the preflight finds and a person answers for.
"""

import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.servers.callers import Caller, Outcome
from tests.servers.mesh import Mesh
from tests.servers.meshmove import PEERS, Changed, Modes, Move, opened
from tests.servers.meshpay import ONCE, PAY, host
from tests.servers.process import eventually
from tests.servers.rights import recorded

pytestmark = pytest.mark.e2e

SOAK_S = 10.0
FOR_EVER = float("inf")
LATE_S = 4.0  # by which the ledger may be behind: a scrape, a look, and a busy machine
SPREAD_S = 0.5  # within which a change is in force at the last pod, after it was at the first
SLOW_S = 10.0  # a bound for a busy machine; what is measured is printed
REFUSED, HANDSHAKES = "envoy_listener_no_filter_chain_match", "envoy_listener_ssl_handshake"
# What the preflight finds on this stand, and why it does no harm here.
KNOWN = {
    "HOLD-01": "the tests' kubelet makes no pod ready before its proxy",
    "MESH-02": "istiod runs beside the cluster, for as long as the test",
    "SIDECAR-01": "nothing is intercepted, so Sidecars say what the proxies serve",
}


@dataclass(slots=True, kw_only=True)
class Story:
    """What happened. changes: of pay's modes. asked: the warnings that the preflight waited for.

    soaking: the status while plaintext came for longer than the soak. listened: from when to when that was. fallen: after
    plaintext had met STRICT. done: at the end of the way, before plaintext came once more. refusals: what the client and the proxies counted, before STRICT and
    after each fallback. handshakes: of mTLS, by the end. left: when all had been put back.
    """

    move: Move
    changes: list[Changed]
    asked: str = ""
    soaking: dict[str, Any] = field(default_factory=dict)
    listened: tuple[float, float] = (0.0, 0.0)
    fallen: dict[str, Any] = field(default_factory=dict)
    done: dict[str, Any] = field(default_factory=dict)
    refusals: list[tuple[int, int]] = field(default_factory=list)
    handshakes: int = 0
    left: float = 0.0

    def at(self, mode: str, nth: int) -> float:
        """When the namespace's own mode became this for the nth time, the first being 0."""
        return [one.at for one in self.changes if (one.name, one.mode) == ("default", mode)][nth]

    def served(self, since: float = 0.0, until: float = FOR_EVER) -> list[Outcome]:
        """Plaintext requests of this time that were answered, in order."""
        return _sorted(one for caller in self.move.plain for one in caller.served(since, until))

    def refused(self, since: float = 0.0, until: float = FOR_EVER) -> list[Outcome]:
        """Plaintext requests of this time that were not, in order."""
        return _sorted(one for caller in self.move.plain for one in caller.failed(since, until))


@pytest.fixture(scope="module")
def story(mesh: Mesh, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    """All of it, once."""
    with opened(mesh, tmp_path_factory.mktemp("move")) as move:
        returned: list[float] = []

        def come_back(change: Changed) -> None:
            """The plaintext client, which had gone, is there again as soon as the namespace is STRICT."""
            if (change.name, change.mode) == ("default", "STRICT") and not returned:
                returned.append(change.at)
                _start(move.plain)

        found = Story(move=move, changes=Modes(mesh.server, come_back).seen)
        _start((*move.mtls, *move.plain))
        _enrol(found)
        _soak(found)
        assert eventually(lambda: bool(returned), 60.0), move.told()
        _fall_back(found)
        _arrive(found)
        _leave(found)
        mesh.check()
        yield found


def _enrol(story: Story) -> None:
    """Ana answers for the warnings; all else happens by itself."""
    move = story.move
    move.begin()
    assert eventually(lambda: "Unacknowledged" in move.reasons(), 30.0), move.told()
    story.asked = move.reasons()["Unacknowledged"]
    for check, reason in KNOWN.items():
        move.say("acknowledge", finding=check, reason=reason)
    assert move.stands("Observing"), move.told()


def _soak(story: Story) -> None:
    """Plaintext for longer than the soak, then none."""
    move, began = story.move, time.monotonic()
    assert not eventually(lambda: move.status()["stage"] != "Observing", SOAK_S * 1.2), move.told()
    story.soaking, story.listened = move.status(), (began, time.monotonic())
    _stop(move.plain)
    _count(story)


def _fall_back(story: Story) -> None:
    """By itself, with the plaintext client there until it has been let in again for a while."""
    move = story.move
    assert move.stands("FallenBack"), move.told()
    story.fallen = move.status()
    assert eventually(lambda: bool(story.served(story.at("PERMISSIVE", 1) + 1.0))), "nobody was let in again"
    _stop(move.plain)
    _count(story)


def _arrive(story: Story) -> None:
    """Tried again, without plaintext: to the end. Then plaintext comes once more, and a person opens."""
    move, before = story.move, len(story.refused())
    move.say("retry")
    assert move.stands("Done", 90.0), move.told()
    story.done = move.status()
    _start(move.plain)
    assert eventually(lambda: len(story.refused()) >= before + 50), "plaintext is let in at the end of the way"
    move.say("fallback")
    assert eventually(lambda: bool(story.served(story.at("PERMISSIVE", 2) + 1.0))), "nobody was let in again"
    _count(story)
    story.handshakes = move.counted(HANDSHAKES)


def _leave(story: Story) -> None:
    """Everything is put back, while all clients call."""
    move = story.move
    move.say("rollback")
    assert move.stands("RolledBack"), move.told()
    story.left = time.monotonic()
    assert eventually(lambda: all(caller.served(story.left + 1.0) for caller in (*move.mtls, *move.plain)))
    _stop((*move.mtls, *move.plain))


def _start(callers: tuple[Caller, ...]) -> None:
    for caller in callers:
        caller.start()


def _stop(callers: tuple[Caller, ...]) -> None:
    for caller in callers:
        caller.stop()


def _count(story: Story) -> None:
    """While nobody is being refused."""
    story.refusals.append((len(story.refused()), story.move.counted(REFUSED)))


def _sorted(outcomes: Iterable[Outcome]) -> list[Outcome]:
    return sorted(outcomes, key=lambda one: one.sent)


def test_what_the_stand_lacks_is_found_before_anything_is_touched_and_a_person_answers_for_it(story: Story) -> None:
    assert "MESH-02 Deployment istio-system/istiod" in story.asked
    assert {one["key"]: one["reason"] for one in story.done["acknowledged"]} == KNOWN


def test_plaintext_holds_the_soak_back_for_longer_than_it_lasts(story: Story) -> None:
    soak = story.soaking["soak"]

    assert (story.soaking["stage"], soak["window"]) == ("Observing", "PT10S")
    assert soak["restarted"].startswith("plaintext to bank by ")


def test_the_ledger_counts_every_plaintext_request_and_no_other(story: Story) -> None:
    (caller,), (began, ended) = story.soaking["callers"], story.listened
    fewest = len(story.served(began, ended - LATE_S))
    most = len(story.served(story.at("PERMISSIVE", 0), ended))

    assert (caller["workload"], caller["source"]) == ("bank", "")  # nobody can tell who it was
    assert fewest <= caller["calls"] <= most


def test_while_it_is_observed_the_proxies_log_who_speaks_plaintext_and_nobody_else(story: Story) -> None:
    logs = {proxy.pod: proxy.log.read_text() for proxy in story.move.mesh.proxies(PAY)}

    lines = {pod: [line for line in text.splitlines() if '"GET / HTTP/1.1" 200' in line] for pod, text in logs.items()}

    assert all(bool(found) == pod.startswith("bank-") for pod, found in lines.items())
    assert {host(ONCE) in line for found in lines.values() for line in found} == {False}


def test_no_request_with_mtls_fails_from_the_first_write_to_the_last(story: Story) -> None:
    assert {caller.name: caller.failed() for caller in story.move.mtls} == {
        caller.name: [] for caller in story.move.mtls
    }


def test_requests_with_mtls_were_under_way_at_every_change_of_a_mode(story: Story) -> None:
    near = [caller.served(change.at - 0.5, change.at + 0.5) for change in story.changes for caller in story.move.mtls]

    assert all(near)


def test_one_client_with_mtls_shook_hands_anew_for_each_request(story: Story) -> None:
    once = next(caller for caller in story.move.mtls if caller.host == host(ONCE))

    assert story.handshakes >= len(once.served(story.at("STRICT", 0), story.at("PERMISSIVE", 2))) > 0


def test_plaintext_is_served_until_the_namespace_is_strict(story: Story) -> None:
    assert story.refused(until=story.at("STRICT", 0)) == []
    assert story.served(until=story.at("STRICT", 0))


def test_plaintext_is_refused_once_strict_is_in_force(story: Story) -> None:
    in_force = story.refused()[0].ended + SPREAD_S

    assert story.served(in_force, story.at("PERMISSIVE", 1)) == []


def test_at_the_end_of_the_way_every_plaintext_request_is_refused(story: Story) -> None:
    there, opened_at = story.at("STRICT", 1), story.at("PERMISSIVE", 2)

    assert story.done["stage"] == "Done"
    assert (len(story.served(there, opened_at)), len(story.refused(there, opened_at)) >= 50) == (0, True)


def test_strict_cuts_no_plaintext_request_on_a_connection_that_is_there_already(story: Story) -> None:
    assert [one for one in story.refused() if not one.first] == []


def test_the_proxies_count_as_many_refusals_as_the_client_sees(story: Story) -> None:
    client, proxies = zip(*story.refusals, strict=True)

    assert client == proxies
    assert 0 == client[0] < client[1] < client[2]


def test_prometheus_has_the_same_count(story: Story) -> None:
    query = f'sum(max_over_time({REFUSED}{{namespace="{PAY}"}}[10m]))'  # the proxies have gone since

    assert story.move.mesh.prometheus.value(query) == len(story.refused())


def test_the_fallback_comes_by_itself_and_says_whom_it_saw_refused(story: Story) -> None:
    assert (story.fallen["stage"], story.fallen["fallbacks"]) == ("FallenBack", 1)
    assert "connections without mTLS were refused by bank-" in story.fallen["whyBack"]


def test_from_the_first_refusal_to_the_first_readmission_seconds_pass(
    story: Story, capsys: pytest.CaptureFixture[str]
) -> None:
    first, opened_at = story.refused()[0].ended, story.at("PERMISSIVE", 1)
    again = story.served(opened_at)[0].ended

    with capsys.disabled():
        sys.stdout.write(
            f"\nSTRICT written -> first refusal {first - story.at('STRICT', 0):.2f} s"
            f" -> PERMISSIVE written {opened_at - first:.2f} s -> let in again {again - opened_at:.2f} s\n"
        )

    assert again - story.at("STRICT", 0) < SLOW_S


@pytest.mark.parametrize("nth", [1, 2], ids=["by itself", "asked for"])
def test_a_fallback_lets_plaintext_in_again(story: Story, nth: int) -> None:
    opened_at = story.at("PERMISSIVE", nth)
    in_force = story.served(opened_at)[0].ended + SPREAD_S

    assert story.served(in_force, in_force + SPREAD_S)
    assert story.refused(in_force, in_force + SPREAD_S) == []


def test_a_rollback_takes_the_namespace_out_of_the_mesh_again_and_no_request_is_lost(story: Story) -> None:
    kube = story.move.mesh.kube
    found = kube.items(f"/api/v1/namespaces/{PAY}/pods")

    assert {container["name"] for pod in found for container in pod["spec"]["containers"]} == {"app"}
    assert "istio-injection" not in kube.get(f"/api/v1/namespaces/{PAY}")["metadata"]["labels"]
    assert kube.items(PEERS) == []
    assert story.refused(story.at("PERMISSIVE", 2) + SPREAD_S) == []


def test_the_installed_controller_lacked_no_right(story: Story) -> None:
    seen = recorded(story.move.mesh.server, story.move.mark)

    assert seen.refused == ()
    assert any((one.verb, one.resource) == ("patch", "peerauthentications") for one in seen.requests)
