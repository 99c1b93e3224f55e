"""How are the API and the dashboard wired?"""

from contextlib import AsyncExitStack
from ipaddress import ip_network
from urllib.parse import urlsplit

from starlette.types import ASGIApp

from adapters.kube.api import Obj
from adapters.kube.objects import KubeObjects
from adapters.kube.reviews import KubeReviews
from rollout.services.authorising import Authority
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
from rollout.wiring.telling import Seen, moves


def api_app(settings: Settings, stack: AsyncExitStack, seen: Seen) -> ASGIApp:
    """The API and the dashboard over the caches, on any replica. stack: closes what asks issuers."""
    cache, clock, home = seen.cache, seen.clock, settings.own_namespace
    reviews, objects = KubeReviews(seen.api), KubeObjects(seen.api)
    sessions = sessions_of(settings, clock)
    callers = Callers(
        reviews=reviews, clock=clock, tokens=settings.api_tokens, proxy=_proxy(settings), sessions=sessions
    )
    authority = Authority(reviews=reviews, home=home)
    asking = Asking(
        rollouts=seen.rollouts,
        objects=objects,
        voucher=Voucher(authority=authority, create=objects.create, clock=clock),
        home=home,
        waiting=lambda key: _waiting(cache.get("GitSource", key.namespace, key.name)),
    )
    faces = Faces(
        rollouts=seen.rollouts,
        is_open=callers.is_open,
        sight=Sight(reviews=reviews, clock=clock),
        asking=asking,
        feed=seen.feed,
        accounts=seen.told,
        moves=moves(seen.api, cache, clock, home),
    )
    app = api(faces)
    add_login(app, desk_of(settings, callers, sessions, stack))
    add_pages(app, assets())
    return Guard(app, callers, _hosts(settings, callers), settings.api_url)


def _waiting(source: Obj | None) -> str | None:
    """The commit of a GitSource that a person has to confirm, "" for none; None where there is no source."""
    return None if source is None else waiting_in(source)


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
