"""What do the controller's SloPolicies let the callers of a migration lose? Reads come from the watch cache."""

from adapters.kube.cache import Cache
from rollout.manifest.errors import SpecErrors
from rollout.manifest.parse import parse_slo_policy
from rollout.model.migration_seen import Budget
from rollout.model.rollout import ErrorRatio, Mode

_KIND = "SloPolicy"


class CachedBudgets:
    """`ports.migrations.Budgets` on a cache. home: the controller's namespace."""

    def __init__(self, cache: Cache, home: str) -> None:
        self._cache = cache
        self._home = home

    def budgets(self, policies: tuple[str, ...]) -> tuple[tuple[Budget, ...], tuple[str, ...]]:
        """The budgets of the controller's SloPolicies with these names, and a sentence for each one that gives none."""
        found: list[Budget] = []
        missing: list[str] = []
        for name in policies:
            own, why = self._of(name)
            found += own
            missing += [why] if why else []
        return tuple(found), tuple(missing)

    def _of(self, name: str) -> tuple[list[Budget], str]:
        obj = self._cache.get(_KIND, self._home, name)
        if obj is None:
            return [], f"there is no SloPolicy {name} in {self._home}: create it, or take it out of spec.policies"
        try:
            policy = parse_slo_policy(obj)
        except SpecErrors as error:
            return [], f"SloPolicy {name} cannot be read: {error.errors[0]}"
        own = [
            Budget(policy=name, objective=one.name, max_ratio=one.max_ratio)
            for one in policy.objectives
            if isinstance(one, ErrorRatio) and one.mode is Mode.DECIDE
        ]
        return own, "" if own else f"SloPolicy {name} has no objective about errors that decides: it limits no caller"
