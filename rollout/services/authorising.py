"""May this one ask for that, here?

The one function that every route asks which changes something: the dashboard, Slack and callbacks. Denied unless a rule
says otherwise: people of the cluster by the cluster's own rules, everybody else by the grants of the Receiver that has
proven who it is.
"""

from dataclasses import dataclass

from policies.approval import Identity, Realm
from policies.people import is_among
from rollout.model.commands import Verb
from rollout.model.names import Key
from rollout.model.receiver import GIT_HOSTS, Proof, Receiver, Sender
from rollout.ports.reviews import Reviews

STEERED = ("Rollout", "MeshMigration", "GitSource")


@dataclass(frozen=True, slots=True, kw_only=True)
class Authority:
    """Who decides. home: the controller's namespace, whose Receivers may speak for others."""

    reviews: Reviews
    home: str

    async def refusal(
        self, identity: Identity, verb: Verb | str, kind: str, key: Key, receiver: Receiver | None = None
    ) -> str:
        """Why the identity may not `verb` this object: what is missing, where, and what next; "" when it may.

        receiver: the one that has proven the identity, None for users of the cluster. key: of a MeshMigration with the
        controller's namespace, where its commands live. PortError when the cluster cannot be asked.
        """
        if kind not in STEERED:
            return f"nobody steers a {kind}; name one of {', '.join(STEERED)}"
        if not identity.user:
            return f"nobody has said who wants to {verb} {_about(kind, key)}; log in again"
        if identity.realm is Realm.CLUSTER:
            return await self._by_cluster(identity, verb, kind, key, receiver)
        if receiver is None:
            return f"{identity}: no Receiver speaks for people of the realm {identity.realm.value} here; use one"
        return self._by_receiver(identity, verb, kind, key, receiver)

    def reaches(self, receiver: Receiver, kind: str, key: Key) -> bool:
        """Whether people of this Receiver may steer that object at all, if a grant lets them."""
        if kind == "MeshMigration" and receiver.key.namespace != self.home:
            return False
        own = receiver.key.namespace
        named = receiver.namespaces if own == self.home and receiver.namespaces else (own,)
        return key.namespace in named

    async def _by_cluster(
        self, identity: Identity, verb: Verb | str, kind: str, key: Key, receiver: Receiver | None
    ) -> str:
        if receiver is not None or identity.vouched:
            return f"{identity}: no Receiver speaks for users of the cluster; use the cluster's own credentials"
        if await self.reviews.may(identity, verb, kind, key):
            return ""
        plural = f"{kind.lower()}s"
        place = "the cluster" if kind == "MeshMigration" else key.namespace
        return (
            f"{identity} has no right to {verb} {_about(kind, key)}; an administrator gives it by the verb {verb} on "
            f"{plural}.rollout.dev in {place} (docs/install.md)"
        )

    def _by_receiver(self, identity: Identity, verb: Verb | str, kind: str, key: Key, receiver: Receiver) -> str:
        where = f"Receiver {receiver.key}"
        if receiver.suspend:
            return f"{where} is suspended: nobody is heard; take spec.suspend out"
        if identity.vouched != receiver.key.namespace or identity.realm is not proven_by(receiver):
            return f"{where} has not proven {identity}; come by the Receiver that has"
        if not self.reaches(receiver, kind, key):
            return f"{where} does not reach {_about(kind, key)}; {self._reach_advice(receiver, kind)}"
        granted = [grant for grant in receiver.grants if verb in grant.verbs]
        if not granted:
            return f"{where} grants {verb} to nobody; add it to spec.grants"
        if not any(grant.who is None or is_among(identity, grant.who) for grant in granted):
            return f"{where} does not grant {verb} to {identity}; add them to spec.grants"
        return ""

    def _reach_advice(self, receiver: Receiver, kind: str) -> str:
        if receiver.key.namespace != self.home:
            only = " and no MeshMigration" if kind == "MeshMigration" else ""
            return f"it is for its own namespace{only}; use one in {self.home}"
        return "name the namespace in spec.namespaces"


def proven_by(receiver: Receiver) -> Realm | None:
    """The realm of the people whom a Receiver proves; None where it proves nobody."""
    if receiver.sender in GIT_HOSTS:
        return None
    if receiver.sender is Sender.SLACK:
        return Realm.SLACK
    return Realm.OIDC if receiver.proof is Proof.OIDC else Realm.CALLBACK


def _about(kind: str, key: Key) -> str:
    return f"{kind} {key.name if kind == 'MeshMigration' else key}"
