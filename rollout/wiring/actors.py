"""How does the controller know that a command's actor is who sent it?"""

from collections.abc import Callable

from adapters.kube.cache import Cache
from adapters.kube.kinds import ACTORS
from rollout.services.actors import BINDING, POLICY, unbound
from rollout.wiring.shipped import actor_policy


def seen_bound(cache: Cache) -> Callable[[], bool]:
    """Whether the policy of this version and its binding are in the cluster, as the cache shows them."""
    shipped = actor_policy()
    return lambda: not unbound(shipped, cache.get(POLICY, "", ACTORS), cache.get(BINDING, "", ACTORS))
