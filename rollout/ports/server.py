"""What can the API server do, apart from keeping objects?"""

from typing import Protocol


class Server(Protocol):
    """One API server."""

    async def version(self) -> str:
        """Its version, such as v1.32.4; Unreachable when it does not answer."""

    async def served(self, group: str, plural: str) -> tuple[str, ...]:
        """The versions of a kind that it serves, best first; none when it does not know the kind."""

    async def may(self, user: str, verb: str, group: str, resource: str) -> bool:
        """Whether somebody else may do this in all namespaces (SubjectAccessReview); Forbidden when we may not ask.

        resource: `rollouts/status` for a subresource, `leases:NAME` for one object.
        """


class Probe(Protocol):
    """A metrics server that is looked at, not measured with."""

    async def server(self) -> str:
        """What it calls itself and its version; Unreachable when it does not answer."""

    async def present(self, metrics: tuple[str, ...]) -> tuple[str, ...]:
        """Those of the metrics that have series now, in the given order."""
