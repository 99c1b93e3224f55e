"""What in the cluster belongs together: which Service, workload and routes does an existing service consist of?

Nothing is written. What is not clear is never guessed: AdoptionError lists the candidates and the flag that chooses.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from rollout.manifest.overlap import WORKLOADS, selects
from rollout.model.names import BackendName, Key
from rollout.ports.errors import KindAbsent, NotFound
from rollout.ports.objects import Obj, Objects
from rollout.traffic.dialects import DIALECTS
from rollout.traffic.entries import backend_of
from rollout.traffic.subsets import KIND as RULE
from rollout.traffic.weights import places

_SHOWN = 10  # more candidates than this help nobody


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a person asks for. key: of the Rollout to be; "" and () where the cluster is to tell.

    workload and routes: KIND/NAME. subsets: one Service is kept, and revisions are subsets of it.
    """

    key: Key
    service: str = ""
    workload: str = ""
    routes: tuple[str, ...] = ()
    revision: str = ""
    git_url: str = ""
    subsets: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What a service consists of. rules: all DestinationRules of the namespace; others: all its workloads and Services."""

    service: Obj
    workload: Obj
    routes: tuple[Obj, ...]
    rules: tuple[Obj, ...]
    others: tuple[Obj, ...]

    @property
    def host(self) -> str:
        """The Service's name."""
        return str(self.service["metadata"]["name"])


class AdoptionError(Exception):
    """It cannot be told, or cannot be done. hint: the flag or the change that helps."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


async def parts(objects: Objects, wish: Wish) -> Parts:
    """The one Service, its one workload and every route that names it; raises AdoptionError, Forbidden, Unreachable."""
    await _check_new(objects, wish.key)
    service = await _service(objects, wish)
    others = await _listed(objects, (*WORKLOADS, "Service"), wish.key.namespace)
    workload = _workload([obj for obj in others if obj["kind"] in WORKLOADS], service, wish)
    routes = _routes(await _listed(objects, tuple(DIALECTS), wish.key.namespace), service, wish)
    rules = await _listed(objects, (RULE,), wish.key.namespace)
    return Parts(service=service, workload=workload, routes=routes, rules=rules, others=others)


def named_by(route: Obj) -> Iterator[BackendName]:
    """Every backend that a route names, once per entry."""
    dialect = DIALECTS[str(route["kind"])]
    for place in places(route, dialect):
        for entry in place.entries:
            yield backend_of(entry, str(route["metadata"].get("namespace", "")), dialect)


def title(obj: Obj) -> str:
    """`KIND/NAME` of an object."""
    return f"{obj['kind']}/{obj['metadata']['name']}"


def pod_labels(workload: Obj) -> dict[str, str]:
    """The labels of a workload's pods."""
    template = (workload.get("spec") or {}).get("template") or {}
    return dict((template.get("metadata") or {}).get("labels") or {})


async def _check_new(objects: Objects, key: Key) -> None:
    try:
        await objects.get("Rollout", key.namespace, key.name)
    except NotFound:
        return
    raise AdoptionError(f"Rollout {key} is there already", "`rollout why` tells how it stands; choose another name")


async def _listed(objects: Objects, kinds: Iterable[str], namespace: str) -> tuple[Obj, ...]:
    """All objects of these kinds there; a kind that the cluster does not serve has none."""
    found: list[Obj] = []
    for kind in kinds:
        try:
            found += await objects.list(kind, namespace)
        except KindAbsent:
            continue
    return tuple(found)


async def _service(objects: Objects, wish: Wish) -> Obj:
    name = wish.service or wish.key.name
    try:
        service = await objects.get("Service", wish.key.namespace, name)
    except NotFound as error:
        names = [title(obj) for obj in await objects.list("Service", wish.key.namespace)]
        there = f"there is {_list(names)}" if names else "there is none at all"
        raise AdoptionError(f"there is no Service {name} in {wish.key.namespace}; {there}", "--service NAME") from error
    if not (service.get("spec") or {}).get("selector"):
        message = f"Service {name} selects no pods (it has no selector), so it has no revisions"
        raise AdoptionError(message, "--service NAME of one that selects the workload's pods")
    return service


def _workload(candidates: list[Obj], service: Obj, wish: Wish) -> Obj:
    """The workload whose pods the Service selects."""
    selector, name = service["spec"]["selector"], service["metadata"]["name"]
    selected = [obj for obj in candidates if selects(selector, pod_labels(obj))]
    if wish.workload:
        chosen = [obj for obj in selected if title(obj).lower() == wish.workload.lower()]
        if not chosen:
            what = f"there is {_list([title(obj) for obj in selected])}" if selected else "it selects no workload's"
            message = f"Service {name} does not select the pods of {wish.workload}; {what}"
            raise AdoptionError(message, "--workload KIND/NAME of one that it selects")
        return chosen[0]
    if not selected:
        labels = ",".join(f"{key}={value}" for key, value in sorted(selector.items()))
        message = f"Service {name} selects {labels}, and no {', '.join(WORKLOADS)} has such pods"
        raise AdoptionError(message, "--service NAME of the one that users reach")
    if len(selected) > 1:
        message = f"Service {name} selects the pods of {_list([title(obj) for obj in selected])}"
        raise AdoptionError(message, "--workload KIND/NAME says which of them serves now")
    return selected[0]


def _routes(candidates: tuple[Obj, ...], service: Obj, wish: Wish) -> tuple[Obj, ...]:
    """Every route that sends to the Service, or those of them that were asked for: all of them move together."""
    name = service["metadata"]["name"]
    naming = [obj for obj in candidates if any(backend.service == name for backend in named_by(obj))]
    titles = [title(obj) for obj in naming]
    wanted = {asked.lower() for asked in wish.routes}
    strangers = [asked for asked in wish.routes if asked.lower() not in map(str.lower, titles)]
    if strangers:
        there = f"{_list(titles)} does" if titles else "no route does"
        raise AdoptionError(f"{strangers[0]} does not send to Service {name}; {there}", "--route KIND/NAME")
    if not naming:
        message = f"no {', '.join(DIALECTS)} in {wish.key.namespace} sends to Service {name}, so no weight can be moved"
        raise AdoptionError(message, f"write a route that sends to {name}, then run this again")
    return tuple(obj for obj in naming if not wanted or title(obj).lower() in wanted)


def _list(names: list[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(sorted(names)[:_SHOWN]) + more
