"""Does a migration keep its promises whatever people, callers, metrics and crashes do, in any order?"""

import asyncio
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from adapters.memory.mesh_traffic import Caller
from rollout.migration.decide import decide
from rollout.model.commands import Verb
from rollout.model.migration import Stage
from rollout.ports.errors import PortError
from tests.support.examples import examples
from tests.support.fate import Blow
from tests.support.fleet_world import NAME, FleetWorld
from tests.support.moved_world import FLEET, ROOT, Watch, a_watched_fleet

QUICKLY: dict[str, Any] = {"soak": "30s", "baseline": "5s", "verify": "10s", "strictSoak": "10s"}
WAVES: tuple[list[dict[str, Any]], ...] = (
    [{"name": "all", "namespaces": ["tools", "shop", "pay"], "concurrency": 3}],
    [{"name": "pilot", "namespaces": ["tools"]}, {"name": "core", "namespaces": ["shop", "pay"], "approval": "team"}],
)
NAMESPACES = st.sampled_from(FLEET)
USUAL = st.sampled_from(("PERMISSIVE", "STRICT", "UNSET"))  # what no check blocks
MODES = st.sampled_from(("PERMISSIVE", "STRICT", "DISABLE", "UNSET"))
VERBS = st.sampled_from(
    (Verb.FALLBACK, Verb.ROLLBACK, Verb.RETRY, Verb.PROMOTE, Verb.PAUSE, Verb.RESUME, Verb.ABORT, Verb.APPROVE)
)
TARGETS = {"tools": "tools/ci", "shop": "shop/web", "pay": "pay/bank"}
MOST_BEATS = 60  # so many until a fleet that nobody disturbs is done


def policy(namespace: str, name: str, mode: str, app: str = "") -> dict[str, Any]:
    """Somebody's PeerAuthentication."""
    chosen = {"selector": {"matchLabels": {"app": app}}} if app else {}
    metadata = {"name": name, "namespace": namespace}
    spec = {**chosen, "mtls": {"mode": mode}}
    return {"apiVersion": "security.istio.io/v1", "kind": "PeerAuthentication", "metadata": metadata, "spec": spec}


