"""What does the controller do with one Receiver? It says where that hears and what is wrong with it, nothing else.

Requests are answered by every replica; only the status is written by the one that leads.
"""

from dataclasses import dataclass
from datetime import timedelta

import structlog

from rollout.controller.loop import Worked
from rollout.model.names import Key
from rollout.model.receiver import Proof, Receiver
from rollout.ports.clock import Clock
from rollout.ports.errors import NotFound, PortError, Rejected
from rollout.ports.receivers import Receivers
from rollout.services.receiver_status import status_of

_SECRETS_EVERY = timedelta(minutes=1)  # Secrets are read by name and not followed

log = structlog.get_logger("rollout.receivers")


@dataclass(slots=True, kw_only=True)
class KeptReceivers:
    """Receivers: looked at when they change, and their Secrets once a minute. home: the controller's namespace."""

    receivers: Receivers
    clock: Clock
    home: str
    name: str = "Receiver"

    def objects(self) -> tuple[Key, ...]:
        """All Receivers."""
        return self.receivers.keys()

    async def tick(self, key: Key) -> Worked:
        """One look; a status that says so already is not written again."""
        stored = self.receivers.get(key)
        if stored is None:
            return Worked(gone=True)
        missing = await self._missing(stored.receiver) if stored.receiver else None
        status = status_of(stored, self.home, missing, self.clock.now())
        if status != stored.told:
            await self.receivers.report(stored, status)
            log.info("receiver_told", key=str(key), reason=status.conditions[0].reason)
        return Worked(wake_at=self.clock.now() + _SECRETS_EVERY)

    async def _missing(self, receiver: Receiver) -> PortError | None:
        """Why its Secret cannot be used; None when it can, or when it needs none."""
        if receiver.proof is Proof.OIDC:
            return None
        try:
            await self.receivers.secrets(receiver)
        except (NotFound, Rejected) as error:
            return error
        return None
