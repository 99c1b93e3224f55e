"""How does what somebody asks over HTTP become a command?"""

from collections.abc import Callable
from dataclasses import dataclass

from fastapi import HTTPException

from rollout.model.commands import Verb
from rollout.model.names import Key
from rollout.ports.errors import Conflict, Forbidden, NotFound, PortError, Rejected
from rollout.ports.objects import Obj, Objects
from rollout.ports.rollouts import Rollouts
from rollout.services.ordering import Binding, Demand, is_stale
from rollout.services.vouching import Voucher
from rollout.web.callers import Caller
from rollout.web.shapes import (
    Answer,
    MoveOrder,
    Order,
    OverrideOrder,
    Recorded,
    RunOrder,
    SourceOrder,
    StableOrder,
    StepOrder,
)

CHANNEL = "dashboard"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """Writes commands for callers. home: the controller's namespace, where commands for MeshMigrations live.

    waiting: the commit of a GitSource that waits for a person, "" for none, None where there is no such source.
    """

    rollouts: Rollouts
    objects: Objects
    voucher: Voucher
    home: str
    waiting: Callable[[Key], str | None]

    async def of_rollout(self, caller: Caller | None, key: Key, wanted: Order) -> Recorded:
        """The recorded command; HTTPException 409 when it was made for what is no longer so, 422 when it does not say."""
        who, verb = _known(caller), Verb(wanted.verb)
        await self._must_have_the_right(who, verb, "Rollout", key)  # first: what is there is nobody else's to know
        stored = self.rollouts.get(key)
        if stored is None:
            raise HTTPException(404, f"there is no Rollout {key}")
        binding = _binding(wanted)
        if is_stale(binding, stored.status):
            run = stored.status.run
            now = f"run {stored.status.runs}, step {run.step}, {run.canary.name}" if run else "no run"
            raise HTTPException(409, f"{verb} was made for {binding}; now there is {now}: look again")
        demand = Demand(
            key=key,
            verb=verb,
            binding=binding,
            channel=CHANNEL,
            proven=who.proven,
            backend=wanted.backend if isinstance(wanted, StableOrder) else "",
            reason=wanted.reason,
        )
        return await self._recorded(who, demand)

    async def of_migration(self, caller: Caller | None, name: str, wanted: MoveOrder) -> Recorded:
        """The recorded command for a MeshMigration."""
        who = _known(caller)
        demand = Demand(
            key=Key(namespace=self.home, name=name),
            kind="MeshMigration",
            verb=Verb(wanted.verb),
            channel=CHANNEL,
            proven=who.proven,
            subject=wanted.subject,
            finding=wanted.finding,
            reason=wanted.reason,
        )
        return await self._recorded(who, demand)

    async def of_source(self, caller: Caller | None, key: Key, wanted: SourceOrder) -> Recorded:
        """The recorded command for a GitSource; HTTPException 409 when another commit waits, or none."""
        who, verb = _known(caller), Verb(wanted.verb)
        await self._must_have_the_right(who, verb, "GitSource", key)
        waiting = self.waiting(key)
        if waiting is None:
            raise HTTPException(404, f"there is no GitSource {key}")
        if waiting != wanted.commit:
            now = f"now commit {waiting} waits" if waiting else "no commit waits"
            raise HTTPException(409, f"{verb} was made for commit {wanted.commit}; {now}: look again")
        demand = Demand(
            key=key,
            kind="GitSource",
            verb=verb,
            binding=Binding(revision=wanted.commit),
            channel=CHANNEL,
            proven=who.proven,
            reason=wanted.reason,
        )
        return await self._recorded(who, demand)

    async def answered(self, kind: str, key: Key, command: str) -> Answer:
        """What became of a command for this target; HTTPException 404 when there is none of that name for it.

        key: of a MeshMigration, the controller's namespace with its name.
        """
        try:
            obj = await self.objects.get("RolloutCommand", key.namespace, command)
        except NotFound as error:
            raise HTTPException(404, f"there is no RolloutCommand {key.namespace}/{command}") from error
        except PortError as error:
            raise HTTPException(503, str(error)) from error
        if obj["spec"]["target"] != {"kind": kind, "name": key.name}:
            raise HTTPException(404, f"RolloutCommand {key.namespace}/{command} is not for {kind} {key.name}")
        status = obj.get("status") or {}
        return Answer(command=command, result=status.get("result"), message=str(status.get("message", "")))

    async def _must_have_the_right(self, caller: Caller, verb: Verb, kind: str, key: Key) -> None:
        try:
            refused = await self.voucher.authority.refusal(caller.identity, verb, kind, key)
        except PortError as error:
            raise HTTPException(503, str(error)) from error
        if refused:
            raise HTTPException(403, refused)

    async def _recorded(self, caller: Caller, demand: Demand) -> Recorded:
        try:
            obj = await self.voucher.record(caller.identity, demand, None)
        except Forbidden as error:
            raise HTTPException(403, str(error)) from error
        except (Rejected, Conflict) as error:
            raise HTTPException(422, str(error)) from error
        except PortError as error:
            raise HTTPException(503, str(error)) from error
        return _told(obj)


def _known(caller: Caller | None) -> Caller:
    if caller is None:
        raise HTTPException(
            401,
            "nobody is asked who he is here, so nobody can ask for anything: switch on --api-tokens or --login-issuer (docs/login.md)",
        )
    return caller


def _told(obj: Obj) -> Recorded:
    return Recorded(command=str(obj["metadata"]["name"]), namespace=str(obj["metadata"]["namespace"]))


def _binding(wanted: Order) -> Binding:
    match wanted:
        case StepOrder():
            return Binding(run=wanted.run, step=wanted.step, revision=wanted.revision, template=wanted.template)
        case RunOrder() | OverrideOrder():
            return Binding(run=wanted.run)
        case _:
            return Binding()
