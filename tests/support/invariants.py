"""Which promises does a migration keep whatever happens? Each function is one of them, by its number in the design.

An invariant answers with what breaks it, "" for nothing.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from rollout.migration.mtls import ANY_PORT, effective, effective_for, live, possible
from rollout.migration.stages import AT_LEAST_CANARY, FORWARD, MUTATING, index
from rollout.model.mesh import MeshNamespace, Mtls, PeerAuth
from rollout.model.mesh_writes import Snapshot
from rollout.model.migration import MigrationSpec, MigrationStatus, NamespaceStatus, Proven, Stage

BEAT = timedelta(seconds=5)  # how late a look may be: the `d` of the design
LATE = 2 * BEAT
SEEN_AFTER = timedelta(seconds=25)  # the graph of callers is asked for now and then only
MOST_REPEATS = 3
BACK = frozenset({Stage.FALLING_BACK, Stage.FALLEN_BACK})


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """What really happened in a namespace. heard: plaintext that a proxy took. refused: callers that were refused.

    made: uids of what the controller created. callees: whom it was seen calling, and since when. touched: whether a person
    changed an object of it. labels and policies: as they were before the first write, policies by uid.
    """

    heard: list[datetime]
    refused: list[datetime]
    made: set[str]
    callees: dict[str, datetime]
    labels: Mapping[str, str]
    touched: set[str]
    policies: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    """One write of the controller to a namespace."""

    verb: str
    path: str
    now: datetime
    spec: MigrationSpec
    status: MigrationStatus
    name: str
    before: MeshNamespace
    after: MeshNamespace
    root: tuple[PeerAuth, ...]
    truth: Mapping[str, Truth]
    snapshot: Snapshot | None
    repeats: int

    @property
    def one(self) -> NamespaceStatus:
        """What the stored status says of the namespace."""
        return self.status.of(self.name)

    def raised(self) -> list[tuple[str, int]]:
        """Pods and ports that this write made STRICT."""
        return [
            (pod.name, port)
            for pod in live(self.after)
            for port in (ANY_PORT, *pod.ports)
            if effective(pod, port, self.after.peers, self.root).mode is Mtls.STRICT
            and effective(pod, port, self.before.peers, self.root).mode is not Mtls.STRICT
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved:
    """Two statuses, one saved upon the other. proofs: of a namespace, as they are stored by then. dark: no metrics."""

    now: datetime
    spec: MigrationSpec
    before: MigrationStatus
    after: MigrationStatus
    proofs: Mapping[str, tuple[Proven, ...]]
    truth: Mapping[str, Truth]
    dark: bool

    def moves(self) -> list[tuple[str, Stage, Stage]]:
        """Which namespaces changed their stage."""
        old = self.before.stages
        return [
            (one.name, old.get(one.name, Stage.PENDING), one.stage)
            for one in self.after.namespaces
            if old.get(one.name, Stage.PENDING) is not one.stage
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticked:
    """A tick after which all writes were done. seen: the namespaces as they are."""

    now: datetime
    spec: MigrationSpec
    before: MigrationStatus
    after: MigrationStatus
    seen: Mapping[str, MeshNamespace]
    root: tuple[PeerAuth, ...]
    truth: Mapping[str, Truth]
    dark: bool


def invariant_01_strict_only_with_evidence(write: Write) -> str:
    """Nothing becomes STRICT but after a soak in which no plaintext came, or that a person skipped."""
    if not write.raised() or write.one.stage is Stage.ROLLING_BACK:
        return ""
    mark, needs = write.one.soak, write.spec.soak
    if write.one.stage not in AT_LEAST_CANARY or mark.clock is None:
        return f"STRICT in {write.one.stage}, soaked since {mark.clock}"
    if mark.skipped_by:
        return ""
    if mark.looked is None or mark.looked - mark.clock < needs:
        return f"soaked from {mark.clock} to {mark.looked}"
    heard = [at for at in write.truth[write.name].heard if write.now - needs < at <= write.now - LATE]
    return f"plaintext was heard at {heard[-1]}" if heard and not write.spec.exceptions_of(write.name) else ""


def invariant_01_a_refused_caller_opens_it_at_once(ticked: Ticked) -> str:
    """A caller that was refused since the stage began has opened it within one look."""
    for one in ticked.after.namespaces if not ticked.dark else ():
        if one.stage in (Stage.STRICT_CANARY, Stage.STRICT, Stage.STRICT_SOAK) and one.since is not None:
            late = [at for at in ticked.truth[one.name].refused if one.since + BEAT < at <= ticked.now - LATE]
            if late:
                return f"{one.name} is {one.stage} although it refused somebody at {late[-1]}"
    return ""


def invariant_02_in_force_by_the_live_objects(ticked: Ticked) -> str:
    """What counts as STRICT is STRICT for every pod that is not excepted, by all objects and not by ours alone."""
    for one in ticked.after.namespaces:
        if one.stage not in (Stage.STRICT, Stage.STRICT_SOAK) or one.in_force != ticked.now:
            continue
        if ticked.spec.exceptions_of(one.name):
            continue
        ns = ticked.seen[one.name]
        soft = [pod.name for pod in live(ns) if effective(pod, ANY_PORT, ns.peers, ticked.root).mode is not Mtls.STRICT]
        if soft:
            return f"{one.name} counts as STRICT, and {soft[0]} is not"
    return ""


def invariant_03_one_stage_at_a_time_with_its_proof(saved: Saved) -> str:
    """No save is more than one stage further, and what led to it is stored by then."""
    for name, old, new in saved.moves():
        if index(new) - index(old) > 1:
            return f"{name} went from {old} to {new}"
        forward = old in FORWARD and new in FORWARD and FORWARD.index(new) > FORWARD.index(old)
        if forward and not any((one.stage, one.to) == (old, new) for one in saved.proofs[name]):
            return f"{name} went from {old} to {new} without a proof"
    return ""


def invariant_04_darkness_opens_no_gate(saved: Saved) -> str:
    """Without metrics nobody goes on."""
    asked = {Stage.BASELINE, Stage.PERMISSIVE, Stage.OBSERVING, Stage.REHEARSAL, *AT_LEAST_CANARY}
    for name, old, new in saved.moves() if saved.dark else ():
        if old in asked and new in FORWARD and index(new) > index(old):
            return f"{name} went from {old} to {new} in the dark"
    return ""


def invariant_05_a_fallback_opens_every_pod_and_port(ticked: Ticked) -> str:
    """After the tick in which one falls back, no pod that there is or may be is STRICT, under a STRICT root either."""
    old = ticked.before.stages
    for one in ticked.after.namespaces:
        if one.stage in BACK and old.get(one.name) not in BACK and ticked.seen[one.name].exists:
            modes = possible(ticked.seen[one.name].peers, ticked.root)
            closed = [place for place, mode in modes.items() if mode is Mtls.STRICT]
            if closed:
                return f"{one.name} is {one.stage}, and {closed[0]} is STRICT"
    return ""


def invariant_06_a_rollback_leaves_what_was_there(ticked: Ticked) -> str:
    """The labels and specs of before are back, what we made is gone, but for a PERMISSIVE under a STRICT root."""
    for one in ticked.after.namespaces:
        truth, ns = ticked.truth[one.name], ticked.seen[one.name]
        if one.stage is not Stage.ROLLED_BACK or ticked.before.of(one.name).stage is Stage.ROLLED_BACK:
            continue
        if ns.labels.get("istio-injection") != truth.labels.get("istio-injection") and "label" not in truth.touched:
            return f"{one.name} has the labels {dict(ns.labels)}"
        root_strict = effective_for({}, ANY_PORT, (), ticked.root).mode is Mtls.STRICT
        left = [peer.name for peer in ns.peers if peer.uid in truth.made and (peer.selector or not root_strict)]
        if left:
            return f"{one.name} still has {left[0]}"
        wrong = [
            peer.name
            for peer in ns.peers
            if peer.uid in truth.policies and peer.uid not in truth.touched and peer.spec != truth.policies[peer.uid]
        ]
        if wrong:
            return f"{one.name}: {wrong[0]} is not as it was"
    return ""


def invariant_06_only_what_we_made_is_deleted(write: Write) -> str:
    """Foreign objects are never deleted."""
    gone = {peer.uid for peer in write.before.peers} - {peer.uid for peer in write.after.peers}
    foreign = gone - write.truth[write.name].made
    return f"deleted {sorted(foreign)}" if foreign else ""


def invariant_07_the_snapshot_is_stored_before_the_first_write(write: Write) -> str:
    """Nothing is written to a namespace of which it is not recorded how it was."""
    return "" if write.snapshot is not None else "no snapshot is stored"


def invariant_08_nothing_is_deleted_that_keeps_a_namespace_open(write: Write) -> str:
    """Deleting an object never makes a pod STRICT that was not."""
    return f"deleting made {write.raised()[0]} STRICT" if write.verb == "delete" and write.raised() else ""


def invariant_09_callees_open_before_a_caller_leaves(write: Write) -> str:
    """The label is taken off only while neither the namespace nor one that it was seen to call may be STRICT."""
    if "istio-injection" not in write.before.labels or "istio-injection" in write.after.labels:
        return ""
    known = {name for name, at in write.truth[write.name].callees.items() if write.now - at > SEEN_AFTER}
    closed = [
        name for name in {write.name, *known} if write.status.of(name).stage in AT_LEAST_CANARY | {Stage.FALLING_BACK}
    ]
    return f"{write.name} left while {closed[0]} may be STRICT" if closed else ""


def invariant_11_no_two_neighbours_change_together(saved: Saved) -> str:
    """A namespace begins to change only while none changes that it calls or that calls it."""
    changing = {one.name for one in saved.after.namespaces if one.stage in MUTATING}
    for name, old, new in saved.moves():
        if new not in MUTATING or old in MUTATING:
            continue
        for other in changing - {name}:
            pairs = ((name, other), (other, name))
            seen = [saved.truth[a].callees[b] for a, b in pairs if b in saved.truth[a].callees]
            if seen and saved.now - min(seen) > SEEN_AFTER:
                return f"{name} begins to be {new} while {other} changes"
    return ""


def invariant_12_an_exception_only_ever_weakens(write: Write) -> str:
    """A port that is excepted is never made STRICT by us, whether its day is over or not."""
    for one in write.spec.exceptions_of(write.name):
        closed = [port for _, port in write.raised() if port == one.port]
        if closed and write.one.stage is not Stage.ROLLING_BACK:
            return f"port {closed[0]} is excepted and became STRICT"
    return ""


def invariant_13_the_root_is_never_written(write: Write) -> str:
    """No namespace but those of the migration is written to, the mesh's own least of all."""
    return "" if write.name in write.spec.namespaces else f"{write.name} was written to"


