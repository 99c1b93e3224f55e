"""How is the controller wired?"""

import random
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from starlette.types import ASGIApp

from adapters.clock import SystemClock
from adapters.kube.cache import Cache
from adapters.kube.client import HttpApi
from adapters.kube.fenced import FencedApi
from adapters.kube.kinds import WATCHED, left_out
from adapters.kube.policies import KubePolicies
from adapters.kube.receivers import KubeReceivers
from adapters.kube.sources import KubeSources
from adapters.kube.watch import WorkWatch
from adapters.mesh.store import KubeMigrations
from adapters.notices.events import EventNotices
from adapters.people.places import SLACK
from rollout.controller.jobs import Jobs
from rollout.controller.kept import KeptRollouts
from rollout.controller.kept_notifiers import KeptNotifiers
from rollout.controller.kept_receivers import KeptReceivers
from rollout.controller.loop import Controller, Kept
from rollout.controller.queue import Queue
from rollout.controller.slots import Slots
from rollout.model.names import Key
from rollout.model.shard import Shard
from rollout.ports.rollouts import Rollouts
from rollout.ports.watch import Work
from rollout.services.reconcile import Reconciler
from rollout.settings import Settings
from rollout.web.numbers import Numbers
from rollout.wiring.actors import seen_bound
from rollout.wiring.authors import change_authors
from rollout.wiring.background import background
from rollout.wiring.commits import kept_commits
from rollout.wiring.hooking import with_hooks
from rollout.wiring.late import hooks_of, late_api
from rollout.wiring.metrics import metrics_by
from rollout.wiring.migrating import kept_migrations, moving_by
from rollout.wiring.notifying import kept_notifiers
from rollout.wiring.repositories import kept_sources
from rollout.wiring.sharding import divided, shard_lease, waits_for
from rollout.wiring.telling import seen
from rollout.wiring.ticking import observer_of, reconciler_of

LEASE = "rollout-controller"
REQUEST_WITHIN = timedelta(seconds=5)  # a write has less when the lease leaves less: `adapters.kube.fenced`


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A wired controller and what its HTTP faces show."""

    controller: Controller
    rollouts: Rollouts
    cache: Cache
    numbers: Numbers
    hooks: ASGIApp | None
    api: ASGIApp
    shard: Shard

    def is_ready(self) -> bool:
        """Whether every kind was listed at least once."""
        return self.cache.is_synced()

    def waits(self) -> str:
        """What another layout of the fleet has to do before this process may lead, "" for nothing."""
        return waits_for(self.controller.lease)

    def page(self) -> bytes:
        """The numbers, as text."""
        self.numbers.stands(self.shard, self.waits())
        return self.numbers.page(leads=self.controller.leads, waiting=len(self.controller.queue))


@asynccontextmanager
async def running(settings: Settings, *, slack: str = SLACK) -> AsyncIterator[Running]:
    """Everything that `rollout serve` needs, caches following; not yet leading. Closed in order at the end.

    slack: Slack's Web API; another one for the demo, and for nobody else: the bot's token goes there.
    """
    async with AsyncExitStack() as stack:
        api, clock, identity = await _connected(settings, stack), SystemClock(), _identity(settings)
        lease = shard_lease(settings, api, clock, LEASE, identity)
        fenced = FencedApi(api, lease)
        cache, slots = _cache(settings, fenced), Slots(settings.workers)
        queue: Queue[Work] = Queue(jitter=random.random, stirs=lambda work: reconciler.stir(work[1]))
        look, policies = partial(_look, queue), KubePolicies(cache, settings.own_namespace)
        authors = change_authors(settings, stack, api, cache, look)
        observer = observer_of(fenced, cache, metrics_by(settings, stack), policies, authors, slots)
        observer.call = look
        notices = EventNotices(fenced, clock, instance=identity, turn=slots.turn)
        stack.push_async_callback(notices.close)
        reconciler = with_hooks(reconciler_of(observer, notices), stack, fenced, cache)
        notifying = kept_notifiers(settings, stack, fenced, cache, reconciler, slack)
        numbers = _numbers(api, cache, reconciler.rollouts, KubeSources(fenced, cache), notifying)
        kept = _kept(settings, stack, fenced, cache, reconciler)
        commits = kept_commits(settings, stack, fenced, cache, lease, reconciler)
        controller = Controller(
            kept=divided((*kept, commits, notifying), settings.part, cache, clock),
            watch=WorkWatch(cache, settings.own_namespace),
            lease=lease,
            clock=clock,
            jobs=Jobs(),
            queue=queue,
            slots=slots,
            reports=numbers.ticked,
            lags=numbers.lagged,
            told=notices.told,
        )
        background(stack, cache.run())
        yield Running(
            controller=controller,
            rollouts=reconciler.rollouts,
            cache=cache,
            numbers=numbers,
            hooks=hooks_of(settings, stack, api, cache, slack),
            api=late_api(settings, stack, seen(api, cache, reconciler.rollouts, stack, settings.own_namespace, clock)),
            shard=settings.part,
        )


async def _connected(settings: Settings, stack: AsyncExitStack) -> HttpApi:
    kubeconfig = str(settings.kubeconfig) if settings.kubeconfig else None
    api = await HttpApi.connect(kubeconfig, settings.context, within=REQUEST_WITHIN)
    stack.push_async_callback(api.close)
    return api


def _identity(settings: Settings) -> str:
    """Who this process is in the Lease, unlike any other."""
    return settings.identity or f"{socket.gethostname()}-{random.getrandbits(32):08x}"


def _look(queue: "Queue[Work]", key: Key) -> None:
    queue.add(("Rollout", key))


def _kept(
    settings: Settings, stack: AsyncExitStack, api: FencedApi, cache: Cache, reconciler: Reconciler
) -> tuple[Kept, ...]:
    """Rollouts, where their specs come from, moves into a mesh, and who may knock."""
    clock, notices = SystemClock(), reconciler.notices
    sources = kept_sources(settings, stack, api, cache, notices)
    moving = moving_by(settings, stack, notices, seen_bound(cache))
    return (
        KeptRollouts(rollouts=reconciler.rollouts, reconciler=reconciler, clock=clock),
        sources,
        kept_migrations(api, cache, moving),
        KeptReceivers(receivers=KubeReceivers(api, cache, clock), clock=clock, home=settings.own_namespace),
    )


def _cache(settings: Settings, api: FencedApi) -> Cache:
    without = left_out(settings.traffic.value, settings.namespace)
    return Cache(api, WATCHED, settings.namespace or None, without=without)


def _numbers(api: HttpApi, cache: Cache, rollouts: Rollouts, sources: KubeSources, notifying: KeptNotifiers) -> Numbers:
    numbers = Numbers(rollouts, sources, KubeMigrations(api, cache), lambda: api.calls)
    numbers.count_notices(notifying.notifiers, lambda: notifying.notify.results)
    numbers.count_silences(cache.silences)
    return numbers
