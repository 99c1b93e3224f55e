"""How does a soak go: a crowd from git, two replicas, people and faults, for as long as it is told, and what was seen?

Everything is drawn from one seed. What happens when is not the same twice, as servers are as fast as they are; what is
drawn is.
"""

import json
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from threading import Event
from urllib.request import urlopen

from tests.servers.apiserver import ApiServer
from tests.servers.auditlog import Audited, Tail
from tests.servers.client import path_of
from tests.servers.process import eventually
from tests.servers.replicas import DEADLINE, without_lease
from tests.servers.soak_acts import People
from tests.servers.soak_facts import Key, Saved
from tests.servers.soak_faults import Faults, Replica, Victims
from tests.servers.soak_figures import Life
from tests.servers.soak_git import Wish, source
from tests.servers.soak_rules import broken
from tests.servers.soak_traffic import lagging

HOME = "rollout-system"
LEASE = f"/apis/coordination.k8s.io/v1/namespaces/{HOME}/leases/rollout-controller"
USERS = ("replica-0", "replica-1")
BEAT_S = 0.1
LOOK_S = 2.0
JUDGED_S = 20.0
CALM_S = 20.0  # so long after a fault ended nobody has more traffic than the status says
SETTLED_S = 60.0
EVENTS, EVENTS_A_RUN = 20, 15  # some of all, some of each run: commands and holds are told, too
WAITING = frozenset({"AwaitingApproval", "SharedIncident", "Frozen", "NotProven", "Suspicious"})


