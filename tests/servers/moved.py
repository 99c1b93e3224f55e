"""What happens to a fleet that moves to STRICT, falls back, is tried again, and is put back as it was?

Its whole life, recorded: each test of it looks at one thing. Four times the controller is killed right after a write that it must not repeat.
"""

import json
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from rollout.wiring.shipped import NAMESPACE
from tests.servers.auditlog import Audited, Tail
from tests.servers.client import Obj
from tests.servers.fleet import HOUSE, NAME, PEERS, WORKLOADS, Fleet
from tests.servers.lifetime import writing_to
from tests.servers.rights import ACCOUNT, Recorded, recorded

STEADY_S = 4.0
CALM_S = 2.5
TRIES = 4
IDLE = frozenset({"leases", "secrets"})  # who leads, and the password for git, which is asked every 5 s
CHECKS = ("HOLD-01", "ROLL-01", "STS-01", "CALLER-01")  # a person knows of these warnings
HOUSE_PATH = f"{PEERS.format('shop')}/{HOUSE}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What users had: labels of namespaces, uids and specs of their objects, all as text. modes: their policies."""

    labels: dict[str, str]
    uids: dict[str, str]
    modes: dict[str, str]


@dataclass(slots=True, kw_only=True)
class Moves:
    """What was seen. kills: the writes after which the controller was killed. steady: requests while nothing changed.

    injected: all pods while all namespaces were observed.
    fallback_s: from the scrape that told of a refused caller to the API server's answer. ordered_s: from a command to it.
    """

    before: Kept
    kills: list[Audited] = field(default_factory=list)
    blocked: dict[str, Any] = field(default_factory=dict)
    held: bool = False
    injected: list[Obj] = field(default_factory=list)
    steady: Counter[tuple[str, str]] = field(default_factory=Counter)
    strict: dict[str, str] = field(default_factory=dict)
    fallback_s: float = 0.0
    fallen: dict[str, Any] = field(default_factory=dict)
    open_again: str = ""
    tried_again: str = ""
    ordered_s: float = 0.0
    after: Kept | None = None
    meshed_after: list[str] = field(default_factory=list)
    events: list[Obj] = field(default_factory=list)
    answers: dict[str, dict[str, Any]] = field(default_factory=dict)
    evictions: list[str] = field(default_factory=list)
    life: Recorded | None = None


def moved(fleet: Fleet) -> Moves:
    """All of it."""
    mark = fleet.server.audit_mark()
    seen = Moves(before=kept(fleet))
    late = [fleet.proxies.call(f"old {place}", "", target) for place, target in _targets()]
    enrolled(fleet, seen)
    listened(fleet, seen)
    for caller in late:
        caller.silent = True
    quiet(fleet, seen)
    made_strict(fleet, seen)
    fallen_back(fleet, seen)
    tried_again(fleet, seen)
    put_back(fleet, seen)
    assert fleet.withdraw(), fleet.told()
    seen.life = recorded(fleet.server, mark)
    every = Tail(fleet.server, ACCOUNT, mark).more()
    seen.evictions = [one.name for one in every if one.resource == "pods/eviction"]
    return seen


def enrolled(fleet: Fleet, seen: Moves) -> None:
    """Until all listen; killed after the first snapshot, after shop's label, and after the restart in pay.

    pay comes after shop: so no such write is done before it is waited for.
    """
    fleet.mark = fleet.server.audit_mark()
    fleet.begin()
    assert fleet.reaches("tools", "Preflight"), fleet.told()
    for namespace in ("tools", "shop", "pay"):
        for check in CHECKS:
            fleet.order("acknowledge", namespace, "known", finding=check)
    seen.kills.append(fleet.killed_after("create", "configmaps", NAMESPACE, f"mesh-{NAME}.tools"))
    seen.kills.append(fleet.killed_after("patch", "namespaces", "shop", "shop"))
    seen.kills.append(fleet.killed_after("patch", "deployments", "pay", "bank"))
    for namespace in ("tools", "shop", "pay"):
        assert fleet.reaches(namespace, "Observing"), fleet.told()


def listened(fleet: Fleet, seen: Moves) -> None:
    """A plaintext caller keeps shop in Observing for longer than the soak is, and git changes something small."""
    assert fleet.comes(lambda: bool(fleet.of("shop").get("callers"))), fleet.told()
    fleet.commit(verify="3s")
    seen.held = not fleet.reaches("shop", "Rehearsal", "StrictCanary", within_s=8.0)
    seen.blocked = fleet.of("shop")
    fleet.mark = fleet.server.audit_mark()
    seen.injected = [one for one in fleet.pods() if "deletionTimestamp" not in one["metadata"]]


def quiet(fleet: Fleet, seen: Moves) -> None:
    """What is asked of the API server while all soak and nothing changes."""
    before = fleet.proxies.now()
    calm = timedelta(seconds=CALM_S)  # the last callers are told of, and nobody's log is read any more
    assert fleet.comes(lambda: before < _clock(fleet) < fleet.proxies.now() - calm), fleet.told()
    tail = Tail(fleet.server, ACCOUNT, fleet.server.audit_mark())

    def is_asked() -> bool:
        seen.steady.update((one.verb, one.resource) for one in tail.more())
        return any(resource not in IDLE for _, resource in seen.steady)

    fleet.comes(is_asked, STEADY_S)


def made_strict(fleet: Fleet, seen: Moves) -> None:
    """Killed after the flip of shop; a new controller goes on."""
    seen.kills.append(fleet.killed_after("patch", "peerauthentications", "shop", HOUSE))
    assert fleet.reaches("shop", "StrictSoak"), fleet.told()
    seen.strict["shop"] = fleet.mode("shop", HOUSE)


