"""Who is it, and what may he do, by the cluster's own rules?"""

from dataclasses import dataclass
from typing import Protocol

from policies.approval import Identity
from rollout.model.commands import Verb
from rollout.model.names import Key


@dataclass(frozen=True, slots=True, kw_only=True)
class ScopedIdentity(Identity):
    """A user of the cluster of whose token more is said, by name: that it was given out for less than its user may do.

    For the cluster's own authorizer alone: nothing of ours decides by it or keeps it.
    """

    extra: tuple[tuple[str, tuple[str, ...]], ...]


class Reviews(Protocol):
    """The API server's own answers (TokenReview and SubjectAccessReview). PortError when it cannot be asked."""

    async def who(self, token: str) -> Identity | None:
        """The user of the cluster whose bearer token it is; None when the API server does not know it."""

    async def may(self, identity: Identity, verb: Verb | str, kind: str, key: Key) -> bool:
        """Whether a user of the cluster may `verb` (of a command, or `get` and `list`) this object of ours; False for others."""
