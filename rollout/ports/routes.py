"""How is traffic read and moved?"""

from typing import Protocol

from rollout.model.actions import ReleaseRoute, SetSplit, SetSubsets
from rollout.model.names import Key
from rollout.model.observation import RouteSeen
from rollout.model.rollout import RouteRef


class Routes(Protocol):
    """The route objects of all traffic APIs; reads come from the cache and make no request."""

    def look(self, key: Key, ref: RouteRef) -> RouteSeen:
        """The route object as last seen; `accepted` only once our last write was read back through the watch."""

    async def set_split(self, key: Key, action: SetSplit) -> bool:
        """Make the route look like `action.split`; False when it did already (then no request is made).

        Smallest JSON patch with `test` operations and the resourceVersion. Conflict when the object changed since;
        where `action.lowers`, the object is then read once and the write is tried once more. Nothing is written, and it is
        False, where that would raise what somebody lowered since: the next look sees it.
        Rejected when the object cannot carry the split exactly.
        """

    async def release(self, key: Key, action: ReleaseRoute) -> bool:
        """Be no manager of the route's fields any more; False when we were none (then no request is made).

        The object's content is untouched, and so is what others manage. Conflict when the object changed since.
        """

    async def set_subsets(self, key: Key, action: SetSubsets) -> bool:
        """Make our DestinationRule for this host hold exactly these subsets; False when it did already."""
