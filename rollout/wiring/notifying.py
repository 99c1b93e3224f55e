"""How are news wired?"""

import random
from contextlib import AsyncExitStack
from datetime import timedelta

from adapters.clock import SystemClock
from adapters.kube.cache import Cache
from adapters.kube.fenced import FencedApi
from adapters.kube.notice_secrets import KubeNoticeSecrets
from adapters.kube.notifiers import KubeNotifiers
from adapters.kube.receivers import KubeReceivers
from adapters.kube.reviews import KubeReviews
from adapters.mesh.store import KubeMigrations
from adapters.notices.cloudevents import CloudEvents
from adapters.notices.posts import Posts
from adapters.notices.slack import Slack
from adapters.notices.teams import Teams
from adapters.notices.webhook import Webhooks
from rollout.controller.kept_notifiers import KeptNotifiers
from rollout.model.notifier import Channel
from rollout.ports.messages import Messenger
from rollout.services.authorising import Authority
from rollout.services.notify import Notify
from rollout.services.notify_subjects import Subjects
from rollout.services.reconcile import Reconciler
from rollout.settings import Settings
from rollout.wiring.cards import SlackCards

# What is sent twice does no harm; the status is written as fast as everything else. The lease leaves 3 s at any time.
_WITHIN = timedelta(seconds=2)


def kept_notifiers(
    settings: Settings, stack: AsyncExitStack, api: FencedApi, cache: Cache, reconciler: Reconciler, slack: str
) -> KeptNotifiers:
    """The cluster's Notifiers; ended with `stack`. slack: Slack's Web API."""
    clock = SystemClock()
    posts = Posts(clock, http=settings.allow_file_urls or settings.allow_http_urls)
    stack.push_async_callback(posts.close)
    secrets = KubeNoticeSecrets(api, cache, clock)
    notifiers = KubeNotifiers(api, cache)
    subjects = Subjects(reconciler.rollouts, KubeMigrations(api, cache), notifiers, settings.own_namespace)

    def may_write() -> bool:
        return api.may_write(_WITHIN)

    cards = SlackCards(
        rollouts=reconciler.rollouts,
        receivers=KubeReceivers(api, cache, clock),
        authority=Authority(reviews=KubeReviews(api), home=settings.own_namespace),
        listens=bool(settings.webhooks_listen),
    )

    messengers: dict[Channel, Messenger] = {
        Channel.SLACK: Slack(secrets, posts, blocks=cards.blocks_of, api=slack),
        Channel.WEBHOOK: Webhooks(secrets, posts),
        Channel.CLOUDEVENTS: CloudEvents(secrets, posts),
        Channel.TEAMS: Teams(secrets, posts),
    }
    kept = KeptNotifiers(
        notifiers=notifiers,
        subjects=subjects,
        notify=Notify(notifiers, subjects, messengers, reconciler.notices, clock, may_write),
        clock=clock,
        jitter=random.random,
        may_write=may_write,
    )
    stack.push_async_callback(kept.close)
    return kept
