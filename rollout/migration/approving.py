"""May a wave begin, by the ApprovalPolicy that it names, and whose approval counts for it?"""

from collections.abc import Iterable, Mapping
from datetime import datetime

from policies.approval import Authors, Given, Identity, Open, Realm, Standing, Unproven, Waiting, refusal, standing, who
from policies.approval import is_approver as may_approve
from rollout.model.approval import ApprovalPolicy
from rollout.model.commands import Command
from rollout.model.migration import Wave
from rollout.model.migration_marks import WaveApproval
from rollout.model.status import Reason

# Git is asked whose change a revision is; a MeshMigration has none, and its spec changes for many reasons.
NO_AUTHORS = Authors(unproven="of a MeshMigration nobody tells whose change it is; name a policy without fourEyes")

Policies = Mapping[str, ApprovalPolicy]


def approval_hold(
    wave: Wave, given: Iterable[WaveApproval], policies: Policies, now: datetime, *, has_begun: bool
) -> Reason | None:
    """Why the wave does not begin, or does not go on to its next namespace; None when its policy lets it.

    has_begun: then an approval that was enough does not lapse any more: one wave is one decision.
    """
    if not wave.approval:
        return None
    policy = policies.get(wave.approval)
    if policy is None:
        return Reason(code="PolicyMissing", message=_missing(wave), warning=True)
    of_wave = tuple(one for one in given if one.wave == wave.name)
    times = [one.at for one in of_wave if one.at is not None]
    stands = _standing(policy, of_wave, max(times) if times and has_begun else now)
    if isinstance(stands, Open):
        return None
    if isinstance(stands, Unproven):
        message = f"wave {wave.name} needs four eyes ({wave.approval}): {stands.why}"
        return Reason(code="AuthorUnproven", message=message, warning=True)
    return Reason(code="AwaitingApproval", message=_waiting(wave, stands))


def unapproved(wave: Wave, given: Iterable[WaveApproval], policies: Policies, command: Command, now: datetime) -> str:
    """Why an approval of the wave does not count, for people; "" when it does."""
    policy = policies.get(wave.approval)
    if policy is None:
        return _missing(wave)
    of_wave = tuple(one for one in given if one.wave == wave.name)
    if isinstance(_standing(policy, of_wave, now), Open):
        return f"wave {wave.name} is approved already"
    new = Given(by=command.identity, at=min(command.created, now))
    why = refusal(policy.quorum, _given(of_wave, now), new, NO_AUTHORS, now)
    return f"{wave.approval}: {why}" if why else ""


def approval_of(wave: Wave, command: Command, now: datetime) -> WaveApproval:
    """The approval that the command gives."""
    at = min(command.created, now)
    by = str(command.identity)
    return WaveApproval(wave=wave.name, by=by, at=at, channel=command.channel, identity=command.identity)


def unrejected(wave: Wave, policies: Policies, command: Command) -> str:
    """Why this is no veto; "" when an approver of the wave gave it."""
    policy = policies.get(wave.approval)
    if policy is None:
        return f"{_missing(wave)}; `pause` holds the migration"
    if may_approve(policy.quorum, command.identity):
        return ""
    return f"only an approver may reject ({wave.approval}: {who(policy.quorum)}); `pause` holds the migration"


def _standing(policy: ApprovalPolicy, given: tuple[WaveApproval, ...], now: datetime) -> Standing:
    return standing(policy.quorum, _given(given, now), NO_AUTHORS, now)


def _given(given: Iterable[WaveApproval], now: datetime) -> tuple[Given, ...]:
    """The approvals as the policy judges them. Older versions wrote down neither time nor realm."""
    return tuple(
        Given(by=one.identity or Identity(realm=Realm.CLUSTER, user=one.by), at=one.at or now) for one in given
    )


def _waiting(wave: Wave, stands: Waiting) -> str:
    more = " more" if stands.by else ""
    words = f"wave {wave.name} waits for {stands.missing}{more} approval{'s' if stands.missing > 1 else ''}"
    have = [f"{len(stands.by)} of {stands.needed}, given by {', '.join(str(one.by) for one in stands.by)}"]
    have = [*(have if stands.by else []), *([f"{stands.lapsed} expired"] if stands.lapsed else [])]
    told = f" ({'; '.join(have)})" if have else ""
    return f"{words} by {wave.approval}{told}: `approve` lets it begin"


def _missing(wave: Wave) -> str:
    return (
        f"wave {wave.name} needs ApprovalPolicy {wave.approval}, which does not exist or cannot be read: create it in the "
        "controller's namespace"
    )
