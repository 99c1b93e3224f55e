"""What may a git host tell us? Only to look now: never which repository, ref or content.

The body is verified and never parsed. Which GitSources are looked at says the Receiver.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta

import structlog
from fastapi.responses import JSONResponse, Response

from rollout.model.names import Key
from rollout.model.receiver import GIT_HOSTS, Sender
from rollout.ports.errors import NotFound, PortError
from webhooks.knock import Knock, Refusal, RefusedError
from webhooks.limits import Deliveries
from webhooks.signatures import from_git

MOST_BYTES = 3 * 1024 * 1024  # as Flux' receivers take
REMEMBERED = timedelta(hours=24)  # how long a host may deliver the same again
LookNow = Callable[[Key], Awaitable[None]]
_EVENTS = ("x-github-event", "x-gitea-event", "x-forgejo-event", "x-event-key")
_PINGS = ("ping", "diagnostics:ping")  # "is anybody there": GitHub's and Bitbucket's

log = structlog.get_logger("rollout.webhooks")


@dataclass(slots=True, kw_only=True)
class GitHooks:
    """The route of git hosts. look_now: asks whoever looks after a GitSource to look at it; NotFound when there is none."""

    look_now: LookNow
    senders: frozenset[Sender] = GIT_HOSTS
    most_bytes: int = MOST_BYTES
    _deliveries: Deliveries = field(default_factory=Deliveries)

    async def __call__(self, knock: Knock) -> Response:
        """202 and the sources that are looked at, 200 for a ping and for what was delivered before; RefusedError."""
        proven = from_git(knock)
        if any(knock.header(name) in _PINGS for name in _EVENTS):
            return JSONResponse({"pong": knock.receiver.key.name})
        until = knock.now + REMEMBERED
        if proven.delivery and not self._deliveries.is_new(knock.uid, proven.delivery, until, knock.now):
            return JSONResponse({"sources": []})
        try:
            looked = await self._look(knock)
        except RefusedError:
            self._deliveries.forget(knock.uid, proven.delivery)
            raise
        log.info("webhook_accepted", receiver=str(knock.receiver.key), sources=looked)
        return JSONResponse({"sources": looked}, status_code=202)

    async def _look(self, knock: Knock) -> list[str]:
        receiver = knock.receiver
        looked, missing = [], []
        for name in receiver.sources:
            try:
                await self.look_now(Key(namespace=receiver.key.namespace, name=name))
            except NotFound:
                missing.append(name)
            except PortError as error:
                log.warning("webhook_failed", receiver=str(receiver.key), source=name, error=str(error))
                raise RefusedError(Refusal.UNAVAILABLE, "the cluster cannot be asked now") from error
            else:
                looked.append(name)
        if not looked:
            what = (
                f"no GitSource {', '.join(missing)} in {receiver.key.namespace}; correct spec.sources of the Receiver"
            )
            raise RefusedError(Refusal.NOT_THERE, what)
        return looked