@dataclass(slots=True, kw_only=True)
class Soak:
    """Everything of one soak. since: the mark in the audit log; late: weights that were not lowered in time."""

    server: ApiServer
    victims: Victims
    people: People
    faults: Faults
    since: int
    lives: list[Life] = field(default_factory=list)
    late: list[str] = field(default_factory=list)
    settled_s: float = 0.0
    _above: dict[Key, float] = field(default_factory=dict)

    def run(self) -> None:
        """Until its time is over or a rule is broken; then all faults end, and everybody may settle."""
        ends, look, judge = time.monotonic() + self.people.plan.seconds, 0.0, time.monotonic() + JUDGED_S
        while (now := time.monotonic()) < ends and not self.late:
            self.people.pass_by()
            self.faults.pass_by()
            if now >= look:
                look = now + LOOK_S
                self._look(now)
            if now >= judge:
                judge = now + JUDGED_S
                if self.broken():
                    break
            Event().wait(BEAT_S)
        self.faults.stop()
        self.people.finish()
        ended = time.monotonic()
        eventually(lambda: not self.unsettled(), SETTLED_S, 0.5)
        self.settled_s = time.monotonic() - ended

    def broken(self) -> list[str]:
        """All rules that were broken so far."""
        sight = self.people.sight
        return [*broken(sight.facts(), self.people.truth), *self.late, *filter(None, [sight.problem])]

    def unsettled(self) -> list[str]:
        """Who is not in a state that explains itself, or is not what git says."""
        found = []
        for key, wish in sorted(self.people.specs.wishes.items()):
            status = self.people.sight.statuses[key]
            if why := self._restless(wish, status):
                found.append(f"{'/'.join(key)}: {status.phase} of {status.wanted}; {why}; {status.next}")
        status_of_git = self.server.client().get(path_of(source("", HOME))).get("status") or {}
        states = {one["type"]: one["status"] for one in status_of_git.get("conditions", ())}
        found += [] if states.get("Ready") == "True" else [f"the GitSource is not Ready: {status_of_git}"]
        waiting = self._waiting()
        return found + ([f"{waiting:.0f} objects wait for a worker"] if waiting else [])

    def _restless(self, wish: Wish, status: Saved) -> str:
        """Why it is not at rest, "" when it is."""
        if wish.is_gone:
            return "git has it not" if status.uid else ""
        if not status.uid or not status.stable:
            return "stable is unknown" if status.uid else "it is not there"
        if gap := lagging(status, self.people.sight.routes_of(wish.key)):
            return gap
        is_over = status.phase in ("Idle", "Failed", "Paused")
        waits = status.phase == "Progressing" and WAITING & {*status.reasons}
        if status.wanted != wish.revision:
            return f"git says {wish.revision}"
        return "" if is_over or waits else ", ".join(status.reasons) or "no reason"

    def unanswered(self) -> list[str]:
        """Commands that nobody answered."""
        commands = self.server.client().items("/apis/rollout.dev/v1alpha1/rolloutcommands")
        return [one["metadata"]["name"] for one in commands if not (one.get("status") or {}).get("result")]

    def answers(self) -> Counter[str]:
        """How many commands were accepted and refused."""
        commands = self.server.client().items("/apis/rollout.dev/v1alpha1/rolloutcommands")
        return Counter(f"{one['spec']['verb']} {(one.get('status') or {}).get('result', '')}" for one in commands)

    def audited(self) -> list[Audited]:
        """All that the replicas asked, in the order in which it was received."""
        found = [request for user in USERS for request in Tail(self.server, user, self.since).more()]
        return sorted(found, key=lambda request: request.began)

    def without_lease(self) -> list[str]:
        """Writes of a replica that did not hold the lease."""
        return without_lease(self.audited(), DEADLINE)

    def events(self) -> Counter[Key]:
        """How many Events each Rollout that is there has, repetitions counted in."""
        found: Counter[Key] = Counter()
        for event in self.server.client().items("/apis/events.k8s.io/v1/events"):
            about = event["regarding"]
            key = about.get("namespace", ""), about["name"]
            status = self.people.sight.statuses.get(key)
            if about["kind"] == "Rollout" and status is not None and about["uid"] == status.uid:
                found[key] += (event.get("series") or {}).get("count", 1)
        return found

    def flooded(self) -> list[str]:
        """Rollouts with more Events than what happened to them explains."""
        found = self.events()
        most = {key: EVENTS + EVENTS_A_RUN * one.run for key, one in self.people.sight.statuses.items()}
        return [f"{key}: {found[key]} Events, at most {limit}" for key, limit in most.items() if found[key] > limit]

    def logs(self) -> Iterator[dict[str, object]]:
        """What the replicas wrote; a line that is no JSON comes as `raw`."""
        for replica in self.victims.replicas:
            for line in replica.controller.log.read_text(errors="replace").splitlines():
                yield json.loads(line) if line.startswith("{") else {"raw": line}

    def ended(self) -> list[str]:
        """Replicas that do not run: whom the soak killed, it has started again."""
        return [one.user for one in self.victims.replicas if not one.controller.is_running]

    def told(self) -> str:
        """All figures, for people."""
        events, sight = self.events(), self.people.sight
        crowd = [wish.who for wish in self.people.specs.wishes.values()]
        subsets, twos = sum(one.has_subsets for one in crowd), sum(one.has_two_routes for one in crowd)
        facts, runs = sight.facts(), sight.runs()
        busiest, mean = max(events.values(), default=0), events.total() / max(runs, 1)
        return "\n".join(
            [
                f"{self.people.plan}: {runs} runs, {len(facts)} versions seen, settled in {self.settled_s:.0f} s",
                f"crowd: {subsets} with subsets, {twos} with two routes",
                f"people: {dict(self.people.done)}",
                f"commands: {dict(self.answers())}",
                f"faults: {', '.join(self.faults.told)}",
                f"phases: {dict(Counter(status.phase for status in sight.statuses.values()))}",
                f"Events of one Rollout: at most {busiest}, for each run {mean:.1f}",
                *(life.told() for life in self.lives),
            ]
        )

    def _look(self, now: float) -> None:
        """Sample the processes, and see who has had too much for too long."""
        leader, runs = self.victims.leader(), self.people.sight.runs()
        for replica in self.victims.replicas:
            if not replica.controller.is_running:
                continue
            life = next((one for one in self.lives if one.pid == replica.controller.pid), None)
            if life is None:
                life = Life(name=replica.user, pid=replica.controller.pid, argument=replica.argument)
                self.lives.append(life)
            life.look(leads=replica is leader, runs=runs)
        sight = self.people.sight
        gaps = {key: lagging(status, sight.routes_of(key)) for key, status in sight.statuses.items()}
        self._above = {key: self._above.get(key, now) for key, gap in gaps.items() if gap}
        calm = self.faults.calm_since
        self.late += [
            f"{'/'.join(key)}: {gaps[key]}, {now - since:.0f} s long and {now - calm:.0f} s after the last fault"
            for key, since in self._above.items()
            if calm and now - max(since, calm) > CALM_S
        ]

    def _waiting(self) -> float:
        """How many objects wait for a worker of the leader; one that does not answer has all of them waiting."""
        try:
            with urlopen(self.victims.leader().controller.metrics, timeout=10) as answer:
                lines = answer.read().decode().splitlines()
        except OSError:
            return float(self.people.plan.rollouts)
        return float(next(line for line in lines if line.startswith("rolloutctl_queue_depth")).split()[1])


def leading(server: ApiServer, replicas: Sequence[Replica]) -> Replica:
    """The replica that the Lease names."""
    holder = server.client().get(LEASE)["spec"].get("holderIdentity")
    return next((one for one in replicas if one.user == holder), replicas[0])