def invariant_15_proxies_come_only_where_nothing_is_strict(write: Write) -> str:
    """The label and the restarts of an enrolment come after all of the namespace is open."""
    enrols = "/deployments/" in write.path or write.after.labels != write.before.labels
    if not enrols or write.one.stage is not Stage.ENROLLING:
        return ""
    closed = [place for place, mode in possible(write.before.peers, write.root).items() if mode is Mtls.STRICT]
    return f"enrolled while {closed[0]} is STRICT" if closed else ""


def invariant_16_nobody_is_fought(write: Write) -> str:
    """An object is not written again and again in one stage, whoever changes it in between."""
    return f"written {write.repeats} times" if write.repeats > MOST_REPEATS else ""


def invariant_17_the_clock_never_goes_back(saved: Saved) -> str:
    """A soak's clock only ever goes on; who skipped it said why."""
    for one in saved.after.namespaces:
        old = saved.before.of(one.name).soak
        if one.soak.clock is not None and old.clock is not None and one.soak.clock < old.clock:
            return f"{one.name}: the clock went from {old.clock} to {one.soak.clock}"
        if bool(one.soak.skipped_by) is not bool(one.soak.skipped_why):
            return f"{one.name}: skipped by {one.soak.skipped_by!r} because of {one.soak.skipped_why!r}"
    return ""


