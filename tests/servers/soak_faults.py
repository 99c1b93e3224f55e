"""What befalls the servers of a soak and its replicas, one thing after another, drawn from its seed?"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

from tests.servers.controller import Controller
from tests.servers.faults import everything, watches, writes
from tests.servers.githttp import GitHttp
from tests.servers.meddler import Meddler
from tests.servers.soak_plan import Plan

End = Callable[[], None]
LEASE_S = 10.0


@dataclass(slots=True, kw_only=True)
class Replica:
    """One `rollout serve`, the user that it is, and the proxy by which it reaches the API server.

    argument: of its command line, and of no other's.
    """

    user: str
    controller: Controller
    api: Meddler
    argument: str


@dataclass(slots=True, kw_only=True)
class Victims:
    """All that can be hurt. leader: who has the lease now."""

    leader: Callable[[], Replica]
    replicas: tuple[Replica, ...]
    prometheus: Meddler
    git: GitHttp


@dataclass(frozen=True, slots=True, kw_only=True)
class Blow:
    """One fault. times: how often it comes in each round; lasts: seconds, from and to; deal: begins it, and gives what ends it."""

    name: str
    times: int
    lasts: tuple[float, float]
    deal: Callable[[Victims], End]


def _answered(status: int, *, most: int | None = None) -> Callable[[Victims], End]:
    def deal(victims: Victims) -> End:
        api = victims.leader().api
        api.answer(status, writes if status < 500 else everything, times=most, Retry_After="1")
        return api.heal

    return deal


def _unanswered(victims: Victims) -> End:
    api = victims.leader().api
    api.hang(everything)
    return api.heal


def _reset(victims: Victims) -> End:
    api = victims.leader().api
    api.reset(everything)
    api.cut(everything)
    return api.heal


def _slow(victims: Victims) -> End:
    api = victims.leader().api
    api.delay(everything, 0.7)  # longer than a tick, shorter than what the lease leaves a write
    return api.heal


def _torn(victims: Victims) -> End:
    for replica in victims.replicas:
        replica.api.tear(watches)
    return _nothing


def _silent(victims: Victims) -> End:
    api = victims.leader().api
    api.hush(watches)

    def end() -> None:
        api.cut(watches)  # what is silent for minutes is another test's

    return end


def _forgotten(victims: Victims) -> End:
    api = victims.leader().api
    api.answer(410, watches, times=8)
    api.cut(watches)
    return api.heal


def _no_metrics(status: int) -> Callable[[Victims], End]:
    def deal(victims: Victims) -> End:
        if status:
            victims.prometheus.tell(everything, {"status": "error", "error": "no"}, status)
        else:
            victims.prometheus.reset(everything)
        return victims.prometheus.heal

    return deal


def _slow_metrics(victims: Victims) -> End:
    victims.prometheus.delay(everything, 2.5)
    return victims.prometheus.heal


def _no_git(victims: Victims) -> End:
    victims.git.fault = 503

    def end() -> None:
        victims.git.fault = None

    return end


def _killed(victims: Victims) -> End:
    replica = victims.leader()
    replica.controller.kill()
    return replica.controller.launch  # it is ready again when it can be


def _stopped(victims: Victims) -> End:
    replica = victims.leader()
    replica.controller.freeze()
    return replica.controller.thaw


def _nothing() -> None:
    """What is over at once."""


BLOWS = (
    Blow(name="409", times=2, lasts=(2, 5), deal=_answered(409)),
    Blow(name="429", times=2, lasts=(2, 6), deal=_answered(429)),
    Blow(name="500", times=2, lasts=(2, 5), deal=_answered(500)),
    Blow(name="500 a few times", times=2, lasts=(2, 4), deal=_answered(500, most=4)),
    Blow(name="no answers", times=2, lasts=(2, 4), deal=_unanswered),
    Blow(name="no answers until the lease is lost", times=1, lasts=(LEASE_S + 1, LEASE_S + 4), deal=_unanswered),
    Blow(name="reset", times=2, lasts=(2, 5), deal=_reset),
    Blow(name="slow", times=2, lasts=(2, 6), deal=_slow),
    Blow(name="torn watches", times=2, lasts=(0.5, 1), deal=_torn),
    Blow(name="silent watches", times=2, lasts=(2, 7), deal=_silent),
    Blow(name="forgotten history", times=2, lasts=(1, 2), deal=_forgotten),
    Blow(name="Prometheus is down", times=2, lasts=(2, 8), deal=_no_metrics(0)),
    Blow(name="Prometheus answers 503", times=2, lasts=(2, 8), deal=_no_metrics(503)),
    Blow(name="Prometheus is slow", times=2, lasts=(2, 8), deal=_slow_metrics),
    Blow(name="git answers 503", times=2, lasts=(2, 9), deal=_no_git),
    Blow(name="kill -9", times=1, lasts=(1, 4), deal=_killed),
    Blow(name="SIGSTOP", times=1, lasts=(LEASE_S + 2, LEASE_S + 5), deal=_stopped),
)


@dataclass(slots=True, kw_only=True)
class Faults:
    """One blow after another, with calm in between; all of them come before one comes again. told: what there was so far; calm_since: 0.0 while one lasts."""

    victims: Victims
    rng: Random
    plan: Plan
    calm_since: float
    told: list[str] = field(default_factory=list)
    _round: list[Blow] = field(default_factory=list)
    _next: float = 0.0
    _end: End | None = None

    def pass_by(self) -> None:
        """Begin or end a blow when its time has come."""
        now = time.monotonic()
        self._next = self._next or now + self.rng.uniform(*self.plan.calm)
        if now < self._next:
            return
        if self._end is not None:
            self.stop()
            return
        blow = self._drawn()
        lasts = min(self.rng.uniform(*blow.lasts), self.plan.longest_fault)
        self.told.append(f"{blow.name} ({lasts:.0f} s)")
        self.calm_since = 0.0
        self._end = blow.deal(self.victims)
        self._next = time.monotonic() + lasts

    def stop(self) -> None:
        """End the blow that lasts."""
        if self._end is not None:
            self._end()
            self._end = None
        self.calm_since = time.monotonic()
        self._next = self.calm_since + self.rng.uniform(*self.plan.calm)

    def _drawn(self) -> Blow:
        if not self._round:
            self._round = [one for one in BLOWS if one.lasts[0] <= self.plan.longest_fault for _ in range(one.times)]
            self.rng.shuffle(self._round)
        return self._round.pop()