def fallen_back(fleet: Fleet, seen: Moves) -> None:
    """A late caller is refused, and shop takes plaintext again."""
    fleet.proxies.forget_refusals()
    mark, late = fleet.server.audit_mark(), fleet.proxies.traffic.callers["old shop"]
    late.silent = False
    opened = _patched(fleet, mark, "shop", HOUSE)
    seen.fallback_s = (opened - fleet.proxies.refusals["shop"]).total_seconds()
    assert fleet.reaches("shop", "FallenBack"), fleet.told()
    seen.fallen, seen.open_again = fleet.of("shop"), fleet.mode("shop", HOUSE)
    served = late.served
    assert fleet.comes(lambda: late.served > served), "the late caller is still refused"
    late.silent = True


def tried_again(fleet: Fleet, seen: Moves) -> None:
    """The same once more, without the late caller."""
    seen.answers["retry"] = fleet.answer(fleet.order("retry", "shop"))
    for namespace, name in (("tools", "default"), ("shop", HOUSE), ("pay", "default")):
        assert fleet.reaches(namespace, "StrictSoak", "Done"), fleet.told()
        seen.strict[namespace] = fleet.mode(namespace, name)
    seen.tried_again = fleet.of("shop")["stage"]


def put_back(fleet: Fleet, seen: Moves) -> None:
    """pay and tools are opened by command, the latter while somebody else writes; then all three are put back."""
    mark = fleet.server.audit_mark()
    fleet.order("fallback", "pay", "to see how fast")
    opened = _patched(fleet, mark, "pay", "default")
    given = [one.at for one in Tail(fleet.server, "admin", mark).more() if one.resource == "rolloutcommands"]
    seen.ordered_s = (opened - given[0]).total_seconds()
    opened_in_a_conflict(fleet, seen)
    assert fleet.reaches("pay", "FallenBack"), fleet.told()
    for namespace in ("shop", "pay", "tools"):
        seen.answers[f"rollback {namespace}"] = fleet.answer(fleet.order("rollback", namespace))
    for namespace in ("shop", "pay", "tools"):
        assert fleet.reaches(namespace, "RolledBack"), fleet.told()
    seen.after = kept(fleet)
    seen.meshed_after = _meshed(fleet)
    seen.events = fleet.kube.items("/apis/events.k8s.io/v1/namespaces/default/events")


def opened_in_a_conflict(fleet: Fleet, seen: Moves) -> None:
    """tools is opened while somebody else writes, as often as it takes until that made the controller look again."""
    tail = Tail(fleet.server, ACCOUNT, fleet.server.audit_mark())
    for _ in range(TRIES):
        with writing_to(fleet.kube, lambda: [f"{PEERS.format('tools')}/default"]):
            seen.answers["fallback"] = fleet.answer(fleet.order("fallback", "tools"))
            assert fleet.reaches("tools", "FallenBack"), fleet.told()
        if any(one.place[:2] == ("get", "peerauthentications") for one in tail.more()):
            return
        fleet.order("resume")
        fleet.order("retry", "tools")
        assert fleet.reaches("tools", "StrictSoak"), fleet.told()
    raise AssertionError(f"in {TRIES} tries nobody wrote between the controller's look and its write")


def kept(fleet: Fleet) -> Kept:
    """How everything of the users is now."""
    namespaces = {name: fleet.kube.get(f"/api/v1/namespaces/{name}") for name in ("tools", "shop", "pay")}
    peers = [one for name in namespaces for one in fleet.kube.items(PEERS.format(name))]
    workloads = [
        fleet.kube.get(f"/apis/apps/v1/namespaces/{one.namespace}/deployments/{one.name}") for one in WORKLOADS.values()
    ]
    every = [*namespaces.values(), *peers, *workloads]
    return Kept(
        labels={name: _text(one["metadata"]["labels"]) for name, one in namespaces.items()},
        uids={f"{one['kind']} {one['metadata']['name']}": one["metadata"]["uid"] for one in every if "kind" in one},
        modes={f"{one['metadata']['namespace']}/{one['metadata']['name']}": _policy(one) for one in peers},
    )


def _policy(peer: Obj) -> str:
    metadata = peer["metadata"]
    return _text({**{name: metadata.get(name) for name in ("uid", "labels", "annotations")}, "spec": peer["spec"]})


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def _targets() -> list[tuple[str, str]]:
    return [(target.partition("/")[0], target) for target in WORKLOADS]


def _clock(fleet: Fleet) -> datetime:
    """Since when it has been quiet everywhere."""
    clocks = [fleet.of(name).get("soak", {}).get("clock", "") for name in ("tools", "shop", "pay")]
    return min(datetime.fromisoformat(text or "0001-01-01T00:00:00Z") for text in clocks)


def _patched(fleet: Fleet, mark: int, namespace: str, name: str) -> datetime:
    """When the API server had stored the controller's next change of a policy."""
    tail, found = Tail(fleet.server, ACCOUNT, mark), list[Audited]()
    wanted = ("patch", "peerauthentications", namespace, name)

    def is_there() -> bool:
        found.extend(one for one in tail.more() if one.place == wanted and one.code < 300)
        return bool(found)

    assert fleet.comes(is_there), fleet.told()
    return found[0].at


def _meshed(fleet: Fleet) -> list[str]:
    return [
        one["metadata"]["name"]
        for one in fleet.pods()
        if "sidecar.istio.io/status" in one["metadata"].get("annotations", {})
        and "deletionTimestamp" not in one["metadata"]
    ]
