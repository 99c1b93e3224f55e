"""How are the API and the dashboard wired?"""

import asyncio
from contextlib import AsyncExitStack
from ipaddress import ip_network
from urllib.parse import urlsplit

from starlette.types import ASGIApp

from adapters.kube.api import Obj, TextApi
from adapters.kube.cache import Cache
from adapters.kube.objects import KubeObjects
from adapters.kube.reviews import KubeReviews
from adapters.kube.shelf import at_of
from rollout.model.names import Key
from rollout.ports.clock import Clock
from rollout.ports.rollouts import Rollouts
from rollout.services.authorising import Authority
from rollout.services.feed import Feed
from rollout.services.ordering import waiting_in
from rollout.services.vouching import Voucher
from rollout.settings import Settings
from rollout.web.api import Faces, api
from rollout.web.asking import Asking
from rollout.web.callers import Callers, Proxy
from rollout.web.guard import Guard
from rollout.web.hosts import LOOPBACK
from rollout.web.login import add_login
from rollout.web.pages import add_pages, assets
from rollout.web.sight import Sight
from rollout.wiring.login import desk_of, sessions_of
from rollout.wiring.telling import accounts, moves, trace_watch


def api_app(
    settings: Settings, stack: AsyncExitStack, cluster: TextApi, cache: Cache, rollouts: Rollouts, clock: Clock
) -> ASGIApp:
    """The API and the dashboard over the caches, on any replica. cluster: without the lease, which commands do not need.

    stack: ends what watches in the background.
    """
    reviews, objects = KubeReviews(cluster), KubeObjects(cluster)
    sessions = sessions_of(settings, clock)
    callers = Callers(
        reviews=reviews, clock=clock, tokens=settings.api_tokens, proxy=_proxy(settings), sessions=sessions
    )
    authority = Authority(reviews=reviews, home=settings.own_namespace)
    asking = Asking(
        rollouts=rollouts,
        objects=objects,
        voucher=Voucher(authority=authority, create=objects.create, clock=clock),
        home=settings.own_namespace,
        waiting=lambda key: _waiting(cache.get("GitSource", key.namespace, key.name)),
    )

    told = accounts(cluster, cache, rollouts, clock, settings.own_namespace)
    watching = asyncio.create_task(trace_watch(cluster, cache, rollouts, clock, told.traces).run(), name="traces")
    stack.push_async_callback(_ended, watching)
    faces = Faces(
        rollouts=rollouts,
        is_open=callers.is_open,
        sight=Sight(reviews=reviews, clock=clock),
        asking=asking,
        feed=_feed_of(cache),
        accounts=told,
        moves=moves(cluster, cache, clock, settings.own_namespace),
    )
    app = api(faces)
    add_login(app, desk_of(settings, callers, sessions, stack))
    add_pages(app, assets())
    return Guard(app, callers, _hosts(settings, callers), settings.api_url)


def _waiting(source: Obj | None) -> str | None:
    """The commit of a GitSource that a person has to confirm, "" for none; None where there is no source."""
    return None if source is None else waiting_in(source)


def _feed_of(cache: Cache) -> Feed:
    """What open pages hear of the cache's changes."""
    feed = Feed()

    def changed(kind: str, old: Obj | None, new: Obj | None) -> None:
        obj = new if new is not None else old
        if kind in ("Rollout", "MeshMigration") and obj is not None and len(feed):
            namespace, name = at_of(obj)
            feed.tell(kind, Key(namespace=namespace, name=name))

    cache.subscribe(changed)
    return feed


async def _ended(task: "asyncio.Task[None]") -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def _proxy(settings: Settings) -> Proxy | None:
    if not settings.api_proxy_from:
        return None
    return Proxy(
        networks=tuple(ip_network(part.strip()) for part in settings.api_proxy_from.split(",")),
        user=settings.api_proxy_user_header,
        groups=settings.api_proxy_groups_header,
    )


def _hosts(settings: Settings, callers: Callers) -> frozenset[str]:
    """The names by which we may be called: of this machine where nobody is asked who he is, else what api_url says.

    () for any: then a caller has to prove himself, with what no page elsewhere knows.
    """
    named = urlsplit(settings.api_url).hostname or ""
    if callers.is_open:
        return LOOPBACK | ({named} if named else frozenset())
    return frozenset({named, *LOOPBACK}) if named else frozenset()