def invariant_17_the_clock_begins_again_for_plaintext(ticked: Ticked) -> str:
    """Plaintext that was heard while it soaked has set the clock back within one look."""
    for one in ticked.after.namespaces if not ticked.dark else ():
        if one.stage is not Stage.OBSERVING or one.soak.clock is None or ticked.spec.exceptions_of(one.name):
            continue
        late = [at for at in ticked.truth[one.name].heard if one.soak.clock < at <= ticked.now - LATE]
        if late:
            return f"{one.name} soaks since {one.soak.clock} although plaintext was heard at {late[-1]}"
    return ""


Of = Callable[[Any], str]


def broken(kind: type, what: object) -> list[str]:
    """The invariants of this kind that do not hold, with what breaks them."""
    found = [(rule.__name__, rule(what)) for rule in INVARIANTS[kind]]
    return [f"{name}: {why}" for name, why in found if why]


INVARIANTS: Mapping[type, tuple[Of, ...]] = {
    Write: (
        invariant_01_strict_only_with_evidence,
        invariant_06_only_what_we_made_is_deleted,
        invariant_07_the_snapshot_is_stored_before_the_first_write,
        invariant_08_nothing_is_deleted_that_keeps_a_namespace_open,
        invariant_09_callees_open_before_a_caller_leaves,
        invariant_12_an_exception_only_ever_weakens,
        invariant_13_the_root_is_never_written,
        invariant_15_proxies_come_only_where_nothing_is_strict,
        invariant_16_nobody_is_fought,
    ),
    Saved: (
        invariant_03_one_stage_at_a_time_with_its_proof,
        invariant_04_darkness_opens_no_gate,
        invariant_11_no_two_neighbours_change_together,
        invariant_17_the_clock_never_goes_back,
    ),
    Ticked: (
        invariant_01_a_refused_caller_opens_it_at_once,
        invariant_02_in_force_by_the_live_objects,
        invariant_05_a_fallback_opens_every_pod_and_port,
        invariant_06_a_rollback_leaves_what_was_there,
        invariant_17_the_clock_begins_again_for_plaintext,
    ),
}
