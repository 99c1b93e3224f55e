"""What became of every Rollout, route and DestinationRule, one stored version after the other, as somebody outside sees it?

Three watches with the administrator's rights, past the proxy. All kinds share one etcd: its revisions put what they say
in the order in which it was stored, so a weight is compared with the status that was saved at that very moment.
"""

import json
import ssl
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from threading import Event, Lock, Thread
from typing import Any

from tests.servers.apiserver import ApiServer
from tests.servers.client import Obj

ROLLOUTS = "/apis/rollout.dev/v1alpha1/rollouts"
ROUTES = "/apis/networking.istio.io/v1/virtualservices"
RULES = "/apis/networking.istio.io/v1/destinationrules"
ASIDE = "-aside"  # ends the name of a Rollout's second route; the first has the Rollout's own
MANAGED_BY = ("app.kubernetes.io/managed-by", "rollout-controller")
SILENCE_S = 90.0  # a bookmark comes every minute
Key = tuple[str, str]  # namespace and name of a Rollout


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved:
    """One stored version of a Rollout. revision: of etcd; uid: "" once it is deleted.

    confirmed: the weight that was last seen in force on every route. plan: weight of each step, and whether it has a gate.
    approved: steps. straight: to 100 % at once.
    """

    revision: int
    key: Key
    uid: str
    wanted: str = ""
    phase: str = ""
    run: int = 0
    step: int = 0
    weight: int = 0
    confirmed: int = 0
    stable: str = ""
    canary: str = ""
    former: str = ""
    plan: tuple[tuple[int, bool], ...] = ()
    approved: frozenset[int] = frozenset()
    straight: bool = False
    began: datetime | None = None
    reasons: tuple[str, ...] = ()
    next: str = ""
    template: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Routed:
    """One stored version of a route. key: whose it is; pools: the weight of each revision, in each list of destinations.

    subsets: those that have weight.
    """

    revision: int
    key: Key
    pools: tuple[Mapping[str, int], ...]
    name: str = ""
    subsets: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruled:
    """One stored version of a DestinationRule. key: whose host it is for; subsets: none once it is deleted."""

    revision: int
    key: Key
    name: str
    subsets: frozenset[str]
    is_ours: bool


Fact = Saved | Routed | Ruled


def saved(obj: Obj, *, deleted: bool = False) -> Saved:
    """What a Rollout says."""
    meta, spec, status = obj["metadata"], obj["spec"], obj.get("status") or {}
    machine = status.get("machine") or {}
    run = machine.get("run") or {}
    began = status.get("stepStartedAt")
    return Saved(
        revision=int(meta["resourceVersion"]),
        key=(meta["namespace"], meta["name"]),
        uid="" if deleted else meta["uid"],
        wanted=spec["revision"],
        phase=status.get("phase", ""),
        run=status.get("run", 0),
        step=status.get("step", 0),
        weight=status.get("weight", 0),
        confirmed=run.get("confirmed", 0),
        stable=status.get("stableRevision", ""),
        canary=status.get("canaryRevision", ""),
        former=(machine.get("former") or {}).get("name", ""),
        plan=tuple((step["weight"], bool(step.get("approvals"))) for step in run.get("plan", ())),
        approved=frozenset(one["step"] for one in run.get("approvals", ())),
        straight=bool(run.get("straight")),
        began=datetime.fromisoformat(began) if began else None,
        reasons=tuple(reason["code"] for reason in status.get("reasons", ())),
        next=status.get("next", ""),
        template=status.get("template", ""),
    )


def routed(obj: Obj) -> Routed:
    """What a VirtualService says."""
    meta = obj["metadata"]
    key = (meta["namespace"], meta["name"].removesuffix(ASIDE))
    pools = [list(_shares(http["route"])) for http in obj["spec"]["http"]]
    used = {to["subset"] for pool in pools for to, share in pool if share and "subset" in to}
    return Routed(
        revision=int(meta["resourceVersion"]),
        key=key,
        pools=tuple({revision_of(to, key[1]): share for to, share in pool} for pool in pools),
        name=meta["name"],
        subsets=frozenset(used),
    )