class Machine(RuleBasedStateMachine):
    """Everything that may happen to three namespaces, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.stack = AsyncExitStack()
        self.is_edited = False

    @property
    def world(self) -> FleetWorld:
        """The cluster and the controller on it."""
        return self.watch.world

    def run(self, what: Coroutine[Any, Any, Any]) -> Any:
        """What became of it; that an object is not there, or is there already, is fine."""
        try:
            return self.runner.run(what)
        except PortError:
            return None

    @initialize(
        waves=st.sampled_from(WAVES),
        root=st.sampled_from(("", "PERMISSIVE", "STRICT")),
        wide=st.dictionaries(NAMESPACES, USUAL, max_size=2),
        narrow=st.dictionaries(NAMESPACES, USUAL, max_size=1),
        exceptions=st.lists(NAMESPACES, max_size=1),
        beats=st.sampled_from((0, 5, 12, 16, 20, 24)),
    )
    def begins(
        self,
        waves: list[dict[str, Any]],
        root: str,
        wide: dict[str, str],
        narrow: dict[str, str],
        exceptions: list[str],
        beats: int,
    ) -> None:
        excepted = [
            {"namespace": name, "workload": {"app": TARGETS[name].partition("/")[2]}, "port": 8080}
            | {"mode": "PERMISSIVE", "owner": "team-x", "expires": "2026-11-22"}
            for name in exceptions
        ]
        fleet = a_watched_fleet(waves=waves, exceptions=excepted, **QUICKLY)
        self.watch: Watch = self.runner.run(self.stack.enter_async_context(fleet))
        if root:
            self.run(self.world.put(policy(ROOT, "default", root)))
        for name, mode in wide.items():
            self.run(self.world.put(policy(name, "default", mode)))
        for name, mode in narrow.items():
            self.run(self.world.put(policy(name, "own", mode, TARGETS[name].partition("/")[2])))
        for name in FLEET:
            for check in ("PA-01", "PA-02", "DR-01"):
                self.run(self.world.say(Verb.ACKNOWLEDGE, name, finding=check, reason="known"))
        self.run(self.watch.begin())
        self.run(self.world.policy("team"))
        self.run(self.world.say(Verb.APPROVE, "core"))
        for _ in range(beats):
            self.run(self.watch.beat())

    @rule(beats=st.integers(1, 8))
    def time_passes(self, beats: int) -> None:
        for _ in range(beats):
            self.run(self.watch.beat())

    @rule(name=NAMESPACES)
    def somebody_outside_calls(self, name: str) -> None:
        self.world.fleet.call(Caller(name=f"old-{name}", source="", target=TARGETS[name], rate=0.4))

    @rule(name=NAMESPACES)
    def nobody_outside_calls(self, name: str) -> None:
        self.world.fleet.callers.pop(f"old-{name}", None)

    @rule(down=st.booleans())
    def metrics_come_or_not(self, down: bool) -> None:
        self.watch.is_dark = down
        (self.world.metrics.down if down else lambda _: self.world.metrics.up())("no answer in 10 s")

    @rule(name=NAMESPACES)
    def a_pod_is_born_anew(self, name: str) -> None:
        async def delete() -> None:
            pods = (await self.watch.namespace(name)).pods
            if pods:
                await self.world.delete("Pod", name, pods[0].name)

        self.run(delete())

    @rule(name=NAMESPACES, mode=MODES)
    def a_person_sets_a_mode(self, name: str, mode: str) -> None:
        async def edit() -> None:
            found = (await self.watch.namespace(name)).peers
            if found:
                self.watch.truth[name].touched.add(found[0].uid)
                spec = {"spec": {"mtls": {"mode": mode}}}
                await self.world.edit("PeerAuthentication", name, found[0].name, spec)

        self.is_edited = True
        self.run(edit())

    @rule(name=NAMESPACES, mode=MODES)
    def a_person_adds_a_policy(self, name: str, mode: str) -> None:
        self.is_edited = True
        self.run(self.world.put(policy(name, "mine", mode, TARGETS[name].partition("/")[2])))

    @rule(name=NAMESPACES)
    def a_person_deletes_a_policy(self, name: str) -> None:
        async def delete() -> None:
            for peer in (await self.watch.namespace(name)).peers[:1]:
                await self.world.delete("PeerAuthentication", name, peer.name)

        self.is_edited = True
        self.run(delete())

    @rule(name=NAMESPACES, value=st.sampled_from((None, "enabled", "disabled")))
    def a_person_labels(self, name: str, value: str | None) -> None:
        self.is_edited = True
        self.watch.truth[name].touched.add("label")
        self.run(self.world.edit("Namespace", "", name, {"metadata": {"labels": {"istio-injection": value}}}))

    @rule()
    def the_exceptions_leave_the_spec(self) -> None:
        self.run(self.world.edit("MeshMigration", "", NAME, {"spec": {"exceptions": []}}))

    @rule(verb=VERBS, name=NAMESPACES)
    def a_person_commands(self, verb: Verb, name: str) -> None:
        subject = {Verb.APPROVE: "core", Verb.PAUSE: "", Verb.RESUME: "", Verb.ABORT: ""}.get(verb, name)
        self.run(self.world.say(verb, subject, reason="because"))

    @rule(seconds=st.sampled_from((10, 40, 300)), overrun=st.sampled_from(("finish", "hold")))
    def the_platform_freezes(self, seconds: int, overrun: str) -> None:
        self.run(self.watch.freeze(timedelta(seconds=seconds), overrun))

    @rule(blow=st.sampled_from(Blow), ahead=st.integers(0, 3))
    def fate_strikes_soon(self, blow: Blow, ahead: int) -> None:
        self.world.fate.blow, self.world.fate.at = blow, self.world.fate.begun + ahead

    @rule()
    def the_controller_restarts(self) -> None:
        self.run(self.world.restart())

    @precondition(lambda self: self.watch.steps)
    @rule()
    def invariant_18_the_same_look_leads_to_the_same_writes(self) -> None:
        async def twice() -> None:
            spec, status, now = await self.watch.spec(), await self.world.status(), self.world.clock.now()
            observer = self.world.kept.migrator.observer
            seen = observer.glance(spec, status, observer.cluster.root(spec.root))
            assert decide(spec, status, seen, now) == decide(spec, status, seen, now)

        self.run(twice())

    @invariant()
    def all_promises_are_kept(self) -> None:
        if hasattr(self, "watch"):
            assert not self.watch.failures, self.watch.failures

    def teardown(self) -> None:
        """Once nobody disturbs it any more, everything that can be done is done."""
        try:
            if hasattr(self, "watch"):
                self._settles()
                assert not self.watch.failures, self.watch.failures
        finally:
            self.runner.run(self.stack.aclose())
            self.runner.close()

    def _settles(self) -> None:
        self.world.fate.blow = None
        self.run(self.watch.thaw())
        self.metrics_come_or_not(down=False)
        for name in FLEET:
            self.nobody_outside_calls(name)
        for _ in range(3):
            self.run(self.watch.beat())
        if not self.is_edited:
            self._invariant_19_all_of_it_is_done()

    def _invariant_19_all_of_it_is_done(self) -> None:
        for beat in range(4 * MOST_BEATS):
            if beat % 12 == 0:
                self._people_do_their_part()
            self.run(self.watch.beat())
            if set(self.run(self.world.status()).stages.values()) <= {Stage.DONE}:
                return
            if Stage.BLOCKED in self.run(self.world.status()).stages.values():
                return  # a person's matter
        status = self.run(self.world.status())
        raise AssertionError({one.name: (one.stage, one.reasons) for one in status.namespaces})

    def _people_do_their_part(self) -> None:
        status = self.run(self.world.status())
        self.run(self.world.say(Verb.RESUME))
        self.run(self.world.say(Verb.APPROVE, "core"))
        for one in status.namespaces:
            if one.stage in (Stage.FALLEN_BACK, Stage.ROLLED_BACK):
                self.run(self.world.say(Verb.RETRY, one.name))
            for check in ("CALLER-01", "PORT-05", "PODIP-01", "SIDECAR-01"):
                if one.warned:
                    self.run(self.world.say(Verb.ACKNOWLEDGE, one.name, finding=check, reason="known"))


class QuickMachine(Machine):
    """For the inner loop."""


QuickMachine.TestCase.settings = settings(examples(25, steps=12), suppress_health_check=list(HealthCheck))
TestQuickMachine = QuickMachine.TestCase
Machine.TestCase.settings = settings(examples(60, steps=30), suppress_health_check=list(HealthCheck))
TestMachine = pytest.mark.slow(Machine.TestCase)
