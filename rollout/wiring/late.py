"""What of the HTTP faces is made only where, or once, somebody comes?

Their libraries are a fifth of what an idle controller needs in memory, and most API listeners of a fleet are never asked.
"""

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from importlib import import_module

from starlette.types import ASGIApp, Receive, Scope, Send

from adapters.clock import SystemClock
from adapters.kube.api import KubeApi
from adapters.kube.cache import Cache
from adapters.kube.policies import KubePolicies
from rollout.settings import Settings
from rollout.wiring.telling import Seen


class Late:
    """An app that is made when the first request comes; its module was read in a thread by then, as that takes 0.5 s."""

    def __init__(self, module: str, make: Callable[[], ASGIApp]) -> None:
        self._module = module
        self._make = make
        self._made: ASGIApp | None = None
        self._making = asyncio.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        async with self._making:
            if self._made is None:
                await asyncio.to_thread(import_module, self._module)
                self._made = self._make()
        await self._made(scope, receive, send)


def late_api(settings: Settings, stack: AsyncExitStack, seen: Seen) -> ASGIApp:
    """The API and the dashboard. At once where people sign in or bring tokens: what is wrong there is told at the start."""

    def made() -> ASGIApp:
        from rollout.wiring.web import api_app

        return api_app(settings, stack, seen)

    files = settings.session_key_file or settings.login_ca_file
    if settings.api_tokens or settings.login_issuer or settings.api_proxy_from or files:
        return made()
    return Late("rollout.wiring.web", made)


def hooks_of(settings: Settings, stack: AsyncExitStack, api: KubeApi, cache: Cache, slack: str) -> ASGIApp | None:
    """The webhooks' app; None where nobody listens. slack: Slack's Web API."""
    if not settings.webhooks_listen:
        return None
    from rollout.wiring.receiving import Reception, door
    from rollout.wiring.slack import slack_hooks

    reception = Reception(api=api, cache=cache, clock=SystemClock(), home=settings.own_namespace)
    policies = KubePolicies(cache, settings.own_namespace)
    return door(reception, stack, slack_hooks(reception, policies, stack, api=slack))
