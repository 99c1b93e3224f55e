"""Did the mesh take the route object as it is now?"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from rollout.traffic.dialects import Acceptance, Dialect
from rollout.traffic.entries import Obj

PARENT_CONDITIONS = ("Accepted", "ResolvedRefs")
_PARENT_DEFAULTS = {"group": "gateway.networking.k8s.io", "kind": "Gateway", "sectionName": "", "port": ""}


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What an API reports. accepted: the present generation is taken, or nothing is reported. problem: "" or why not."""

    accepted: bool
    problem: str = ""


def answered(obj: Obj, dialect: Dialect) -> Answer:
    """What the object's status says about its present generation.

    A status of an older generation is neither acceptance nor a problem: it is to be waited for.
    """
    match dialect.acceptance:
        case Acceptance.NONE:
            return Answer(accepted=True)
        case Acceptance.RECONCILED:
            return _reconciled(obj)
        case Acceptance.PARENTS:
            return _by_parents(obj)


def _reconciled(obj: Obj) -> Answer:
    """Istio writes a status only where told to; its Reconciled is False while proxies are still being told."""
    status = obj.get("status") or {}
    reported = status.get("observedGeneration")
    if reported is not None and int(reported) < _generation(obj):  # a string in older versions
        return Answer(accepted=False)
    is_waiting = any(
        condition.get("type") == "Reconciled" and condition.get("status") == "False"
        for condition in status.get("conditions") or ()
    )
    return Answer(accepted=not is_waiting)


def _by_parents(obj: Obj) -> Answer:
    wanted = {_parent(ref, obj) for ref in obj.get("spec", {}).get("parentRefs") or ()}
    parents = [
        parent
        for parent in (obj.get("status") or {}).get("parents") or ()
        if _parent(parent.get("parentRef", {}), obj) in wanted  # those of former parents are never cleaned up by some
    ]
    problems = sorted({problem for parent in parents for problem in _problems(parent, obj)})
    is_current = all(_is_current(condition, obj) for parent in parents for condition in _conditions(parent))
    return Answer(accepted=is_current and not problems, problem="; ".join(problems))


def _problems(parent: Obj, obj: Obj) -> Iterator[str]:
    for condition in _conditions(parent):
        if _is_current(condition, obj) and condition.get("status") == "False":
            name = parent["parentRef"].get("name", "")
            why = ": ".join(text for text in (condition.get("reason"), condition.get("message")) if text)
            yield f"{name} says {condition['type']}=False ({why})"


def _conditions(parent: Obj) -> Iterable[Obj]:
    return [one for one in parent.get("conditions") or () if one.get("type") in PARENT_CONDITIONS]


def _is_current(condition: Obj, obj: Obj) -> bool:
    return int(condition.get("observedGeneration", _generation(obj))) >= _generation(obj)


def _generation(obj: Obj) -> int:
    return int(obj.get("metadata", {}).get("generation") or 0)


def _parent(ref: Obj, obj: Obj) -> tuple[str, ...]:
    namespace = ref.get("namespace") or obj.get("metadata", {}).get("namespace", "")
    rest = (str(ref.get(name, default)) for name, default in sorted(_PARENT_DEFAULTS.items()))
    return (str(ref.get("name", "")), str(namespace), *rest)
