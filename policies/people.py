"""Is this one among those who may?"""

from policies.approval import Approvers, Identity, Realm


def is_among(identity: Identity, approvers: Approvers) -> bool:
    """Whether one of the lists names the identity, each list only for the realm that can prove what it lists.

    An e-mail address counts whatever the realm, because an identity holds only proven ones.
    """
    if identity.email and identity.email.lower() in approvers.emails:
        return True
    match identity.realm:
        case Realm.CLUSTER:
            return identity.user in approvers.users or _meets(identity.groups, approvers.groups)
        case Realm.OIDC:
            return _meets(identity.groups, approvers.oidc_groups)
        case Realm.SLACK:
            return identity.user in approvers.slack_users or _meets(identity.groups, approvers.slack_groups)
        case Realm.CALLBACK:
            return identity.user in approvers.callbacks


def _meets(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    return not set(one).isdisjoint(other)
