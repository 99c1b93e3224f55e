"""Have enough of the right people said yes, and may this one say it?

A person counts once, whatever the channel: identities are one person where an explicit entry or a proven e-mail address
says so.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Quorum:
    """What one policy asks for. approvers: None for whoever the cluster's own rules let approve.

    four_eyes: author and committer of the change do not count. expires_after: how long an approval counts, and how long
    the gate waits; None for ever. vouched: namespaces whose Receivers may vouch for people, () for those of any.
    """

    approvers: Approvers | None = None
    minimum: int = 1
    four_eyes: bool = False
    expires_after: timedelta | None = None
    people: tuple[Person, ...] = ()
    vouched: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """An approval: who, and when."""

    by: Identity
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Authors:
    """Whose change it is. emails: of author and committer of the commit that asked for it, lower case.

    unproven: why that cannot be believed, "" when it can.
    """

    commit: str = ""
    emails: tuple[str, ...] = ()
    unproven: str = ""
