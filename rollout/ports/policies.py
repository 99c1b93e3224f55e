"""Which policies say whether a run may go on?"""

from typing import Protocol

from policies.approval import Authors
from rollout.model.approval import ApprovalPolicy
from rollout.model.freeze import FreezeWindow
from rollout.model.names import Key


class Policies(Protocol):
    """ApprovalPolicies and FreezeWindows, read from the cache. Makes no request."""

    def approval(self, namespace: str, name: str) -> ApprovalPolicy | None:
        """The policy of that name for objects of the namespace; None when there is none that can be read.

        One in the controller's namespace wins over a local one, and counts only people for whom Receivers of the
        controller's namespace vouch.
        """

    def freezes(self, kind: str, key: Key) -> tuple[FreezeWindow, ...]:
        """The windows that mean this object, whether they hold now or not, sorted; those that cannot be read hold always."""


class ChangeAuthors(Protocol):
    """Git, asked whose change it is."""

    async def of(self, key: Key, revision: str) -> Authors:
        """Author and committer of the commit that changed the Rollout's `spec.revision` to this one; never raises.

        `unproven` says why they cannot be believed: the Rollout is not from git, its GitSource has no `verify`, the commit
        is not signed by a trusted key, or git cannot be asked.
        """

    def is_asking(self, key: Key, /) -> bool:
        """Whether git still is at the answer, so that what `of` said is not the last word; the Rollout is woken then."""
