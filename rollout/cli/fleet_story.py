"""What is the story of a fleet that moves into a mesh, and how is it told while it happens?

The controller is the real one, and nothing is scripted for it: this file plays the people and the callers, and waits for
what the controller writes.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from rollout.cli.telling import Teller, UnfinishedError
from rollout.migration.stages import Trigger
from rollout.model.migration import Stage
from rollout.model.migration_marks import PlaintextCaller
from rollout.model.status import Reason
from rollout.wiring.embedded_fleet import EmbeddedFleet

NAME = "to-strict"
WORKLOADS = {"tools": "ci", "shop": "web", "pay": "bank"}
MIGRATION: Mapping[str, Any] = {
    "apiVersion": "rollout.dev/v1alpha1",
    "kind": "MeshMigration",
    "metadata": {"name": NAME},
    "spec": {
        "mesh": {"kind": "istio-sidecar", "drain": "1s"},
        "waves": [{"name": "pilot", "namespaces": ["tools"]}, {"name": "core", "namespaces": ["shop", "pay"]}],
        "soak": "10s",
        "strictSoak": "15s",
        "baseline": "2s",
        "verify": "3s",
        "interval": "1s",
    },
}
HIDDEN, LATE = "nightly-report", "month-end"
HIDDEN_RATE, LATE_RATE = 0.3, 2.0  # requests per second
MESHED_RATE = 4.0
NAMES_WIDTH = 6  # of the column with the namespaces
FOUND_CALLS = 3  # so often the hidden caller is seen before its owner is called
LOOK_S = 0.05
PATIENCE_S = 180.0  # the whole story takes about a minute
AT_STRICT = (Stage.STRICT_SOAK, Stage.DONE)

WORDS: Mapping[str, str] = {
    Trigger.BEGAN: "is next: first a look for what STRICT would break",
    Trigger.PREFLIGHT_PASSED: "nothing blocks; its callers are measured as they fare now",
    Trigger.BASELINE_TAKEN: "goes into the mesh: PERMISSIVE is written, pods are restarted to get a proxy",
    Trigger.ENROLLED: "every pod has a proxy, and plaintext is still let in",
    Trigger.CONTROL_SEEN: "the proxies count what comes; it has to be without plaintext for 10 s",
    Trigger.SOAKED: "10 s without plaintext",
    Trigger.REHEARSED: "one workload becomes STRICT, alone, and is watched",
    Trigger.CANARY_VERIFIED: "that went well: the whole namespace becomes STRICT",
    Trigger.STRICT_VERIFIED: "is STRICT and its callers are well; it is watched for 15 s more",
    Trigger.STRICT_SOAKED: "is done",
}

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How it went. found: the hidden caller as the status has it. late: the namespace of the late one's callee. opened_s: from the late one's first refusal to PERMISSIVE.

    found_s, lasted_s: from the hidden caller's first call while shop was observed until it was in the status, and until
    it was switched off. refused, served: requests of the late caller.
    """

    found: PlaintextCaller
    late: str
    found_s: float
    lasted_s: float
    refused: int
    served: int
    opened_s: float
    seconds: float


