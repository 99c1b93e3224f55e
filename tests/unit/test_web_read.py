"""Can liveness, readiness and numbers be read over HTTP?"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import ClassVar

import pytest

from rollout.model.migration import MigrationStatus, NamespaceStatus, Stage
from rollout.model.names import Key
from rollout.model.rollout import RouteRef
from rollout.model.shard import Shard
from rollout.model.status import Condition, RolloutStatus
from rollout.ports.errors import Unreachable
from rollout.ports.migrations import StoredMigration
from rollout.ports.rollouts import Stored
from rollout.ports.specs import SourceStatus, StoredSource
from rollout.web.numbers import Numbers
from rollout.web.probes import probes
from tests.support.builders import CHECKOUT, a_run, a_spec, a_status
from tests.support.notice_world import NoticeWorld
from tests.unit.conftest import Front

pytestmark = pytest.mark.asyncio(loop_scope="module")

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


@dataclass
class One:
    """A single Rollout at 5 %."""

    def get(self, key: Key) -> Stored | None:
        """It, or nothing."""
        if key != CHECKOUT:
            return None
        return Stored(key=key, uid="u", version="1", generation=1, spec=a_spec(), status=a_status(run=a_run()))

    def keys(self) -> tuple[Key, ...]:
        """Its key."""
        return (CHECKOUT,)

    def on_route(self, namespace: str, route: RouteRef) -> tuple[Key, ...]:
        """Never asked."""
        raise AssertionError(f"{namespace}/{route}: nobody asks for rivals")

    async def save(self, stored: Stored, status: RolloutStatus) -> Stored:
        """Never asked."""
        raise AssertionError(f"{stored.key} {status.phase}: reading writes nothing")

    async def set_finalizer(self, stored: Stored, *, present: bool) -> Stored:
        """Never asked."""
        raise AssertionError(f"{stored.key} {present}: reading writes nothing")


class Two:
    """A GitSource in order, one in trouble, and one that nobody has looked at yet."""

    _READY: ClassVar = {"good": ("True",), "specs": ("False",), "young": ()}

    def keys(self) -> tuple[Key, ...]:
        """Their keys."""
        return tuple(Key(namespace="shop", name=name) for name in self._READY)

    def get(self, key: Key) -> StoredSource | None:
        """One of them."""
        ready = [
            Condition(type="Ready", status=status, reason="R", message="", since=NOON)
            for status in self._READY[key.name]
        ]
        status = SourceStatus(conditions=tuple(ready))
        return StoredSource(key=key, uid="u", version="1", generation=1, source=None, status=status)


class Moved:
    """One MeshMigration with one namespace."""

    def names(self) -> tuple[str, ...]:
        """Its name."""
        return ("to-strict",)

    def get(self, name: str) -> StoredMigration | None:
        """The migration."""
        one = NamespaceStatus(name="shop", stage=Stage.FALLEN_BACK, fallbacks=1)
        status = MigrationStatus(namespaces=(one,))
        return StoredMigration(name=name, uid="u", version="1", generation=1, spec=None, status=status)


@pytest.mark.parametrize(("is_ready", "code"), [(True, 200), (False, 503)])
async def test_ready_once_everything_was_listed(front: Front, is_ready: bool, code: int) -> None:
    app = probes(lambda: is_ready, lambda: b"")

    assert (await front.ask(app, "/readyz"))[0] == code
    assert (await front.ask(app, "/healthz"))[0] == 200


async def test_who_waits_for_another_layout_is_ready_and_says_so(front: Front) -> None:
    numbers = Numbers(One(), Two(), Moved(), dict)
    numbers.stands(Shard(number=1, count=3), "waits")
    app = probes(lambda: True, lambda: numbers.page(leads=False, waiting=2), lambda: "waits for the layout of 2 to end")

    _, page = await front.ask(app, "/metrics")

    assert await front.ask(app, "/readyz") == (200, "ok; waits for the layout of 2 to end\n")
    assert 'rolloutctl_layout_awaited{shard="1/3"} 1.0' in page
    assert 'rolloutctl_leader{shard="1/3"} 0.0' in page
    assert 'rolloutctl_queue_depth{shard="1/3"} 2.0' in page
    assert "rolloutctl_shards 3.0" in page


async def test_phase_and_weight_of_every_rollout_are_numbers_of_our_own_prefix(front: Front) -> None:
    numbers = Numbers(One(), Two(), Moved(), lambda: {("patch", "rollouts/status"): 3})
    app = probes(lambda: True, lambda: numbers.page(leads=True, waiting=0))

    _, page = await front.ask(app, "/metrics")

    assert 'rolloutctl_weight{name="checkout",namespace="shop"} 5.0' in page
    assert 'rolloutctl_phase{name="checkout",namespace="shop",phase="Progressing"} 1.0' in page
    assert 'rolloutctl_api_requests_total{resource="rollouts/status",verb="patch"} 3.0' in page
    assert 'rolloutctl_step_started_timestamp_seconds{name="checkout",namespace="shop"}' in page
    assert 'rolloutctl_source_ready{name="good",namespace="shop"} 1.0' in page
    assert 'rolloutctl_source_ready{name="specs",namespace="shop"} 0.0' in page
    assert 'rolloutctl_mesh_stage{migration="to-strict",moved="shop",stage="FallenBack"} 1.0' in page
    assert 'rolloutctl_mesh_fallbacks{migration="to-strict",moved="shop"} 1.0' in page
    assert "young" not in page
    assert all(line.startswith(("#", "rolloutctl_")) for line in page.splitlines())


async def test_how_late_ticks_begin_is_counted_by_kind(front: Front) -> None:
    numbers = Numbers(One(), Two(), Moved(), dict)
    app = probes(lambda: True, lambda: numbers.page(leads=True, waiting=0))

    numbers.lagged("Rollout", 0.7)
    _, page = await front.ask(app, "/metrics")

    assert 'rolloutctl_tick_lag_seconds_bucket{kind="Rollout",le="0.5"} 0.0' in page
    assert 'rolloutctl_tick_lag_seconds_bucket{kind="Rollout",le="0.75"} 1.0' in page


async def test_whether_news_arrive_and_what_came_of_them_are_numbers(front: Front) -> None:
    world = NoticeWorld()
    world.rollouts.put(a_status(run=a_run()))
    world.receiver.trouble = Unreachable("dead")
    await world.look()
    numbers = Numbers(One(), Two(), Moved(), dict)
    numbers.count_notices(world.notifiers, lambda: world.notify.results)
    app = probes(lambda: True, lambda: numbers.page(leads=True, waiting=0))

    _, page = await front.ask(app, "/metrics")

    assert 'rolloutctl_notifier_ready{name="news",namespace="shop"} 0.0' in page
    assert 'rolloutctl_notices_total{result="failed"} 1.0' in page
    assert 'rolloutctl_notices_total{result="delivered"} 0.0' in page


async def test_how_long_each_watch_has_been_silent_is_a_number(front: Front) -> None:
    numbers = Numbers(One(), Two(), Moved(), dict)
    numbers.count_silences(lambda: {"Rollout": 61.5})
    app = probes(lambda: True, lambda: numbers.page(leads=True, waiting=0))

    _, page = await front.ask(app, "/metrics")

    assert 'rolloutctl_watch_silent_seconds{kind="Rollout"} 61.5' in page
