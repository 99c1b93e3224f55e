"""Who is who: which identities are one person, and whom does a list of people mean?"""

from dataclasses import dataclass
from enum import StrEnum


class Realm(StrEnum):
    """Who says that somebody is who he says."""

    CLUSTER = "cluster"  # the API server: a user of the cluster
    SLACK = "slack"  # Slack, by its signature
    OIDC = "oidc"  # an issuer of OpenID Connect, by its signature
    CALLBACK = "callback"  # whoever knows a Receiver's secret: a machine, no person


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Somebody as one realm knows him.

    user: the name in that realm: a user of the cluster, `TEAM/USER` of Slack, the subject of an OIDC token, the name of a
    callback's Receiver. groups: those that the realm says he is in. email: proven by the realm, "" for none.
    vouched: namespace of the Receiver that checked it, "" for users of the cluster.
    """

    realm: Realm
    user: str
    groups: tuple[str, ...] = ()
    email: str = ""
    vouched: str = ""

    def __str__(self) -> str:
        return self.user if self.realm is Realm.CLUSTER else f"{self.realm.value}:{self.email or self.user}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Approvers:
    """Who may: one match is enough. users and groups are the cluster's; callbacks are names of Receivers."""

    users: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    oidc_groups: tuple[str, ...] = ()
    slack_users: tuple[str, ...] = ()
    slack_groups: tuple[str, ...] = ()
    emails: tuple[str, ...] = ()
    callbacks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Identities that are one person."""

    name: str
    users: tuple[str, ...] = ()
    emails: tuple[str, ...] = ()
    slack_users: tuple[str, ...] = ()


def person(people: tuple[Person, ...], identity: Identity) -> str:
    """Who that is, as a text that is the same for all his identities.

    An explicit entry of `people` counts first, then a proven e-mail address, then the name in the realm. It depends on this
    identity alone: no other one can make two people of one, or one of two.
    """
    entry = _entry(people, identity)
    if entry is not None:
        return f"person {entry.name}"
    address = email(identity)
    return f"e-mail {address}" if address else f"{identity.realm.value} {identity.user}"


def email(identity: Identity) -> str:
    """The proven address, lower case; "" for none. A user of the cluster whose name is an address has that one."""
    if identity.email:
        return identity.email.lower()
    return identity.user.lower() if identity.realm is Realm.CLUSTER and "@" in identity.user else ""


def emails(people: tuple[Person, ...], identity: Identity) -> frozenset[str]:
    """All addresses that are known to be this person's, lower case."""
    entry = _entry(people, identity)
    found = {address.lower() for address in entry.emails} if entry is not None else set()
    return frozenset(found | {email(identity)} - {""})


def is_among(identity: Identity, approvers: Approvers, people: tuple[Person, ...] = ()) -> bool:
    """Whether one of the lists means the identity, each list only for the realm that can prove what it lists.

    An e-mail address counts whatever the realm, because an identity holds only proven ones; so does what an entry of
    `people` names besides.
    """
    users, groups = _listed(approvers, identity.realm)
    if identity.user in users or not groups.isdisjoint(identity.groups):
        return True
    entry = _entry(people, identity)
    if entry is not None and not {*entry.users}.isdisjoint(approvers.users):
        return True
    if entry is not None and not {*entry.slack_users}.isdisjoint(approvers.slack_users):
        return True
    return not emails(people, identity).isdisjoint(address.lower() for address in approvers.emails)


def listed_words(approvers: Approvers) -> str:
    """Whom a list means, for people."""
    lists = (
        ("users", approvers.users),
        ("groups", approvers.groups),
        ("OIDC groups", approvers.oidc_groups),
        ("Slack users", approvers.slack_users),
        ("Slack groups", approvers.slack_groups),
        ("e-mails", approvers.emails),
        ("callbacks", approvers.callbacks),
    )
    return "; ".join(f"{name} {', '.join(entries)}" for name, entries in lists if entries) or "nobody"


def _entry(people: tuple[Person, ...], identity: Identity) -> Person | None:
    """The entry that names the identity: by its name in the realm, else by its address."""
    by_name = next((one for one in people if identity.user in _names(one, identity.realm)), None)
    address = email(identity)
    return by_name or next((one for one in people if address and address in map(str.lower, one.emails)), None)


def _names(person: Person, realm: Realm) -> tuple[str, ...]:
    match realm:
        case Realm.CLUSTER:
            return person.users
        case Realm.SLACK:
            return person.slack_users
        case Realm.OIDC | Realm.CALLBACK:
            return ()


def _listed(approvers: Approvers, realm: Realm) -> tuple[frozenset[str], frozenset[str]]:
    """The users and the groups of this realm."""
    match realm:
        case Realm.CLUSTER:
            return frozenset(approvers.users), frozenset(approvers.groups)
        case Realm.SLACK:
            return frozenset(approvers.slack_users), frozenset(approvers.slack_groups)
        case Realm.OIDC:
            return frozenset(), frozenset(approvers.oidc_groups)
        case Realm.CALLBACK:
            return frozenset(approvers.callbacks), frozenset()
