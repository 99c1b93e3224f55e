"""Who asks the memory cluster for what, and what do the reviews answer?"""

from collections.abc import Callable, Mapping
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
    extra: tuple[tuple[str, tuple[str, ...]], ...] = ()


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
    if (kind.transient and kind.kind.startswith("Self")) or allows(asked):
        return
    scope = f'in the namespace "{target.namespace}"' if target.namespace else "at the cluster scope"
    text = f'User "{user.name}" cannot {verb} resource "{resource}" in API group "{kind.group}" {scope}'
    raise RefusalError(403, f"{target.about.text} is forbidden: {text}", about=target.about)


def reviewed(body: Obj, target: Target, user: User, allows: Allows, tokens: Mapping[str, User]) -> dict[str, Any]:
    """The answer to a review of oneself, of another user or of a token; none is stored."""
    head = {"apiVersion": target.api_version, "kind": target.kind.kind, "metadata": {}}
    spec = body.get("spec") or {}
    match target.kind.kind:
        case "SelfSubjectReview":
            return {**head, "status": {"userInfo": _user_info(user)}}
        case "TokenReview":
            known = tokens.get(spec.get("token", ""))
            told = {"authenticated": True, "user": _user_info(known)} if known else {"error": "unknown token"}
            return {**head, "spec": spec, "status": told}
        case "SubjectAccessReview":
            extra = tuple(sorted((name, tuple(texts)) for name, texts in (spec.get("extra") or {}).items()))
            user = User(name=spec.get("user", ""), groups=tuple(spec.get("groups") or ()), extra=extra)
    return {**head, "spec": spec, "status": {"allowed": allows(_asked(spec.get("resourceAttributes") or {}, user))}}


def _user_info(user: User) -> dict[str, Any]:
    told = {"username": user.name, "groups": list(user.groups)}
    return told | ({"extra": {name: list(texts) for name, texts in user.extra}} if user.extra else {})


def _asked(wanted: Obj, user: User) -> Asked:
    part = f"/{wanted['subresource']}" if wanted.get("subresource") else ""
    return Asked(
        user=user,
        verb=wanted.get("verb", ""),
        group=wanted.get("group", ""),
        resource=wanted.get("resource", "") + part,
        namespace=wanted.get("namespace", ""),
        name=wanted.get("name", ""),
    )
