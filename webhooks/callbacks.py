"""How does a pipeline let a revision go on, or stop it?

It proves itself, says what it has seen, and is refused like a person: by the one authorisation function, and when what
it has seen is over.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import structlog
from fastapi.responses import JSONResponse, Response

from policies.approval import Identity, Realm
from rollout.model.receiver import Proof, Sender
from rollout.model.status import RolloutStatus
from rollout.ports.errors import Conflict, Forbidden, PortError
from rollout.ports.migrations import Migrations
from rollout.ports.objects import Obj
from rollout.ports.rollouts import Rollouts
from rollout.ports.tokens import Tokens
from rollout.services.ordering import Binding, Demand, is_stale
from rollout.services.vouching import Voucher
from webhooks.bearer import from_token
from webhooks.demands import demanded
from webhooks.knock import Knock, Refusal, RefusedError
from webhooks.limits import Deliveries
from webhooks.signatures import stamped, standard

MOST_BYTES = 256 * 1024
_LONGEST = timedelta(hours=24)  # that a token is remembered; the API server refuses its second command for 30 days

log = structlog.get_logger("rollout.webhooks")


@dataclass(slots=True, kw_only=True)
class CallbackHooks:
    """The route of callbacks."""

    voucher: Voucher
    rollouts: Rollouts
    migrations: Migrations
    tokens: Tokens
    senders: frozenset[Sender] = frozenset({Sender.CALLBACK})
    most_bytes: int = MOST_BYTES
    _deliveries: Deliveries = field(default_factory=Deliveries)

    async def __call__(self, knock: Knock) -> Response:
        """202 and the name of the RolloutCommand; RefusedError."""
        identity, delivery, until = await self._proven(knock)
        demand = demanded(knock.body, self.voucher.authority.home, f"{knock.uid} {delivery}")
        await self._allow(knock, identity, demand)
        if not self._deliveries.is_new(knock.uid, delivery, until, knock.now):
            raise RefusedError(Refusal.REPLAYED)
        try:
            stored = await self._recorded(knock, identity, demand)
        except RefusedError:
            self._deliveries.forget(knock.uid, delivery)
            raise
        name = str(stored["metadata"]["name"])
        log.info("webhook_recorded", receiver=str(knock.receiver.key), who=str(identity), command=name)
        return JSONResponse({"command": name}, status_code=202)

    async def _proven(self, knock: Knock) -> tuple[Identity, str, datetime]:
        """Who it is, by what the request is known again, and until when that matters."""
        receiver = knock.receiver
        if receiver.proof is Proof.OIDC:
            bearer = await from_token(knock, self.tokens)
            until = datetime.fromtimestamp(min(bearer.until, (knock.now + _LONGEST).timestamp()), UTC)
            return bearer.identity, bearer.delivery, until + receiver.replay_window
        proven = standard(knock) if receiver.proof is Proof.STANDARD else stamped(knock)
        machine = Identity(realm=Realm.CALLBACK, user=receiver.key.name, vouched=receiver.key.namespace)
        return machine, proven.delivery, knock.now + 2 * receiver.replay_window

    async def _allow(self, knock: Knock, identity: Identity, demand: Demand) -> None:
        authority = self.voucher.authority
        why = await authority.refusal(identity, demand.verb, demand.kind, demand.key, knock.receiver)
        if why:
            raise RefusedError(Refusal.NOT_ALLOWED, why)
        if demand.kind == "MeshMigration":
            if self.migrations.get(demand.key.name) is None:
                raise RefusedError(Refusal.NOT_THERE, f"there is no MeshMigration {demand.key.name}")
            return
        stored = self.rollouts.get(demand.key)
        if stored is None:
            raise RefusedError(Refusal.NOT_THERE, f"there is no Rollout {demand.key}")
        if is_stale(demand.binding, stored.status):
            raise RefusedError(Refusal.OUTDATED, _outdated(demand.binding, stored.status))

    async def _recorded(self, knock: Knock, identity: Identity, demand: Demand) -> Obj:
        try:
            return await self.voucher.record(identity, demand, knock.receiver)
        except Conflict as error:  # the API server has a command by this very delivery
            raise RefusedError(Refusal.REPLAYED) from error
        except Forbidden as error:
            raise RefusedError(Refusal.NOT_ALLOWED, str(error)) from error
        except PortError as error:
            log.warning("webhook_failed", receiver=str(knock.receiver.key), error=str(error))
            raise RefusedError(Refusal.UNAVAILABLE, "the cluster cannot be asked now", retry_after=1) from error


def _outdated(seen: Binding, status: RolloutStatus) -> str:
    """What it was made for, and what is so now; the template only where that was said."""
    run = status.run
    if run is None:
        return f"made for {seen}; now no run is in hand"
    before, now = (f", template {one}" if seen.template else "" for one in (seen.template, run.canary.template))
    return f"made for {seen}{before}; now it is run {status.runs}, step {run.step}, {run.canary.name}{now}"
