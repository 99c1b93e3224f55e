"""What do a mesh's proxies log of the callers that come without mTLS, and who in the cluster could they be?"""

from datetime import datetime
from typing import Protocol

from rollout.model.mesh import MeshPod


class CallerLog(Protocol):
    """The logs of proxies, read only when plaintext was counted."""

    async def lines(self, namespace: str, pod: str, since: datetime) -> tuple[str, ...]:
        """What the pod's proxy logged since then, oldest first; of too many lines the last ones.

        Anybody who calls the pod may have written parts of them. Raises a PortError when they cannot be read in time.
        """

    def pods(self) -> tuple[MeshPod, ...]:
        """Every pod of the cluster as last seen, finished ones too. Makes no request."""
