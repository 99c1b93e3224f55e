"""Who is it, and what may he do? As the API server answers (TokenReview, SubjectAccessReview)."""

from collections.abc import Mapping
from typing import Any

from adapters.kube.api import KubeApi
from adapters.kube.kinds import KINDS, OURS
from policies.approval import Identity, Realm
from rollout.model.commands import Verb
from rollout.model.names import Key
from rollout.ports.reviews import ScopedIdentity

_TOKENS = "/apis/authentication.k8s.io/v1/tokenreviews"
_ACCESS = "/apis/authorization.k8s.io/v1/subjectaccessreviews"


class KubeReviews:
    """`Reviews` over a Kubernetes API server; every question is a request, nothing is remembered."""

    def __init__(self, api: KubeApi) -> None:
        self._api = api

    async def who(self, token: str) -> Identity | None:
        """The user of the cluster whose bearer token it is; None when the API server does not know it."""
        if not token:
            return None
        body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": {"token": token}}
        status = (await self._api.create(_TOKENS, body)).get("status") or {}
        user = status.get("user") or {}
        name = str(user.get("username") or "")
        if status.get("authenticated") is not True or not name:
            return None
        groups = tuple(str(group) for group in user.get("groups") or ())
        extra = _extra(user)
        if not extra:
            return Identity(realm=Realm.CLUSTER, user=name, groups=groups)
        return ScopedIdentity(realm=Realm.CLUSTER, user=name, groups=groups, extra=extra)

    async def may(self, identity: Identity, verb: Verb | str, kind: str, key: Key) -> bool:
        """Whether a user of the cluster may `verb` this object of ours; False for people of other realms."""
        known = KINDS.get(kind)
        if identity.realm is not Realm.CLUSTER or not identity.user or known is None or known.group != OURS:
            return False
        wanted = {
            "verb": str(verb),
            "group": known.group,
            "resource": known.plural,
            "namespace": key.namespace if known.namespaced else "",
            "name": key.name,
        }
        extra = identity.extra if isinstance(identity, ScopedIdentity) else ()
        spec = {
            "user": identity.user,
            "groups": list(identity.groups),
            "extra": {name: list(texts) for name, texts in extra},
            "resourceAttributes": _given(wanted),
        }
        body = {"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": spec}
        status = (await self._api.create(_ACCESS, body)).get("status") or {}
        return status.get("allowed") is True and status.get("denied") is not True


def _extra(user: Mapping[str, Any]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """By name, sorted, so that one user is one value."""
    found = user.get("extra") or {}
    return tuple(sorted((str(name), tuple(str(text) for text in texts or ())) for name, texts in found.items()))


def _given(attributes: Mapping[str, str]) -> dict[str, Any]:
    return {name: text for name, text in attributes.items() if text}
