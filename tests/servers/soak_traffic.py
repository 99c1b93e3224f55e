"""What may never happen to the routes and subsets of a Rollout, whoever wrote them, and what may not stay as it is?"""

from collections.abc import Iterable, Iterator, Set
from dataclasses import dataclass, field

from tests.servers.soak_facts import Fact, Key, Routed, Ruled, Saved

FULL = 100
RUNNING = ("Progressing", "Promoting")
Place = tuple[Key, str]  # whose route, and its name


@dataclass(slots=True, kw_only=True)
class Traffic:
    """What was stored so far of all Rollouts. edited: the revisions in which a person wrote weights by hand.

    routes, rules: by name. lowered: what a person left the canary that had more in force, while nobody has paused the run.
    """

    edited: Set[int]
    statuses: dict[Key, Saved] = field(default_factory=dict)
    routes: dict[Key, dict[str, Routed]] = field(default_factory=dict)
    rules: dict[Key, dict[str, Ruled]] = field(default_factory=dict)
    lowered: dict[Place, int] = field(default_factory=dict)

    def wrong(self, fact: Fact) -> Iterator[str]:
        """What breaks a rule now that this fact is stored."""
        match fact:
            case Saved():
                yield from self._saved(fact)
            case Routed():
                old = self.routes.setdefault(fact.key, {}).get(fact.name)
                self.routes[fact.key][fact.name] = fact
                yield from self._weighed(old, fact)
                yield from self._lost(fact.key)
            case Ruled():
                self.rules.setdefault(fact.key, {})[fact.name] = fact
                yield from self._lost(fact.key)

    def _saved(self, new: Saved) -> Iterator[str]:
        """What a deleted Rollout leaves behind; and a run that stands, or is another, is no longer the one that was lowered."""
        old = self.statuses.get(new.key)
        self.statuses[new.key] = new
        is_same = old is not None and (old.uid, old.run) == (new.uid, new.run)
        if not is_same or new.phase not in RUNNING:
            for place in [place for place in self.lowered if place[0] == new.key]:
                del self.lowered[place]
        if new.uid or not new.stable:
            return
        for route in self.routes.get(new.key, {}).values():
            yield from (
                f"deleted, and {route.name} gives {share} % to {name}, not to stable {new.stable}"
                for pool in route.pools
                for name, share in pool.items()
                if share and name != new.stable
            )
        for rule in self.rules.get(new.key, {}).values():
            left = rule.subsets - {new.stable} if rule.is_ours else ()
            yield from (f"deleted, and {rule.name} of ours still has subset {name}" for name in sorted(left))

    def _weighed(self, old: Routed | None, new: Routed) -> Iterator[str]:
        """Weights that are not 100 together, rose without having been saved, or rose again after a person lowered them."""
        status, place = self.statuses.get(new.key), (new.key, new.name)
        for pool in new.pools:
            if sum(pool.values()) != FULL:
                yield f"weights {dict(pool)} are not 100 % together"
        if status is None or not status.stable:
            return
        if new.revision in self.edited:
            self._edited(status, new)
            return
        yield from _risen(status, old, new)
        most = max((pool.get(status.canary, 0) for pool in new.pools), default=0)
        if most > self.lowered.get(place, FULL):
            yield f"{new.name} gives {status.canary} {most} %, and a person had lowered it to {self.lowered[place]} %"

    def _edited(self, status: Saved, new: Routed) -> None:
        """Remember what a person lowered."""
        self.lowered.pop((new.key, new.name), None)
        share = min((pool.get(status.canary, 0) for pool in new.pools), default=0)
        if status.uid and status.phase in RUNNING and share < min(status.confirmed, status.weight):
            self.lowered[new.key, new.name] = share

    def _lost(self, key: Key) -> Iterator[str]:
        """Subsets with weight that no DestinationRule has at this moment."""
        known = {name for rule in self.rules.get(key, {}).values() for name in rule.subsets}
        for route in self.routes.get(key, {}).values():
            yield from (
                f"{route.name} leads to subset {name}, which is not there" for name in sorted(route.subsets - known)
            )


def _risen(status: Saved, old: Routed | None, new: Routed) -> Iterator[str]:
    """Who got more than before, and more than was saved."""
    for number, pool in enumerate(new.pools if old is not None else ()):
        before = old.pools[number] if old is not None and number < len(old.pools) else {}
        for name, share in pool.items():
            if name == status.stable or share <= before.get(name, 0):
                continue
            allowed = status.weight if status.uid and status.phase in RUNNING and name == status.canary else 0
            if share > allowed:
                yield f"{name} got {share} %, and {allowed} % was saved ({status.phase}, step {status.step})"


def lagging(status: Saved, routes: Iterable[Routed]) -> str:
    """What of a canary's traffic is still to be taken away, or which lowering nobody has seen; "" when all is as it should be."""
    if not status.uid or not status.stable:
        return ""
    for pool in (pool for route in routes for pool in route.pools):
        for name, share in pool.items():
            most = status.weight if name == status.canary and status.phase != "Idle" else 0
            if name != status.stable and share > most:
                return f"{name} has {share} %, {most} % is wanted ({status.phase})"
        in_force, share = min(status.confirmed, status.weight), pool.get(status.canary, 0)
        if status.phase in RUNNING and share < in_force:
            return f"{status.canary} has {share} %, {in_force} % was in force, and the run goes on ({status.phase})"
    return ""
