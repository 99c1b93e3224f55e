"""Does a namespace come from no mesh to STRICT mTLS on a real data path, and does nobody suffer but who must?

Real here: kube-apiserver and its controllers, istiod and its certificates, a pilot-agent and Envoy for each pod, Prometheus,
the installed controller with no more than its shipped rights, and every request of the clients.

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

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.servers.callers import Caller, Outcome
from tests.servers.mesh import Mesh
from tests.servers.meshmove import REFUSED, Changed, Modes, Move, opened
from tests.servers.meshpay import PAY
from tests.servers.process import eventually

pytestmark = pytest.mark.e2e

SOAK_S = 10.0
# What the preflight finds on this stand, and why it does no harm here.
KNOWN = {
    "HOLD-01": "the tests' kubelet makes no pod ready before its proxy",
    "MESH-02": "istiod runs beside the cluster, for as long as the test",
    "SIDECAR-01": "nothing is intercepted, so Sidecars say what the proxies serve",
}


@dataclass(slots=True, kw_only=True)
class Story:
    """What happened. waited: the warnings that the preflight waited for. soaking: the status after a soak's time of plaintext.

    first, last: of the two times at which plaintext met STRICT. counted: what the proxies counted as refused by the end of
    each. done: the status at the end of the way.
    """

    move: Move
    changes: list[Changed]
    waited: str = ""
    soaking: dict[str, Any] = field(default_factory=dict)
    fallen: dict[str, Any] = field(default_factory=dict)
    done: dict[str, Any] = field(default_factory=dict)
    counted: list[tuple[int, int]] = field(default_factory=list)

    def at(self, mode: str, nth: int = 0) -> float:
        """When the namespace's own mode became this, for the first time, the second, and so on."""
        return [one.at for one in self.changes if (one.name, one.mode) == ("default", mode)][nth]


@pytest.fixture(scope="module")
def story(mesh: Mesh, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    """All of it, once."""
    with opened(mesh, tmp_path_factory.mktemp("move")) as move:
        came_back: list[bool] = []

        def come_back(change: Changed) -> None:
            """The plaintext client, which had gone, is there again as soon as the namespace is STRICT."""
            if (change.name, change.mode) == ("default", "STRICT") and not came_back:
                came_back.append(True)
                _start(move.plain)

        found = Story(move=move, changes=(modes := Modes(mesh.server, come_back)).seen)
        _start((*move.mtls, *move.plain))
        _enrol(found)
        _soak(found)
        assert eventually(lambda: bool(came_back), 60.0), move.told()
        _fall_back(found)
        _arrive(found)
        yield found
        assert modes.seen is found.changes


def _start(callers: tuple[Caller, ...]) -> None:
    for caller in callers:
        caller.start()


def _stop(story: Story) -> None:
    for caller in story.move.plain:
        caller.stop()
    story.counted.append((len(_refusals(story)), story.move.refused()))


def _enrol(story: Story) -> None:
    move = story.move
    move.begin()
    assert eventually(lambda: "Unacknowledged" in move.reasons(), 30.0), move.told()
    story.waited = move.reasons()["Unacknowledged"]
    for check, reason in KNOWN.items():
        move.say("acknowledge", finding=check, reason=reason)
    assert move.stands("Observing"), move.told()


def _soak(story: Story) -> None:
    """Plaintext for longer than the soak, then none."""
    move = story.move
    assert not eventually(lambda: move.status()["stage"] != "Observing", SOAK_S * 1.2), move.told()
    story.soaking = move.status()
    _stop(story)


def _fall_back(story: Story) -> None:
    move = story.move
    assert move.stands("FallenBack"), move.told()
    story.fallen = move.status()
    assert eventually(lambda: bool(_served(story, story.at("PERMISSIVE", 1) + 1.0))), "nobody was let in again"
    _stop(story)


def _arrive(story: Story) -> None:
    """Tried again, without plaintext: to the end. Then plaintext comes once more, and a person opens."""
    move = story.move
    move.say("retry")
    assert move.stands("Done", 90.0), move.told()
    story.done = move.status()
    _start(move.plain)
    before = len(_refusals(story))
    assert eventually(lambda: len(_refusals(story)) >= before + 50), "plaintext is let in at the end of the way"
    move.say("fallback")
    assert move.stands("FallenBack"), move.told()
    assert eventually(lambda: bool(_served(story, story.at("PERMISSIVE", 2) + 1.0))), "nobody was let in again"
    _stop(story)
    for caller in move.mtls:
        caller.stop()


def _served(story: Story, since: float = 0.0, until: float = float("inf")) -> list[Outcome]:
    return sorted((one for caller in story.move.plain for one in caller.served(since, until)), key=lambda one: one.sent)


def _refusals(story: Story) -> list[Outcome]:
    return sorted((one for caller in story.move.plain for one in caller.failed()), key=lambda one: one.sent)


def test_dump(story: Story, capsys: pytest.CaptureFixture[str]) -> None:
    with capsys.disabled():
        print()
        t0 = story.changes[0].at
        for c in story.changes:
            print(f"{c.at - t0:7.3f} {c.name} {c.mode}")
        for caller in (*story.move.mtls, *story.move.plain):
            print(caller.name, len(caller.served()), len(caller.failed()), sum(not one.first for one in caller.failed()), {o.trouble or str(o.status) for o in caller.failed()})
        r = _refusals(story)
        strict = story.at("STRICT")
        print("strict -> first refusal", r[0].ended - strict)
        print("refusal -> permissive", story.at("PERMISSIVE", 1) - r[0].ended)
        print("-> readmission", _served(story, story.at("PERMISSIVE", 1))[0].ended - story.at("PERMISSIVE", 1), _served(story, r[0].ended)[0].ended - r[0].ended)
        print(story.counted, story.move.mesh.prometheus.value(f'sum({REFUSED}{{namespace="{PAY}"}})'))
        print(story.waited)
        print(story.fallen)
        print(story.move.told()[-2500:])
