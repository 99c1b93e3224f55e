"""What did earlier ticks see of a run that could not be saved?

Since when a weight is in force, and since when a canary is without endpoints, is what failures are judged by; that it was
in force is how a weight is known that a person lowers. An API server that refuses to save it must not make each tick
begin to count anew.
"""

from dataclasses import dataclass, field, replace

from rollout.model.names import Key
from rollout.model.status import RolloutStatus, Run
from rollout.ports.rollouts import Stored


@dataclass(slots=True)
class Unsaved:
    """Kept until the Rollout is written by anybody; a restart only means to count anew."""

    _runs: dict[Key, tuple[str, Run]] = field(default_factory=dict)

    def remember(self, stored: Stored, status: RolloutStatus) -> None:
        """This status, which follows from `stored`, could not be saved."""
        before, after = stored.status.run, status.run
        if before is None or after is None or (before.canary, before.weight) != (after.canary, after.weight):
            return
        self._runs[stored.key] = (stored.version, after)

    def known(self, stored: Stored) -> RolloutStatus:
        """The status as stored, with what was seen since then and not saved."""
        version, seen = self._runs.get(stored.key, ("", None))
        run = stored.status.run
        if seen is None or run is None or version != stored.version:
            self._runs.pop(stored.key, None)
            return stored.status
        run = replace(
            run,
            in_force_at=seen.in_force_at,
            confirmed=seen.confirmed,
            trial_since=seen.trial_since,
            dark_since=seen.dark_since,
        )
        return replace(stored.status, run=run)

    def forget(self, key: Key) -> None:
        """Drop what is remembered of a Rollout that is gone."""
        self._runs.pop(key, None)
