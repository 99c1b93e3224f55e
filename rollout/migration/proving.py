"""What proves that a namespace may go on, for people and auditors?"""

from hashlib import sha256

from rollout.migration.mtls import live
from rollout.migration.self_test import fact as self_test_fact
from rollout.migration.triggers import Fired
from rollout.migration.view import View, named, strict_ports
from rollout.model.migration import Proven, Severity, Stage
from rollout.model.telemetry import MeshAnswer

MOST_FACTS = 40
MOST_ROWS = 5

Fact = tuple[str, str, str]  # what, how it was asked, what came back


def facts(view: View, fire: Fired) -> tuple[Fact, ...]:
    """All that decided a move, sorted by what it is about."""
    found = [("why", "", fire.why), *_objects(view), *_checks(view), *_soak(view), *_self_test(view)]
    found += [(f"metrics: {asked}", answer.query, told(answer)) for asked, answer in sorted(view.seen.answers.items())]
    return tuple(found[:MOST_FACTS])


def digest(proof: Proven) -> str:
    """Sixteen letters that stand for all that a proof says, but for the digest itself; it finds damage, it signs nothing."""
    said = (proof.stage, proof.to, proof.at.isoformat(), proof.by)
    text = "\n".join((" | ".join(said), *(" | ".join(fact) for fact in proof.facts)))
    return sha256(text.encode()).hexdigest()[:16]


def told(answer: MeshAnswer) -> str:
    """What a metrics server said, in one line."""
    if answer.series is None:
        return f"no answer: {answer.problem}"
    if not answer.series:
        return f"nothing, at {answer.at:%Y-%m-%d %H:%M:%S}"
    rows = [f"{_labels(row.labels)}={row.value:g}" for row in answer.series[:MOST_ROWS]]
    more = len(answer.series) - len(rows)
    return "; ".join(rows) + (f"; and {more} more" if more else "") + f", at {answer.at:%Y-%m-%d %H:%M:%S}"


def _labels(labels: object) -> str:
    pairs = sorted(dict(labels).items()) if isinstance(labels, dict) else ()
    return ",".join(f"{name}:{value}" for name, value in pairs if name != "__name__")


def _objects(view: View) -> list[Fact]:
    pods = live(view.namespace)
    meshed = sum(pod.meshed for pod in pods)
    modes = "; ".join(f"{peer.name} ({peer.uid}, {peer.version}): {peer.mode}" for peer in view.namespace.peers)
    return [
        ("pods", "the API server's pods of the namespace", f"{meshed} of {len(pods)} have a proxy"),
        ("policies", "the API server's PeerAuthentications of the namespace", modes or "none"),
        ("STRICT", "the effective mode of each pod and port", named(strict_ports(view)) or "nowhere"),
    ]


def _checks(view: View) -> list[Fact]:
    findings = view.seen.findings
    if findings is None:
        return []
    counts = ", ".join(f"{sum(one.severity is kind for one in findings)} {kind}" for kind in Severity)
    acknowledged = [("acknowledged", one.key, f"by {one.by}: {one.reason}") for one in view.status.acknowledged]
    return [("preflight checks", "", counts), *acknowledged]


def _self_test(view: View) -> list[Fact]:
    return [self_test_fact(view)] if view.stage is Stage.OBSERVING else []


def _soak(view: View) -> list[Fact]:
    mark = view.status.soak
    if mark.clock is None:
        return []
    since = f"{mark.clock:%Y-%m-%d %H:%M:%S}"
    return [("soak", f"at least {mark.window}", f"no plaintext since {since}, last look {mark.looked}")]
