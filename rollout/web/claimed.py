"""Which user of the cluster is whoever an issuer tells of?

By the same rules as kube-apiserver's flags --oidc-username-claim, --oidc-username-prefix, --oidc-groups-claim and
--oidc-groups-prefix, so that Roles name the same people here and there. Stricter in two things: an e-mail address counts
only where the issuer says that it has verified it, and no name or group of the cluster's own (`system:`) comes from outside.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from policies.approval import Identity, Realm

AUTHENTICATED = "system:authenticated"  # the group that the API server puts everybody into whom it knows
_MOST_NAME = 512  # what a RolloutCommand takes
_RESERVED = "system:"
_NO_PREFIX = "-"


class UnnamedError(Exception):
    """Nobody can tell which user that is; the message says for the log what is missing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Naming:
    """How claims become names. username_prefix: "" for the default, "-" for none; groups_claim: "" for no groups."""

    issuer: str
    username_claim: str = "sub"
    username_prefix: str = ""
    groups_claim: str = ""
    groups_prefix: str = ""

    def identity(self, claims: Mapping[str, Any]) -> Identity:
        """The user of the cluster; UnnamedError when the claims name none."""
        email = _email(claims)
        said = email if self.username_claim == "email" else claims.get(self.username_claim)
        if not isinstance(said, str) or not said:
            verified = " that the issuer has verified (email_verified)" if self.username_claim == "email" else ""
            raise UnnamedError(f"the ID token has no {self.username_claim}{verified}")
        user = self._prefix() + said
        if user.startswith(_RESERVED) or not _is_a_name(user):
            raise UnnamedError(f"{user[:100]!r} is no name that somebody from outside can have")
        return Identity(realm=Realm.CLUSTER, user=user, groups=self._groups(claims), email=email.lower())

    def _prefix(self) -> str:
        if self.username_prefix == _NO_PREFIX:
            return ""
        default = "" if self.username_claim == "email" else f"{self.issuer}#"
        return self.username_prefix or default

    def _groups(self, claims: Mapping[str, Any]) -> tuple[str, ...]:
        found = claims.get(self.groups_claim) if self.groups_claim else None
        listed = [found] if isinstance(found, str) else found if isinstance(found, list) else []
        named = {self.groups_prefix + one for one in listed if isinstance(one, str) and one}
        ours = {group for group in named if not group.startswith(_RESERVED) and _is_a_name(group)}
        return (*sorted(ours), AUTHENTICATED)


def _email(claims: Mapping[str, Any]) -> str:
    """The address that the issuer says it has verified; "" for every other."""
    email = claims.get("email")
    if claims.get("email_verified") is not True or not isinstance(email, str) or not _is_a_name(email):
        return ""
    return email


def _is_a_name(text: str) -> bool:
    return 0 < len(text) <= _MOST_NAME and text.isprintable()