def ruled(obj: Obj, *, deleted: bool = False) -> Ruled:
    """What a DestinationRule says."""
    meta, (label, value) = obj["metadata"], MANAGED_BY
    subsets = () if deleted else obj["spec"].get("subsets", ())
    return Ruled(
        revision=int(meta["resourceVersion"]),
        key=(meta["namespace"], obj["spec"]["host"]),
        name=meta["name"],
        subsets=frozenset(one["name"] for one in subsets),
        is_ours=meta.get("labels", {}).get(label) == value,
    )


def revision_of(destination: Mapping[str, str], name: str) -> str:
    """The revision of a Rollout of this name to which a destination leads."""
    return destination.get("subset") or destination["host"].removeprefix(f"{name}-")


def _shares(entries: list[Obj]) -> Iterator[tuple[Mapping[str, str], int]]:
    """Each destination and its weight; one that is alone has everything."""
    for entry in entries:
        yield entry["destination"], entry.get("weight", 100 if len(entries) == 1 else 0)


@dataclass(slots=True, kw_only=True)
class Sight:
    """All facts since it opened its eyes, and the newest Saved and Routed. routes: by key and name; problem: why it sees no more."""

    server: ApiServer
    statuses: dict[Key, Saved] = field(default_factory=dict)
    routes: dict[Key, dict[str, Routed]] = field(default_factory=dict)
    problem: str = ""
    _runs: dict[str, int] = field(default_factory=dict)
    _facts: list[Fact] = field(default_factory=list)
    _lock: Lock = field(default_factory=Lock)
    _closed: Event = field(default_factory=Event)

    def open(self) -> None:
        """Return when all kinds were listed; they are watched from there on."""
        for path, seen in ((ROLLOUTS, self._saved), (ROUTES, self._routed), (RULES, self._ruled)):
            found = self.server.client().get(path)
            for obj in found["items"]:
                seen(obj, "ADDED")
            since = found["metadata"]["resourceVersion"]
            Thread(target=self._watched, args=(path, since, seen), name="sight", daemon=True).start()

    def close(self) -> None:
        """See nothing more."""
        self._closed.set()

    def facts(self) -> list[Fact]:
        """All so far, in the order in which they were stored."""
        with self._lock:
            found = list(self._facts)
        return sorted(found, key=lambda fact: fact.revision)

    def runs(self) -> int:
        """How many runs there were, those of Rollouts that are gone among them."""
        return sum(self._runs.values())

    def routes_of(self, key: Key) -> tuple[Routed, ...]:
        """The newest version of each route of a Rollout."""
        return tuple(self.routes.get(key, {}).values())

    def _saved(self, obj: Obj, kind: str) -> None:
        fact = saved(obj, deleted=kind == "DELETED")
        with self._lock:
            self._facts.append(fact)
            self.statuses[fact.key] = fact
            self._runs[obj["metadata"]["uid"]] = fact.run

    def _routed(self, obj: Obj, _: str) -> None:
        fact = routed(obj)
        with self._lock:
            self._facts.append(fact)
            self.routes[fact.key] = {**self.routes.get(fact.key, {}), fact.name: fact}

    def _ruled(self, obj: Obj, kind: str) -> None:
        fact = ruled(obj, deleted=kind == "DELETED")
        with self._lock:
            self._facts.append(fact)

    def _watched(self, path: str, since: str, seen: Callable[[Obj, str], None]) -> None:
        """Until it is closed; a watch that ends goes on where it was, and nothing is left out."""
        trusted = ssl.create_default_context(cafile=str(self.server.ca))
        headers = {"Authorization": f"Bearer {self.server.token['admin']}"}
        while not self._closed.is_set():
            url = f"{self.server.url}{path}?watch=1&allowWatchBookmarks=true&resourceVersion={since}"
            try:
                request = urllib.request.Request(url, headers=headers)
                with urllib.request.urlopen(request, timeout=SILENCE_S, context=trusted) as lines:
                    for line in lines:
                        since = self._heard(json.loads(line), seen)
            except (OSError, ValueError) as error:
                self.problem = "" if self._closed.is_set() else f"{path}: {error}"
                return

    def _heard(self, event: Mapping[str, Any], seen: Callable[[Obj, str], None]) -> str:
        if event["type"] == "ERROR":
            raise ValueError(str(event["object"]))
        if event["type"] != "BOOKMARK":
            seen(event["object"], event["type"])
        return str(event["object"]["metadata"]["resourceVersion"])
