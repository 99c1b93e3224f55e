"""What do people do in a soak: what do they commit and command, drawn from its seed?"""

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random

from rollout.manifest.rolloutcommand import command_to_dict
from rollout.model.commands import Command, Verb
from rollout.model.names import Key as Target
from tests.bench.answering import AnsweringPrometheus
from tests.servers.client import Kube
from tests.servers.soak_crowd import REVISIONS
from tests.servers.soak_facts import Key, Saved, Sight
from tests.servers.soak_git import Specs, Wish
from tests.servers.soak_hands import Draw, edited
from tests.servers.soak_plan import Plan
from tests.servers.soak_rules import Truth

USER = "admin"
RUNNING = ("Progressing", "Promoting", "Paused")
BAD_SHARE, RESUMED_SHARE, BACK_SHARE = 0.25, 0.8, 0.75


@dataclass(slots=True, kw_only=True)
class People:
    """They look at the cluster and do something. done: how often each thing was done; asked: commands that were sent."""

    kube: Kube
    sight: Sight
    specs: Specs
    prometheus: AnsweringPrometheus
    truth: Truth
    rng: Random
    plan: Plan
    done: Counter[str] = field(default_factory=Counter)
    asked: int = 0
    _next: float = 0.0
    _later: list[tuple[float, Callable[[], None]]] = field(default_factory=list)

    def pass_by(self) -> None:
        """Do what its time has come for."""
        now = time.monotonic()
        due = [what for at, what in self._later if at <= now]
        self._later = [(at, what) for at, what in self._later if at > now]
        for what in due:
            what()
        self._heal()
        if now >= self._next:
            acts, weights = zip(*((name, weight) for name, (weight, _) in ACTS.items()), strict=True)
            (name,) = self.rng.choices(acts, weights)
            self.done[name] += ACTS[name][1](self)
            self._next = now + self.rng.expovariate(1 / self.plan.pause_s)

    def finish(self) -> None:
        """All that was to be done later is done now, and nobody is bad any more."""
        for _, what in self._later:
            what()
        self._later.clear()
        for key, revision in list(self.truth.bad):
            self._turn_good(key, revision)

    def release(self) -> bool:
        """The next revision, for one or a few who have no run."""
        idle = [one for one in self._wished("Idle", "Failed") if one.stable]
        chosen = self.rng.sample(idle, min(len(idle), self.rng.choice((1, 1, 2, 4))))
        wishes = []
        for status in chosen:
            wish = self.specs.wishes[status.key]
            wish.revision = self._following(wish.revision)
            if self.rng.random() < 0.5:
                wish.steps = self.specs.steps()
            wishes.append(wish)
            if self.rng.random() < BAD_SHARE:
                self._turns_bad(status.key, wish.revision)
        return self._committed(wishes, "release")

    def overtake(self) -> bool:
        """Another revision while a run is under way."""
        return self._renamed(self._wished(*RUNNING), lambda status: self._following(status.wanted))

    def revert(self) -> bool:
        """The revision that serves users, in mid-run; or the former one, after a promotion."""
        found = self._wished(*RUNNING, "Idle", "Failed")
        return self._renamed(found, lambda one: one.stable if one.canary else one.former)

    def replan(self) -> bool:
        """Other steps."""
        wish = self._anybody()
        wish.steps = self.specs.steps()
        return self._committed([wish], "other steps")

    def spoil(self) -> bool:
        """A file that nobody can read, mended a while later."""
        wish = self._anybody()
        wish.broken = True

        def mend() -> None:
            wish.broken = False
            self.specs.commit([wish], "mended")

        self._do_later(self.rng.uniform(0.5, self.plan.later_s), mend)
        return self._committed([wish], "broken")

    def pause(self) -> bool:
        """`pause`, and most times `resume` a while later."""
        status = self._one_in("Progressing", "Promoting")
        if status is None:
            return False
        self._is_resumed_later(status.key)
        return self._send(status, Verb.PAUSE)

    def lower(self) -> bool:
        """Less weight for a canary on one route, by hand; most times `resume` a while later."""
        status = self._edited_by_hand(lambda has, _: int(self.rng.random() * has))
        if status is not None:
            self._is_resumed_later(status.key)
        return status is not None

    def heighten(self) -> bool:
        """More weight for a canary on one route, by hand."""
        wanted = self._edited_by_hand(lambda has, most: has + 1 + int(self.rng.random() * (most - has)))
        return wanted is not None

    def remove(self) -> bool:
        """A Rollout leaves git, and most times comes back a while later, by the same name and at any revision."""
        wish, revision = self._anybody(), self.rng.choice(REVISIONS)
        wish.is_gone = True

        def bring_back() -> None:
            wish.is_gone, wish.revision = False, revision
            self.specs.commit([wish], f"{wish.key[1]} is back")

        if self.rng.random() < BACK_SHARE:
            self._do_later(self.rng.uniform(0.5, self.plan.later_s), bring_back)
        self.specs.commit([wish], f"{wish.key[1]} is gone")
        return True

    def abort(self) -> bool:
        """`abort`."""
        return self._send(self._one_in(*RUNNING), Verb.ABORT)

    def approve(self) -> bool:
        """`approve`, of all who wait for it."""
        waiting = [one for one in self._in("Progressing", "Paused") if "AwaitingApproval" in one.reasons]
        for one in waiting:
            self._send(one, Verb.APPROVE)
        return bool(waiting)

    def reject(self) -> bool:
        """`reject`."""
        waiting = [one for one in self._in("Progressing") if "AwaitingApproval" in one.reasons]
        return self._send(self.rng.choice(waiting), Verb.REJECT) if waiting else False

    def promote(self) -> bool:
        """`promote`."""
        return self._send(self._one_in("Progressing"), Verb.PROMOTE)

    def promote_full(self) -> bool:
        """`promote-full`."""
        return self._send(self._one_in("Progressing"), Verb.PROMOTE_FULL)

    def retry(self) -> bool:
        """`retry` what failed."""
        return self._send(self._one_in("Failed"), Verb.RETRY)

    def order_anything(self) -> bool:
        """A command that may not be possible at all."""
        verb = self.rng.choice((Verb.PAUSE, Verb.RESUME, Verb.ABORT, Verb.RETRY, Verb.PROMOTE))
        return self._send(self.sight.statuses.get(self._anybody().key), verb)

    def _in(self, *phases: str) -> list[Saved]:
        return [one for _, one in sorted(self.sight.statuses.items()) if one.phase in phases and one.uid]

    def _wished(self, *phases: str) -> list[Saved]:
        return [one for one in self._in(*phases) if not self.specs.wishes[one.key].is_gone]

    def _one_in(self, *phases: str) -> Saved | None:
        found = self._in(*phases)
        return self.rng.choice(found) if found else None

    def _anybody(self) -> Wish:
        return self.rng.choice([wish for _, wish in sorted(self.specs.wishes.items()) if not wish.is_gone])

    def _following(self, revision: str) -> str:
        return REVISIONS[(REVISIONS.index(revision) + 1) % len(REVISIONS)]

    def _renamed(self, found: list[Saved], to: Callable[[Saved], str]) -> bool:
        named = [one for one in found if to(one) not in ("", self.specs.wishes[one.key].revision)]
        if not named:
            return False
        status = self.rng.choice(named)
        wish = self.specs.wishes[status.key]
        wish.revision = to(status)
        return self._committed([wish], f"{status.key[1]} {wish.revision}")

    def _committed(self, wishes: list[Wish], message: str) -> bool:
        if wishes:
            self.specs.commit(wishes, message)
        return bool(wishes)

    def _edited_by_hand(self, draw: Draw) -> Saved | None:
        status = self._one_in("Progressing", "Paused")
        if status is None:
            return None
        revision = edited(self.kube, status, self.rng.choice(self.specs.wishes[status.key].who.routes), draw)
        if revision:
            self.truth.edited.add(revision)
        return status if revision else None

    def _is_resumed_later(self, key: Key) -> None:
        if self.rng.random() < RESUMED_SHARE:
            self._do_later(self.rng.uniform(0.5, self.plan.later_s), lambda: self._resume(key))

    def _resume(self, key: Key) -> None:
        status = self.sight.statuses[key]
        if status.uid and status.phase == "Paused":
            self._send(status, Verb.RESUME)

    def _send(self, status: Saved | None, verb: Verb) -> bool:
        """Give a command, made for what is known now, as the CLI writes it."""
        if status is None or not status.uid:
            return False
        if verb is Verb.APPROVE:
            self.truth.approved.add((status.uid, status.run, status.step))
        if verb is Verb.PROMOTE:
            self.truth.promoted.add((status.uid, status.run, status.step))
        if verb is Verb.PROMOTE_FULL:
            self.truth.promoted_full.add((status.uid, status.run))
        if verb is Verb.RESUME:
            self.truth.resumed[status.uid, status.run] += 1
        in_run = verb is not Verb.RETRY
        wanted = Command(
            uid="",
            name="",
            verb=verb,
            actor=USER,
            channel="cli",
            created=datetime.now(UTC),
            run=status.run if in_run else None,
            step=status.step if in_run else None,
            revision=(status.canary or None) if in_run else None,
            template=(status.template or None) if in_run else None,
            groups=("system:masters",),
        )
        self.kube.create(command_to_dict(Target(namespace=status.key[0], name=status.key[1]), wanted))
        self.asked += 1
        return True

    def _turns_bad(self, key: Key, revision: str) -> None:
        def turn() -> None:
            self.truth.bad.setdefault((key, revision), []).append((datetime.now(UTC), None))
            self.prometheus.turn_bad(f"{key[1]}-{revision}")

        self._do_later(self.rng.uniform(1, 20), turn)

    def _turn_good(self, key: Key, revision: str) -> None:
        spans = self.truth.bad[key, revision]
        if spans and spans[-1][1] is None:
            spans[-1] = (spans[-1][0], datetime.now(UTC))
            self.prometheus.turn_good(f"{key[1]}-{revision}")

    def _heal(self) -> None:
        """A revision whose run is over is mended before anybody tries it again."""
        for key, revision in list(self.truth.bad):
            status = self.sight.statuses[key]
            if not status.uid or status.canary != revision:
                self._turn_good(key, revision)

    def _do_later(self, seconds: float, what: Callable[[], None]) -> None:
        self._later.append((time.monotonic() + seconds, what))


ACTS: dict[str, tuple[int, Callable[[People], bool]]] = {
    "release": (30, People.release),
    "overtake": (4, People.overtake),
    "revert": (8, People.revert),
    "other steps": (8, People.replan),
    "broken spec": (4, People.spoil),
    "pause": (8, People.pause),
    "abort": (6, People.abort),
    "approve": (12, People.approve),
    "reject": (2, People.reject),
    "promote": (6, People.promote),
    "promote-full": (3, People.promote_full),
    "retry": (6, People.retry),
    "any command": (3, People.order_anything),
    "lower by hand": (8, People.lower),
    "raise by hand": (5, People.heighten),
    "leave git": (6, People.remove),
}
