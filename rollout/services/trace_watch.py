"""Who keeps the memory of runs fed while nobody looks?

The caches tell what changed, and are not waited on: what is to be looked at is put aside, each Rollout once, and looked at
a moment later. Only runs in hand are, so that a fleet at rest costs nothing.
"""

import asyncio
from dataclasses import dataclass, field

import structlog

from rollout.model.names import Key
from rollout.model.observation import Observation
from rollout.model.rollout import RouteRef
from rollout.ports.clock import Clock
from rollout.ports.objects import Obj
from rollout.ports.rollouts import Rollouts
from rollout.ports.routes import Routes
from rollout.progression.view import View, canary_seen
from rollout.services.traces import Traces

KIND = "Rollout"

log = structlog.get_logger("rollout.web")


@dataclass(slots=True, kw_only=True)
class TraceWatch:
    """Looks at what changed and remembers it in `traces`."""

    rollouts: Rollouts
    routes: Routes
    clock: Clock
    traces: Traces
    _changed: dict[Key, None] = field(default_factory=dict)
    _any: asyncio.Event = field(default_factory=asyncio.Event)

    def rollout(self, key: Key, obj: Obj | None) -> None:
        """A Rollout changed; None when it is gone. Waits for nobody."""
        if obj is None:
            self._changed.pop(key, None)
            self.traces.forget(key)
        elif self.traces.follows(key) or (obj.get("status") or {}).get("canaryRevision"):
            self._aside(key)

    def route(self, namespace: str, kind: str, name: str) -> None:
        """A route object changed: whose weight was measured there is looked at again. Waits for nobody."""
        for key in self.rollouts.on_route(namespace, RouteRef(kind=kind, name=name)):
            if self.traces.follows(key):
                self._aside(key)

    async def run(self) -> None:
        """Look at what changes, until cancelled."""
        while True:
            await self._any.wait()
            self._any.clear()
            while self._changed:
                key = next(iter(self._changed))
                del self._changed[key]
                try:
                    self.look(key)
                except Exception:  # one Rollout that cannot be read must not end the memory of all others
                    log.exception("trace_not_kept", key=str(key))
                await asyncio.sleep(0)  # requests are answered in between

    def look(self, key: Key) -> None:
        """Remember how a Rollout stands now. Makes no request."""
        stored = self.rollouts.get(key)
        if stored is None or stored.spec is None:
            return
        now, spec, status = self.clock.now(), stored.spec, stored.status
        seen = Observation(routes=tuple(self.routes.look(key, ref) for ref in spec.routes))
        share = canary_seen(View(spec=spec, status=status, seen=seen, verdicts=status.verdicts, now=now))
        self.traces.saw(stored, share, now)

    def _aside(self, key: Key) -> None:
        self._changed[key] = None
        self._any.set()
