"""What may a person ask a Rollout to do, and what is answered?"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from policies.approval import Identity, Realm


class Verb(StrEnum):
    """What a RolloutCommand asks for."""

    PROMOTE = "promote"
    PROMOTE_FULL = "promote-full"
    APPROVE = "approve"
    REJECT = "reject"
    ABORT = "abort"
    PAUSE = "pause"
    RESUME = "resume"
    RETRY = "retry"
    NAME_STABLE = "name-stable"
    CONFIRM = "confirm"
    OVERRIDE = "override"
    ACKNOWLEDGE = "acknowledge"
    FALLBACK = "fallback"
    ROLLBACK = "rollback"


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A person's demand, recorded. run, step and revision are those it was made for; None where it does not say.

    backend: what `name-stable` names, "" for other verbs. subject: of a MeshMigration, the namespace that is meant, with
    approve and reject the wave; "" for all of it. finding: what `acknowledge` takes responsibility for.
    template: hash of the canary's pod template that was seen, None where it does not say. groups, realm, email and vouched:
    of the actor, as `Identity` has them. proven: what proved a user of the cluster at the dashboard, "" where the API server did.
    """

    uid: str
    name: str
    verb: Verb
    actor: str
    channel: str
    created: datetime
    run: int | None = None
    step: int | None = None
    revision: str | None = None
    backend: str = ""
    subject: str = ""
    finding: str = ""
    reason: str = ""
    template: str | None = None
    groups: tuple[str, ...] = ()
    realm: Realm = Realm.CLUSTER
    email: str = ""
    vouched: str = ""
    proven: str = ""

    @property
    def identity(self) -> Identity:
        """Who gave it, as the realm that proved him knows him."""
        return Identity(realm=self.realm, user=self.actor, groups=self.groups, email=self.email, vouched=self.vouched)


class Result(StrEnum):
    """What became of a command."""

    ACCEPTED = "Accepted"
    REFUSED = "Refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Handled:
    """A command that was answered; kept in status by uid so that it is handled once whatever crashes in between."""

    uid: str
    result: Result
    message: str
