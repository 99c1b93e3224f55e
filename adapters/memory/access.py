"""Who asks the memory cluster for what, and what do the self-reviews answer?"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from adapters.memory.kinds import Target
from adapters.memory.objects import Obj
from adapters.memory.statuses import RefusalError


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """Who sends a request."""

    name: str
    groups: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a user wants to do, as RBAC sees it; "" where a part does not apply."""

    user: User
    verb: str
    group: str
    resource: str
    namespace: str = ""
    name: str = ""


Allows = Callable[[Asked], bool]


def everything(_: Asked) -> bool:
    """Everybody may do everything."""
    return True


def check_access(allows: Allows, user: User, verb: str, target: Target) -> None:
    """Refuse (403) what `allows` does not allow; everybody may review their own access."""
    kind = target.kind
    resource = target.resource
    asked = Asked(
        user=user, verb=verb, group=kind.group, resource=resource, namespace=target.namespace, name=target.name
    )
    if kind.transient or allows(asked):
        return
    scope = f'in the namespace "{target.namespace}"' if target.namespace else "at the cluster scope"
    text = f'User "{user.name}" cannot {verb} resource "{resource}" in API group "{kind.group}" {scope}'
    raise RefusalError(403, f"{target.about.text} is forbidden: {text}", about=target.about)


def reviewed(body: Obj, target: Target, user: User, allows: Allows) -> dict[str, Any]:
    """The answer to a SelfSubjectAccessReview or a SelfSubjectReview; neither is stored."""
    head = {"apiVersion": target.api_version, "kind": target.kind.kind, "metadata": {}}
    if target.kind.kind == "SelfSubjectReview":
        return {**head, "status": {"userInfo": {"username": user.name, "groups": list(user.groups)}}}
    wanted = (body.get("spec") or {}).get("resourceAttributes") or {}
    part = f"/{wanted['subresource']}" if wanted.get("subresource") else ""
    asked = Asked(
        user=user,
        verb=wanted.get("verb", ""),
        group=wanted.get("group", ""),
        resource=wanted.get("resource", "") + part,
        namespace=wanted.get("namespace", ""),
        name=wanted.get("name", ""),
    )
    return {**head, "spec": body.get("spec") or {}, "status": {"allowed": allows(asked)}}
