"""What happens to the Rollouts that a controller dies over on a real API server, and how does each end?"""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote_plus

from tests.servers.apiserver import ApiServer
from tests.servers.client import Kube, Obj
from tests.servers.controller import Controller
from tests.servers.deaths import NAMED, Deaths, Point
from tests.servers.faults import Asked, Fault
from tests.servers.history import History
from tests.servers.meddler import Meddler
from tests.servers.process import eventually
from tests.servers.replicas import namespaced
from tests.servers.scenery import a_member, failing, furnish
from tests.servers.shop import looks_at_policies, rights
from tests.servers.trouble import meddled

USER = "controller"
PATIENCE_S = 120.0
FULL = 100

Status = Mapping[str, Any]
When = Callable[[Status], bool]
Act = Callable[["Stage", str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """What people do to a Rollout, each when its status says so, and how it ends: phase, stable, and the runs' outcomes.

    outer: a second route object. subsets: revisions are subsets of one Service. is_new: nothing serves at first.
    """

    acts: tuple[tuple[When, Act], ...]
    ends: str
    outer: bool = False
    subsets: bool = False
    is_new: bool = False


@dataclass(slots=True, kw_only=True)
class Member:
    """One Rollout. point: where the controller dies over it; None where it does not. acted: how much was done to it."""

    name: str
    story: Story
    point: Point | None = None
    acted: int = 0

    @property
    def play(self) -> str:
        """What its story is called."""
        return self.name.partition("-")[0]

    def owns(self, obj: Obj) -> bool:
        """Whether an object is this Rollout, or there for it alone."""
        found = NAMED.search(obj["metadata"]["name"])
        return found is not None and found[0] == self.name

    @property
    def routes(self) -> tuple[str, ...]:
        """Its VirtualServices."""
        return (self.name, f"{self.name}-outer") if self.story.outer else (self.name,)


@dataclass(slots=True, kw_only=True)
class Stage:
    """A namespace, its controller, and the meddlers on the controller's way.

    bad: Rollouts whose canary fails. told_bad: the answers that said so.
    """

    kube: Kube
    namespace: str
    controller: Controller
    api: Meddler
    metrics: Meddler
    history: History
    told_bad: Fault
    bad: set[str] = field(default_factory=set)
    deaths: Deaths = field(default_factory=Deaths)

    def path(self, kind: str, name: str = "") -> str:
        """Where an object is."""
        return _path(self.namespace, kind, name)

    def enter(self, *members: Member) -> None:
        """v1 of each serves users, and git names it."""
        for member in members:
            story = member.story
            made = a_member(self.namespace, member.name, member.routes, subsets=story.subsets, is_new=story.is_new)
            self.kube.apply(*made)

    def play(self, members: list[Member], is_over: Callable[[dict[str, Status]], bool]) -> None:
        """Do to each what is due, until it is over."""

        def moved() -> bool:
            found = {one["metadata"]["name"]: one.get("status", {}) for one in self.kube.items(self.path("rollouts"))}
            for member in members:
                status, left = found.get(member.name), member.story.acts[member.acted :]
                if status and left and left[0][0](status):
                    left[0][1](self, member.name)
                    member.acted += 1
            return is_over(found)

        assert eventually(moved, PATIENCE_S, 0.2), self._told(members)

    def play_to_the_end(self, members: list[Member]) -> None:
        """Until every one of them ended, and nothing was written any more for a moment."""
        self.play(members, lambda found: all(_ended(one, found.get(one.name)) for one in members))

        assert self.deaths.fall_silent(PATIENCE_S), "it never stops writing"

    def die(self, members: list[Member]) -> set[str]:
        """Those that came to their points, or none; then the controller was killed, and another one started."""
        self.deaths.points = {one.name: one.point for one in members if one.point is not None}
        self.play(
            members,
            lambda found: all(one.name in self.deaths.dead or _ended(one, found.get(one.name)) for one in members),
        )
        lease = f"/apis/coordination.k8s.io/v1/namespaces/{self.namespace}/leases/rollout-controller"
        return self.deaths.revive(self.controller, self.api, lambda: self.kube.delete(lease))

    def ends(self, members: list[Member]) -> dict[str, str]:
        """What is left of each in the cluster, under a name that all of its story have."""
        kinds = ("rollouts", "virtualservices", "destinationrules", "rolloutcommands")
        objects = {kind: self.kube.items(self.path(kind)) for kind in kinds}
        return {
            one.name: json.dumps(
                {kind: [_left(obj) for obj in found if one.owns(obj)] for kind, found in objects.items()},
                sort_keys=True,
            ).replace(one.name, "NAME")
            for one in members
        }

    def _told(self, members: list[Member]) -> str:
        found = {one["metadata"]["name"]: one.get("status", {}) for one in self.kube.items(self.path("rollouts"))}
        late = [one for one in members if one.name not in self.deaths.dead and not _ended(one, found.get(one.name))]
        return "\n".join(
            f"{one.name} {one.point} acted {one.acted}: {so(found.get(one.name, {}))}"
            f" {[why.get('message') for why in found.get(one.name, {}).get('reasons', ())]}"
            for one in late
        )


def so(status: Status) -> str:
    """Phase, stable and what became of the runs, the newest first."""
    outcomes = [past["outcome"] for past in status.get("history", ())]
    return " ".join([str(status.get("phase")), str(status.get("stableRevision", "")), *outcomes])


def _ended(member: Member, status: Status | None) -> bool:
    if member.acted < len(member.story.acts):
        return False
    if not member.story.ends:
        return status is None
    return status is not None and so(status) == member.story.ends


def _left(obj: Obj) -> Obj:
    """What must be the same in the end, whoever died: no times, and no words that have some."""
    spec, status = obj.get("spec", {}), obj.get("status", {})
    for pool in spec.get("http", ()):  # a destination that is alone has 100 %, said or not
        pool["route"] = [{"weight": FULL, **entry} for entry in pool["route"]]
    told = {name: status.get(name) for name in ("phase", "stableRevision", "removable", "result")}
    runs = [(past["revision"], past["outcome"]) for past in status.get("history", ())]
    return {"spec": {name: spec.get(name) for name in ("http", "subsets", "revision")}, **told, "runs": runs}


@contextmanager
def a_stage(server: ApiServer, directory: Path, workers: int = 64) -> Iterator[Stage]:
    """A namespace with three revisions and no Rollout, and a controller that works on it through meddlers.

    workers: as many as there may be writes that are held.
    """
    with namespaced(server) as namespace, ExitStack() as closing:
        kube = server.client()
        kube.apply(*looks_at_policies(USER), rights(namespace, USER))
        furnish(kube, namespace)
        bad: set[str] = set()
        kubeconfig = directory / "kubeconfig"
        api, metrics = meddled(server, namespace, kubeconfig), Meddler("http://127.0.0.1:9")
        closing.callback(api.stop)
        closing.callback(metrics.stop)
        settings = {"namespace": namespace, "own_namespace": namespace, "workers": str(workers)}
        controller = Controller(directory, kubeconfig, prometheus_url=metrics.url, **settings)
        collections = tuple(_path(namespace, kind) for kind in ("rollouts", "virtualservices", "destinationrules"))
        history = History(server=server, collections=collections)
        told_bad = _tells(metrics, "1", bad)
        _tells(metrics, "0", None)
        stage = Stage(
            kube=kube,
            namespace=namespace,
            controller=controller,
            api=api,
            bad=bad,
            history=history,
            metrics=metrics,
            told_bad=told_bad,
        )
        history.begin()
        stage.deaths.reign(api)
        controller.start()
        closing.callback(controller.kill)
        yield stage


def _tells(metrics: Meddler, value: str, names: set[str] | None) -> Fault:
    """A metrics server that says this of these Rollouts; None is all of them."""
    result = [{"metric": {}, "value": [time.time(), value]}]
    answer = {"status": "success", "data": {"resultType": "vector", "result": result}}
    return metrics.tell(_is_about(names), answer)


def _is_about(names: set[str] | None) -> Callable[[Asked], bool]:
    return lambda asked: names is None or any(failing(name) in unquote_plus(asked.path) for name in names)


def _path(namespace: str, kind: str, name: str = "") -> str:
    ours = kind in ("rollouts", "rolloutcommands")
    group = "rollout.dev/v1alpha1" if ours else "networking.istio.io/v1"
    return f"/apis/{group}/namespaces/{namespace}/{kind}" + (f"/{name}" if name else "")
