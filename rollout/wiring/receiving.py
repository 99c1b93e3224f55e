"""How are webhooks wired? On every replica: nothing here needs the lease."""

from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass

from fastapi import FastAPI

from adapters.kube.api import KubeApi
from adapters.kube.cache import Cache
from adapters.kube.objects import KubeObjects
from adapters.kube.receivers import KubeReceivers
from adapters.kube.reviews import KubeReviews
from adapters.kube.sources import KubeSources
from adapters.kube.store import KubeRollouts
from adapters.mesh.store import KubeMigrations
from adapters.oidc.issuers import Issuers
from adapters.oidc.tokens import OidcTokens
from rollout.ports.clock import Clock
from rollout.services.authorising import Authority
from rollout.services.vouching import Voucher
from webhooks import demands, slack_payloads
from webhooks.callbacks import CallbackHooks
from webhooks.git import GitHooks
from webhooks.routes import Doors, Handler, hooks


@dataclass(frozen=True, slots=True, kw_only=True)
class Reception:
    """What everything that hears people is made of. api: not fenced; home: the controller's namespace."""

    api: KubeApi
    cache: Cache
    clock: Clock
    home: str

    def authority(self) -> Authority:
        """The one authorisation function."""
        return Authority(reviews=KubeReviews(self.api), home=self.home)

    def voucher(self) -> Voucher:
        """Writes commands in the names of others."""
        return Voucher(authority=self.authority(), create=KubeObjects(self.api).create, clock=self.clock)

    def receivers(self) -> KubeReceivers:
        """Receivers and their Secrets."""
        return KubeReceivers(self.api, self.cache, self.clock)


def door(reception: Reception, stack: AsyncExitStack, slack: Handler) -> FastAPI:
    """The webhooks' app. slack: what serves its presses and commands."""
    issuers = Issuers()
    stack.push_async_callback(issuers.close)
    receivers, api, cache, clock = reception.receivers(), reception.api, reception.cache, reception.clock
    sources = KubeSources(api, cache)
    handlers: Mapping[str, Handler] = {
        "git": GitHooks(look_now=lambda key: sources.request(key, clock.now().isoformat())),
        "callbacks": CallbackHooks(
            voucher=reception.voucher(),
            rollouts=KubeRollouts(api, cache),
            migrations=KubeMigrations(api, cache),
            tokens=OidcTokens(issuers),
        ),
        "slack": slack,
    }
    schemas = {"callbacks": demands.schema(), "slack": slack_payloads.schema()}
    return hooks(Doors(receivers=receivers, clock=clock, handlers=handlers, schemas=schemas, is_ready=cache.is_synced))
