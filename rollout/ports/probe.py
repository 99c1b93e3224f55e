"""Would plaintext be noticed? Who sends the one marked request that shows it?"""

from typing import Protocol


class PlainProbe(Protocol):
    """Sends to a pod as an unmeshed caller would."""

    async def send(self, address: str, port: int, mark: str) -> bool:
        """Whether one plaintext HTTP request to the path `mark` was answered, whatever the answer; never raises.

        address: of a pod, and of nothing else. It ends within 3 s.
        """
