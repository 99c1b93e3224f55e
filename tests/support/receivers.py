"""Which Receivers, people whom they prove, and answers of a cluster about people do tests have?"""

import base64
from dataclasses import dataclass, field, replace
from typing import Any

from policies.approval import Approvers, Identity, Realm
from rollout.model.commands import Verb
from rollout.model.names import Key
from rollout.model.receiver import Grant, Oidc, Proof, Receiver, Sender
from rollout.ports.objects import Obj

HOME = "rollout-system"
ISSUER = Oidc(issuer="https://issuer.example", audience="rollout", claims=(("repository", "shop/checkout"),))


def a_receiver(**changes: Any) -> Receiver:
    """shop/ci: a callback by Standard Webhooks whose Secret is ci, that may approve and abort."""
    receiver = Receiver(
        key=Key(namespace="shop", name="ci"),
        sender=Sender.CALLBACK,
        secret="ci",
        grants=(Grant(verbs=(Verb.APPROVE, Verb.ABORT)),),
    )
    return replace(receiver, **changes)


def a_slack(**changes: Any) -> Receiver:
    """shop/ci of Slack, whose release managers may approve, and ana@shop.example abort."""
    grants = (
        Grant(verbs=(Verb.APPROVE,), who=Approvers(slack_groups=("T1/S1",))),
        Grant(verbs=(Verb.ABORT,), who=Approvers(emails=("ana@shop.example",))),
    )
    return replace(a_receiver(sender=Sender.SLACK, workspace="T1", grants=grants), **changes)


def an_oidc(**changes: Any) -> Receiver:
    """shop/ci of OIDC tokens, whose group release may approve and abort."""
    grants = (Grant(verbs=(Verb.APPROVE, Verb.ABORT), who=Approvers(oidc_groups=("release",))),)
    return replace(a_receiver(proof=Proof.OIDC, oidc=ISSUER, grants=grants), **changes)


def a_git_host(**changes: Any) -> Receiver:
    """shop/ci of GitHub, for the GitSource specs."""
    return replace(a_receiver(sender=Sender.GITHUB, sources=("specs",), grants=()), **changes)


def machine(**changes: Any) -> Identity:
    """Whoever knows the secret of shop/ci."""
    return replace(Identity(realm=Realm.CALLBACK, user="ci", vouched="shop"), **changes)


def on_slack(**changes: Any) -> Identity:
    """Ana of Slack's team T1, a release manager."""
    ana = Identity(realm=Realm.SLACK, user="T1/U1", groups=("T1/S1",), email="ana@shop.example", vouched="shop")
    return replace(ana, **changes)


def by_token(**changes: Any) -> Identity:
    """The subject of an OIDC token that is in the group release."""
    return replace(Identity(realm=Realm.OIDC, user="repo:shop", groups=("release",), vouched="shop"), **changes)


def of_cluster(**changes: Any) -> Identity:
    """Ana as a user of the cluster."""
    return replace(Identity(realm=Realm.CLUSTER, user="ana", groups=("release-managers",)), **changes)


@dataclass(slots=True)
class KnownReviews:
    """A cluster's own rules as a set of (user, verb, kind, key); a token is its user's name."""

    rights: set[tuple[str, str, str, Key]] = field(default_factory=set)

    async def who(self, token: str) -> Identity | None:
        """The user of the cluster that has the token's name; nobody without a right."""
        return Identity(realm=Realm.CLUSTER, user=token) if any(token == right[0] for right in self.rights) else None

    async def may(self, identity: Identity, verb: Verb | str, kind: str, key: Key) -> bool:
        """Whether the set has it."""
        return identity.realm is Realm.CLUSTER and (identity.user, str(verb), kind, key) in self.rights


@dataclass(slots=True)
class Written:
    """Keeps what was created."""

    objects: list[Obj] = field(default_factory=list)

    async def create(self, obj: Obj) -> Obj:
        """The object, named by its place."""
        named = {**obj, "metadata": {**obj["metadata"], "name": f"command-{len(self.objects)}"}}
        self.objects.append(named)
        return named


def receiver_manifest(name: str = "ci", namespace: str = "shop", spec: dict[str, Any] | None = None) -> dict[str, Any]:
    """A Receiver as stored: a callback by Standard Webhooks that may approve and abort, or what `spec` says."""
    callback = {
        "type": "callback",
        "proof": "standard-webhooks",
        "secretRef": {"name": name},
        "grants": [{"verbs": ["approve", "abort"]}],
    }
    meta = {"namespace": namespace, "name": name}
    return {"apiVersion": "rollout.dev/v1alpha1", "kind": "Receiver", "metadata": meta, "spec": spec or callback}


def receiver_secret(name: str = "ci", namespace: str = "shop", **values: bytes) -> dict[str, Any]:
    """The Secret of that Receiver."""
    data = {key: base64.b64encode(value).decode() for key, value in values.items()}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"namespace": namespace, "name": name}, "data": data}