@dataclass(slots=True)
class Story:
    """The fleet, and who plays in it. patience_s: how long the whole story may take."""

    fleet: EmbeddedFleet
    teller: Teller
    patience_s: float = PATIENCE_S
    _told: dict[str, PlaintextCaller] = field(default_factory=dict)  # by who it seems to be
    _found_at: float = 0.0
    _unseen: int = 0  # calls that came before a proxy counted them

    async def play(self) -> Ending:
        """From three namespaces outside the mesh to the fallback of one; UnfinishedError names what did not come."""
        await self._begin()
        await self._until("shop in Observing", self._shop_observed)
        self._unseen = self.fleet.calls(HIDDEN)[0]
        called_at, _ = await self._until("a call of the hidden caller", self._hidden_called)
        silenced_at, found = await self._until("the hidden caller in the status", self._hidden_named)
        self.fleet.silence(HIDDEN)
        self.teller.say("", f"people look who that is: {HIDDEN}, on a machine outside; its owner switches it off")
        await self._until("STRICT in all three namespaces", self._all_strict)
        late = await self._last_at_strict()
        self.teller.say(
            "", f"STRICT everywhere. {LATE}, of which nobody thought, starts to call {late} without a proxy"
        )
        self.fleet.call(LATE, "", f"{late}/{WORKLOADS[late]}", LATE_RATE)
        refused_at, _ = await self._until("a refused request of the late caller", self._late_refused)
        opened_at, _ = await self._until(f"the fallback of {late}", lambda: self._is_open(late))
        refused = self.fleet.calls(LATE)[1]
        await self._until(f"the end: {late} FallenBack, the others Done", lambda: self._all_ended(late))
        return Ending(
            found=found,
            late=late,
            found_s=self._found_at - called_at,
            lasted_s=silenced_at - called_at,
            refused=refused,
            served=self.fleet.calls(LATE)[0],
            opened_s=opened_at - refused_at,
            seconds=self.teller.seconds,
        )

    async def _begin(self) -> None:
        for namespace, workload in WORKLOADS.items():
            await self.fleet.deploy(namespace, workload)
        self.fleet.call("ci", "tools/ci", "shop/web", MESHED_RATE)
        self.fleet.call("web", "shop/web", "pay/bank", MESHED_RATE)
        self.fleet.call(HIDDEN, "", "shop/web", HIDDEN_RATE)
        await self.fleet.move(MIGRATION)

    async def _until(self, what: str, look: Callable[[], Awaitable[T | None]]) -> tuple[float, T]:
        """When it came, by the monotonic clock, and what."""
        while not (found := await look()):
            if self.teller.seconds > self.patience_s:
                stages = (await self.fleet.status(NAME)).stages
                now = ", ".join(f"{name} {stage}" for name, stage in stages.items())
                raise UnfinishedError(f"after {self.patience_s:.0f} s there is not {what}: {now or 'nothing began'}")
            await asyncio.sleep(LOOK_S)
        return time.monotonic(), found

    async def _shop_observed(self) -> bool:
        return (await self.fleet.status(NAME)).of("shop").stage is Stage.OBSERVING

    async def _hidden_called(self) -> bool:
        return self.fleet.calls(HIDDEN)[0] > self._unseen

    async def _hidden_named(self) -> PlaintextCaller | None:
        """It, once it was named and seen often enough for people to look; each time is told."""
        for caller in (await self.fleet.status(NAME)).of("shop").callers:
            if caller != self._told.get(caller.source):
                self._found_at = self._found_at or time.monotonic()
                self._told[caller.source] = caller
                self.teller.say("shop", f"plaintext: {spoken(caller)}. The 10 s begin again")
        named = [caller for caller in self._told.values() if caller.source]
        seen = sum(caller.calls for caller in self._told.values())
        return max(named, key=lambda caller: caller.last) if named and seen >= FOUND_CALLS else None

    async def _all_strict(self) -> bool:
        stages = (await self.fleet.status(NAME)).stages
        modes = {await self.fleet.mode(name) for name in WORKLOADS}
        return modes == {"STRICT"} and all(stages[name] in AT_STRICT for name in WORKLOADS)

    async def _late_refused(self) -> bool:
        return self.fleet.calls(LATE)[1] > 0

    async def _last_at_strict(self) -> str:
        """The namespace that will be watched for longest: which one it is depends on how long shop was kept."""
        status = await self.fleet.status(NAME)
        watched = [status.of(name) for name in WORKLOADS if status.of(name).stage is Stage.STRICT_SOAK]
        return max(watched, key=lambda one: (one.since is not None and one.since.timestamp(), one.name)).name

    async def _is_open(self, namespace: str) -> bool:
        return await self.fleet.mode(namespace) == "PERMISSIVE"

    async def _all_ended(self, late: str) -> bool:
        stages = (await self.fleet.status(NAME)).stages
        return all(stage is (Stage.FALLEN_BACK if name == late else Stage.DONE) for name, stage in stages.items())


def event(teller: Teller, namespace: str, reason: Reason) -> None:
    """Tell what the controller announces; holds that end by themselves are left out, for `rollout mesh why` to tell."""
    words = WORDS.get(reason.code, "")
    if not words and reason.warning:
        move, _, why = reason.message.removeprefix(f"{namespace}: ").partition(": ")
        words = why if " -> " in move else f"{move}: {why}" if why else move
    if words:
        teller.say(namespace, words)


def spoken(caller: PlaintextCaller) -> str:
    """A plaintext caller by all that is known of it."""
    who = caller.source or "somebody without a proxy"
    return f"{who} called shop/{caller.workload} {_times(caller.calls)}, the last time at {caller.last:%H:%M:%S}"


def summary(ending: Ending) -> str:
    """The story in figures."""
    return (
        f"Summary: three namespaces went into the mesh and to STRICT. The hidden caller: {spoken(ending.found)}. "
        f"It was in the status {ending.found_s:.1f} s after its first call that was looked for, and lasted "
        f"{ending.lasted_s:.1f} s; so long shop was kept from STRICT.\n"
        f"The late caller of {ending.late} was refused {_times(ending.refused)}; {ending.opened_s:.1f} s after the first "
        f"refusal {ending.late} took plaintext again, and served it {_times(ending.served)} since. The others stayed "
        f"STRICT. All in {ending.seconds:.0f} s."
    )


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"
