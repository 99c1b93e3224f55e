"""How does the demand of somebody whom we have proven become a RolloutCommand?

Only the controller's own account may write commands in the name of others (deploy/base/actor-policy.yaml); so nothing is
written before the one authorisation function has said yes.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from policies.approval import Identity, Realm
from rollout.manifest.rolloutcommand import command_to_dict
from rollout.model.receiver import Receiver
from rollout.ports.clock import Clock
from rollout.ports.errors import Forbidden
from rollout.ports.objects import Obj
from rollout.services.authorising import Authority
from rollout.services.ordering import Demand, command_of

MOST_GROUPS = 100  # what a RolloutCommand takes
# By which channels people of a realm come; `cli` is for whoever writes commands himself.
_CHANNELS = {
    Realm.CLUSTER: "dashboard",
    Realm.SLACK: "slack",
    Realm.OIDC: "callback",
    Realm.CALLBACK: "callback",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Voucher:
    """Writes commands for people whom a Receiver or the dashboard has proven.

    create: as `ObjectWrites.create`, by the controller's own account.
    """

    authority: Authority
    create: Callable[[Obj], Awaitable[Obj]]
    clock: Clock

    async def record(self, identity: Identity, demand: Demand, receiver: Receiver | None) -> Obj:
        """The RolloutCommand as stored, bound as `demand.binding` says.

        receiver: the one that has proven the identity, None for users of the cluster. Forbidden, with the reason and what
        next, when they may not ask for it; another PortError when it could not be written.
        """
        refused = await self.authority.refusal(identity, demand.verb, demand.kind, demand.key, receiver)
        if refused:
            raise Forbidden(refused)
        if demand.channel != _CHANNELS[identity.realm]:
            raise Forbidden(
                f"{identity} cannot come by the channel {demand.channel}: {_CHANNELS[identity.realm]} is theirs"
            )
        if len(identity.groups) > MOST_GROUPS:
            more = f"{identity} is in {len(identity.groups)} groups, a command takes {MOST_GROUPS}"
            raise Forbidden(f"{more}; have the issuer send only those that approve")
        command = command_of(identity, demand, self.clock.now())
        return await self.create(command_to_dict(demand.key, command, kind=demand.kind))
