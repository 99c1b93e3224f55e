"""How is the tick of a Rollout wired: what looks, what decides, and what makes it true?"""

from adapters.clock import SystemClock
from adapters.kube.api import KubeApi
from adapters.kube.cache import Cache
from adapters.kube.commands import KubeCommands
from adapters.kube.store import KubeRollouts
from adapters.kube.workloads import ClusterWorkloads
from adapters.traffic.router import Router
from rollout.controller.slots import Slots
from rollout.ports.metrics import Metrics
from rollout.ports.notices import Notices
from rollout.ports.policies import ChangeAuthors, Policies
from rollout.services.observe import Observer
from rollout.services.perform import Performer
from rollout.services.reconcile import Reconciler
from rollout.wiring.actors import seen_bound


def observer_of(
    api: KubeApi, cache: Cache, metrics: Metrics, policies: Policies, authors: ChangeAuthors, slots: Slots
) -> Observer:
    """What looks. slots: whoever waits for metrics goes aside from them."""
    clock = SystemClock()
    return Observer(
        rollouts=KubeRollouts(api, cache),
        commands=KubeCommands(api, cache, clock),
        routes=Router(api, cache),
        workloads=ClusterWorkloads(cache),
        metrics=metrics,
        clock=clock,
        actors_bound=seen_bound(cache),
        policies=policies,
        authors=authors,
        aside=slots.aside,
    )


def reconciler_of(observer: Observer, notices: Notices) -> Reconciler:
    """What does one tick; it writes by the ports that the observer looks by."""
    performer = Performer(rollouts=observer.rollouts, commands=observer.commands, routes=observer.routes)
    return Reconciler(rollouts=observer.rollouts, observer=observer, performer=performer, notices=notices)
