"""What becomes of a button that was pressed in Slack, or of a command that was typed there?

Whoever did it is told, and where a message was used it is put in its place who did what and when. Nothing is guessed:
what cannot be looked up is refused with the reason.
"""

from dataclasses import dataclass, field
from datetime import timedelta

import structlog

from policies.approval import Identity
from rollout.model.commands import Result, Verb
from rollout.model.names import Key
from rollout.model.receiver import Receiver
from rollout.model.status import RolloutStatus
from rollout.ports.clock import Clock
from rollout.ports.errors import Conflict, Forbidden, NotFound, PortError, Rejected
from rollout.ports.objects import Objects
from rollout.ports.people import Card, Messages, Place, SlackPerson, Workspace
from rollout.progression.view import clock
from rollout.services import queries, slack_texts
from rollout.services.ordering import Answered, Binding, Demand, answer
from rollout.services.slack_markup import escaped, line_alone, note
from rollout.services.slack_people import Claim, SlackPeople
from rollout.services.slack_texts import WHY, Press, bound
from rollout.services.slack_words import HELP, Typed, understood
from rollout.services.vouching import Voucher

CHANNEL = "slack"
PATIENCE = timedelta(seconds=15)  # the controller answers within seconds or says so later in the message itself

log = structlog.get_logger("rollout.webhooks")


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """Somebody at a Receiver. token: of the bot, "" without one; answer_at: the `response_url` of what he did.

    once: what is the same when the request comes again, to whichever replica.
    """

    receiver: Receiver
    token: str = field(repr=False)
    claim: Claim
    answer_at: str
    once: str


