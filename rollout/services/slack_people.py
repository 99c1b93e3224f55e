"""Who is it that Slack says has pressed or typed something, and may he be heard at all?

Slack's signature proves the workspace and the user's id. All else is looked up; whatever cannot be is a refusal.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from policies.approval import Identity, Realm
from rollout.model.commands import Verb
from rollout.model.names import Key
from rollout.model.receiver import Receiver
from rollout.model.status import Run
from rollout.ports.errors import Forbidden, NotFound, PortError
from rollout.ports.people import Directory, SlackPerson, Workspace
from rollout.ports.policies import Policies


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """Who it is by a signed request. team and organisation: where it was done, "" where Slack does not say.

    home: the user's own workspace, "" where Slack does not say.
    """

    user: str
    team: str = ""
    organisation: str = ""
    home: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SlackPeople:
    """Looks people up. Every refusal is a PortError that says what and what next."""

    directory: Directory
    policies: Policies

    async def member(self, receiver: Receiver, token: str, claim: Claim) -> SlackPerson:
        """The full member of the Receiver's workspace who it is; Forbidden for everybody else."""
        if receiver.workspace not in (claim.team, claim.organisation):
            raise Forbidden("this workspace is not heard here; use the app of your own")
        places = {receiver.workspace, claim.team} - {""}
        if claim.home and claim.home not in places and not claim.organisation:
            raise Forbidden(_STRANGER)
        if not token:
            raise Forbidden(
                f"who you are cannot be looked up: Secret {receiver.key.namespace}/{receiver.secret} has no `token`; "
                "an administrator stores the bot's there"
            )
        try:
            person = await self.directory.person(_workspace(receiver, token), claim.user)
        except NotFound:
            raise Forbidden(f"Slack does not know the user {claim.user} in {receiver.workspace}") from None
        except PortError as error:
            raise type(error)(f"who you are could not be looked up, so nothing was done: {error}") from error
        _check(person, receiver)
        return person

    async def identity(self, receiver: Receiver, token: str, person: SlackPerson, among: Iterable[str]) -> Identity:
        """The person with those of the user groups (TEAM/GROUP) that he is in."""
        prefix = f"{receiver.workspace}/"
        asked = tuple(sorted({group.removeprefix(prefix) for group in among if group.startswith(prefix)}))
        try:
            found = await self.directory.groups(_workspace(receiver, token), person.user, asked) if asked else ()
        except PortError as error:
            words = f"which user groups you are in could not be looked up, so nothing was done: {error}"
            raise type(error)(words) from error
        return Identity(
            realm=Realm.SLACK,
            user=prefix + person.user,
            groups=tuple(prefix + group for group in found),
            email=person.email,
            vouched=receiver.key.namespace,
        )

    def groups_for(self, receiver: Receiver, verb: Verb, key: Key, run: Run | None) -> tuple[str, ...]:
        """The user groups on which it may depend whether somebody may `verb`: of the grants, and of the step's policies."""
        named = {
            group for grant in receiver.grants if verb in grant.verbs and grant.who for group in grant.who.slack_groups
        }
        if run is not None and 0 < run.step <= len(run.plan) and verb in (Verb.APPROVE, Verb.REJECT):
            for name in run.plan[run.step - 1].approvals:
                policy = self.policies.approval(key.namespace, name)
                if policy is not None and policy.quorum.approvers is not None:
                    named |= set(policy.quorum.approvers.slack_groups)
        return tuple(sorted(named))


_STRANGER = "people of other workspaces (Slack Connect) are not heard; ask a member of this one"


def _check(person: SlackPerson, receiver: Receiver) -> None:
    """Only full, present members who are people may be heard."""
    if person.deleted:
        raise Forbidden(f"the account {person.user} is deactivated")
    if person.is_stranger or receiver.workspace not in (person.team, person.organisation):
        raise Forbidden(_STRANGER)
    if person.is_bot:
        raise Forbidden("apps and workflows are not heard; a person must do it")
    if person.is_guest:
        raise Forbidden("guests are not heard; ask a full member of the workspace")


def _workspace(receiver: Receiver, token: str) -> Workspace:
    return Workspace(team=receiver.workspace, token=token)
