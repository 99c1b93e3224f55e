"""What may this caller see?

By the cluster's own rules: whoever may list a kind everywhere sees all of it, everybody else the namespaces in which he
may. Remembered for a moment, so that a page costs one question and not one for each row.
"""

from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from fastapi import HTTPException

from policies.approval import Identity
from rollout.model.names import Key
from rollout.ports.clock import Clock
from rollout.ports.errors import PortError
from rollout.ports.reviews import Reviews
from rollout.web.callers import Caller

KNOWN_FOR = timedelta(seconds=10)
MOST_KNOWN = 10_000
Question = tuple[Identity, str, str]  # who, which kind, which namespace


@dataclass(slots=True, kw_only=True)
class Sight:
    """Asks the API server who may see what."""

    reviews: Reviews
    clock: Clock
    _known: OrderedDict[Question, tuple[bool, datetime]] = field(default_factory=OrderedDict)

    async def sees(self, caller: Caller | None, kind: str, namespace: str) -> bool:
        """Whether a caller may list this kind there; where nobody is asked who he is (None), everybody may."""
        if caller is None:
            return True
        return await self._may(caller.identity, kind, "") or (
            bool(namespace) and await self._may(caller.identity, kind, namespace)
        )

    async def must_see(self, caller: Caller | None, kind: str, namespace: str, about: str) -> None:
        """HTTPException 403 for whoever may not list this kind there."""
        if not await self.sees(caller, kind, namespace):
            who = caller.identity.user if caller else "nobody"
            raise HTTPException(
                403, f"{who} may not list {about}; an administrator gives it by the ClusterRole rollout-view"
            )

    async def unread(self, caller: Caller | None, namespace: str) -> str:
        """Why this caller is not told of the RolloutCommands there; "" when he is."""
        if await self.sees(caller, "RolloutCommand", namespace):
            return ""
        who = caller.identity.user if caller else "nobody"
        return f"{who} may not list RolloutCommands in {namespace}"

    async def _may(self, identity: Identity, kind: str, namespace: str) -> bool:
        question, now = (identity, kind, namespace), self.clock.now()
        known = self._known.get(question)
        if known is not None and timedelta(0) <= now - known[1] < KNOWN_FOR:
            return known[0]
        try:
            found = await self.reviews.may(identity, "list", kind, Key(namespace=namespace, name=""))
        except PortError as error:
            raise HTTPException(503, "the cluster cannot be asked what you may see; try again") from error
        self._known[question] = found, now
        self._known.move_to_end(question)
        while len(self._known) > MOST_KNOWN:
            self._known.popitem(last=False)
        return found