@dataclass(slots=True, kw_only=True)
class SlackDesk:
    """Serves people of Slack. patience: how long the controller's answer to a command is waited for."""

    people: SlackPeople
    messages: Messages
    objects: Objects
    voucher: Voucher
    clock: Clock
    patience: timedelta = PATIENCE
    _busy: set[tuple[str, Press]] = field(default_factory=set)

    async def pressed(self, visit: Visit, press: Press, place: Place | None) -> None:
        """Do what a button says. place: of the message that has it; None for one that only the presser sees."""
        doing = (visit.claim.user, press)
        if doing in self._busy or not self._can_answer(visit):
            return  # a double click, of which the first one is being served; or nobody could be told
        self._busy.add(doing)
        try:
            await self._pressed(visit, press, place)
        except Conflict:
            log.warning("slack_replayed", receiver=str(visit.receiver.key), user=visit.claim.user)  # by another replica
        except PortError as error:
            await self._refuse(visit, str(press.verb), press.key, error)
        finally:
            self._busy.discard(doing)

    async def typed(self, visit: Visit, text: str) -> None:
        """Do what a slash command says."""
        wanted = understood(text, visit.receiver.key.namespace)
        if not self._can_answer(visit):
            return
        try:
            person = await self.people.member(visit.receiver, visit.token, visit.claim)
            if wanted is None:
                await self._say(visit, Card(text=HELP))
            elif wanted.key is None:
                await self._say(visit, await self._list(visit))
            else:
                await self._typed(visit, person, wanted, wanted.key)
        except Conflict:
            log.warning("slack_replayed", receiver=str(visit.receiver.key), user=visit.claim.user)
        except PortError as error:
            await self._refuse(visit, wanted.word if wanted else text[:80], wanted.key if wanted else None, error)

    async def gave_up(self, visit: Visit) -> None:
        """Tell whoever it was for that it was not brought to its end."""
        if self._can_answer(visit):
            await self._say(
                visit, note("it took too long or failed here and was given up; ask `/rollout why` what is so now")
            )

    async def _pressed(self, visit: Visit, press: Press, place: Place | None) -> None:
        person = await self.people.member(visit.receiver, visit.token, visit.claim)
        standing = await self._standing(visit, press.key)
        if press.verb == WHY:
            await self._say(visit, slack_texts.why(press.key, standing.status, standing.error))
            return
        verb = Verb(press.verb)
        _check_fresh(press.key, verb, press.binding, standing.status)
        demand = Demand(
            key=press.key, verb=verb, binding=press.binding, channel=CHANNEL, reason=press.reason, once=visit.once
        )
        answered = await self._give(visit, person, demand, standing.status)
        line = f"{verb.value} by <@{person.user}> at {clock(self.clock.now())}: {escaped(_result(answered), 300)}"
        if place is None:
            await self._say(visit, line_alone(line), replace=True)
            return
        if answered.result is not Result.ACCEPTED:
            await self._say(visit, note(_outcome(demand, answered)))
        if answered.result is not Result.REFUSED:
            await self._show(visit, press.key, place, line)

    async def _show(self, visit: Visit, key: Key, place: Place, line: str) -> None:
        """Put how it stands now, and who did what, in place of the message that was used."""
        workspace = Workspace(team=visit.receiver.workspace, token=visit.token)
        try:
            now = await self._standing(visit, key)
            await self.messages.update(workspace, place, slack_texts.card(key, now.status, (line,)))
        except PortError as error:
            log.warning("slack_message_not_updated", receiver=str(visit.receiver.key), key=str(key), why=str(error))
            await self._say(visit, note(f"it is done, but the message could not be changed: {error}"))

    async def _typed(self, visit: Visit, person: SlackPerson, wanted: Typed, key: Key) -> None:
        standing = await self._standing(visit, key)
        status = standing.status
        if wanted.word == WHY:
            await self._say(visit, slack_texts.why(key, status, standing.error))
        elif wanted.word == "status":
            await self._say(visit, slack_texts.card(key, status))
        elif wanted.word == Verb.APPROVE:
            if Verb.APPROVE not in slack_texts.offered(status):
                holds = "; ".join(reason.message for reason in status.reasons) or status.next or status.phase.value
                raise Rejected(f"{key}: nothing waits for an approval now: {holds}")
            await self._say(visit, slack_texts.asked(key, status, Verb.APPROVE, wanted.reason))
        else:
            verb = Verb(wanted.word)
            made_for = bound(verb, status)
            demand = Demand(
                key=key, verb=verb, binding=made_for, channel=CHANNEL, reason=wanted.reason, once=visit.once
            )
            await self._say(visit, note(_outcome(demand, await self._give(visit, person, demand, status))))

    async def _give(self, visit: Visit, person: SlackPerson, demand: Demand, status: RolloutStatus) -> Answered:
        """Record the command, and wait for what the controller makes of it."""
        groups = self.people.groups_for(visit.receiver, demand.verb, demand.key, status.run)
        identity = await self.people.identity(visit.receiver, visit.token, person, groups)
        command = await self.voucher.record(identity, demand, visit.receiver)
        _log_given(visit, identity, demand)
        try:
            return await answer(self.objects, command, self.patience)
        except PortError as error:
            # The command is there, and the controller will read it: that nobody could look is no refusal.
            return Answered(obj=command, result=None, message=str(error))

    async def _standing(self, visit: Visit, key: Key) -> queries.Standing:
        if not self.voucher.authority.reaches(visit.receiver, queries.KIND, key):
            raise Forbidden(f"Receiver {visit.receiver.key} does not reach the namespace {key.namespace}")
        try:
            return await queries.rollout(self.objects, key)
        except NotFound:
            raise NotFound(f"there is no Rollout {key}; `/rollout status` lists those that there are") from None

    async def _list(self, visit: Visit) -> Card:
        found: list[tuple[Key, RolloutStatus]] = []
        receiver = visit.receiver
        for namespace in sorted({receiver.key.namespace, *receiver.namespaces}):
            if self.voucher.authority.reaches(receiver, queries.KIND, Key(namespace=namespace, name="any")):
                found += [(one.key, one.status) for one in await queries.rollouts(self.objects, namespace)]
        return slack_texts.listed(found) if found else note("there are no Rollouts that can be reached from here")

    async def _refuse(self, visit: Visit, what: str, key: Key | None, error: PortError) -> None:
        log.warning("slack_refused", receiver=str(visit.receiver.key), user=visit.claim.user, what=what, why=str(error))
        about = f"{what} of {key}" if key else what
        await self._say(visit, note(f"{about}: {error}"))

    def _can_answer(self, visit: Visit) -> bool:
        """Whether the `response_url` is Slack's: one that is not comes from nobody whom we know, so nothing is done."""
        if self.messages.is_answerable(visit.answer_at):
            return True
        log.warning("slack_answer_elsewhere", receiver=str(visit.receiver.key), user=visit.claim.user)
        return False

    async def _say(self, visit: Visit, card: Card, *, replace: bool = False) -> None:
        """Tell the person alone; when Slack does not take it, the log has it."""
        try:
            await self.messages.respond(visit.answer_at, card, replace=replace)
        except PortError as error:
            log.warning("slack_unsaid", receiver=str(visit.receiver.key), user=visit.claim.user, why=str(error))


def _check_fresh(key: Key, verb: Verb, made_for: Binding, status: RolloutStatus) -> None:
    """Rejected when the button speaks of a run, step, revision or pod template, as far as it matters, that is over."""
    needed = bound(verb, status)
    if needed.run is None:
        raise Rejected(f"the button was made for {made_for}; {key} has no run in hand now ({status.phase.value})")
    pairs = (
        (needed.run, made_for.run),
        (needed.step, made_for.step),
        (needed.revision, made_for.revision),
    )
    if any(now is not None and now != then for now, then in pairs):
        raise Rejected(f"the button was made for {made_for}; now it is {bound(Verb.APPROVE, status)}")
    if needed.template is not None and needed.template != made_for.template:
        raise Rejected(f"the pod template of {made_for.revision} is not the one that the button was made for any more")


def _result(answered: Answered) -> str:
    if answered.result is None:
        name = answered.obj["metadata"].get("name", "")
        return f"recorded as {name}, which the controller has not answered yet"
    return f"{answered.result.value.lower()}: {answered.message}"


def _outcome(demand: Demand, answered: Answered) -> str:
    made_for = f" ({demand.binding})" if str(demand.binding) else ""
    return f"{demand.verb.value} of {demand.about}{made_for}: {_result(answered)}"


def _log_given(visit: Visit, identity: Identity, demand: Demand) -> None:
    log.info(
        "slack_command_recorded",
        receiver=str(visit.receiver.key),
        user=identity.user,
        verb=demand.verb.value,
        about=demand.about,
        binding=str(demand.binding),
    )
