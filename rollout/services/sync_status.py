"""What does a source's status say of a look, what of that is news, and when is the next look?"""

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from rollout.model.source import OnRewrite
from rollout.model.status import Condition, Reason
from rollout.ports.specs import ObjectRef, SourceStatus, StoredSource
from rollout.services.sync_claims import Contest
from rollout.services.sync_report import SyncReport, SyncState

VERIFIED = "SourceVerified"
REWRITTEN = "HistoryRewritten"
CONTESTED = "Contested"
_JITTER = 0.1  # sources of one interval must not all ask in the same second
_LONGEST_WAIT = timedelta(minutes=10)
_LONGEST_MESSAGE = 2000
_SHOWN_CONTESTS = 5
_END = "; remove it from one of the two"
_MORE = f" more{_END}"


def may_be_contested(status: SourceStatus, ref: ObjectRef) -> bool:
    """Whether another source wants the object too, as far as the status of one of the two says."""
    contest = next((one for one in status.conditions if one.type == CONTESTED and one.status == "True"), None)
    if contest is None:
        return False
    is_all_said = contest.message.endswith(_END) and not contest.message.endswith(_MORE)
    return not is_all_said or f"{ref} is wanted by " in contest.message


def wake_at(report: SyncReport, interval: timedelta, failures: int, now: datetime) -> datetime:
    """When to look again: after the interval, or later and later (up to 10 min) while failing; never all at once.

    A server that said when to come again is not asked before.
    """
    delay = interval
    if failures:
        delay = min(interval * 2 ** min(failures - 1, 10), max(interval, _LONGEST_WAIT))
    digest = hashlib.sha256(f"{report.key} {now.isoformat()}".encode()).digest()
    share = int.from_bytes(digest[:4]) / 2**32
    jittered = delay * (1 - _JITTER + 2 * _JITTER * share)
    return now + max(jittered, report.retry_after or timedelta(0))


def status_of(stored: StoredSource, report: SyncReport, now: datetime) -> SourceStatus:
    """The status that says `report`; equal to the stored one when nothing is new."""
    before = stored.status
    after = SourceStatus(
        observed_generation=stored.generation,
        commit=report.commit,
        attempted=report.attempted,
        attempted_at=before.attempted_at,
        applied=report.total,
        foreign=report.foreign,
        handled_request=stored.request,
        signer=report.signer,
        confirmed=before.confirmed,
        waiting=report.waiting,
        origin=report.origin,
        conditions=_conditions(stored, report, now),
    )
    return after if after == before else replace(after, attempted_at=now)


def news_of(before: SourceStatus, after: SourceStatus) -> tuple[Reason, ...]:
    """What the status says now of rewritten history and of contests that it did not say before."""
    known = {(condition.type, condition.message) for condition in before.conditions}
    new = {one.type: one.message for one in after.conditions if (one.type, one.message) not in known}
    found = []
    if REWRITTEN in new:
        found.append(Reason(code="HistoryRewritten", message=new[REWRITTEN], warning=True))
    if CONTESTED in new:
        found.append(Reason(code="Contested", message=new[CONTESTED], warning=True))
    return tuple(found)


def _conditions(stored: StoredSource, report: SyncReport, now: datetime) -> tuple[Condition, ...]:
    """kstatus: Ready always, Reconciling and Stalled only while they are true; then what else there is to say."""
    said = [("Ready", "True" if report.state is SyncState.READY else "False")]
    if report.state is SyncState.RETRYING:
        said.append(("Reconciling", "True"))
    if report.state is SyncState.STALLED:
        said.append(("Stalled", "True"))
    first = tuple(
        Condition(type=kind, status=status, reason=report.reason, message=report.message, since=now)
        for kind, status in said
    )
    known = {(condition.type, condition.status): condition.since for condition in stored.status.conditions}
    return tuple(
        replace(one, message=one.message[:_LONGEST_MESSAGE], since=known.get((one.type, one.status), now))
        for one in (*first, *_verified(stored, report, now), *_rewritten(stored, report, now), *_contested(report, now))
    )


def _verified(stored: StoredSource, report: SyncReport, now: datetime) -> Iterator[Condition]:
    """Whether the commit that was looked at is signed as asked; as before where none was looked at."""
    if stored.source is not None and not stored.source.verify:
        return
    seen = report.seen
    if seen is None:
        yield from _kept(stored, VERIFIED)
    elif seen.unsigned:
        yield Condition(type=VERIFIED, status="False", reason="NotVerified", message=seen.unsigned, since=now)
    else:
        message = f"commit {seen.commit[:12]} is signed by {seen.signer}"
        yield Condition(type=VERIFIED, status="True", reason="Signed", message=message, since=now)


def _rewritten(stored: StoredSource, report: SyncReport, now: datetime) -> Iterator[Condition]:
    """Whether the commit that was looked at took the place of history; said until one comes that follows."""
    seen, source = report.seen, stored.source
    if seen is None or source is None or (not seen.before and seen.commit == stored.status.commit):
        yield from _kept(stored, REWRITTEN)
    elif seen.before:
        message = f"commit {seen.commit[:12]} does not follow from {seen.before[:12]}"
        if report.waiting and report.reason == "HistoryHeld":
            message += ": it is not taken before a person confirms it (spec.onRewrite: hold)"
        elif source.on_rewrite is OnRewrite.ALLOW:
            message += ": it is taken all the same (spec.onRewrite: allow)"
        else:
            message += ": a person confirmed it"
        yield Condition(type=REWRITTEN, status="True", reason="NotDescendant", message=message, since=now)


def _contested(report: SyncReport, now: datetime) -> Iterator[Condition]:
    if report.contests:
        shown = "; ".join(_contest(report, one) for one in report.contests[:_SHOWN_CONTESTS])
        more = len(report.contests) - _SHOWN_CONTESTS
        message = f"{shown}{f'; and {more}{_MORE}' if more > 0 else _END}"
        yield Condition(type=CONTESTED, status="True", reason="WantedTwice", message=message, since=now)


def _contest(report: SyncReport, contest: Contest) -> str:
    who = "this one applies it" if contest.holder == report.key else f"GitSource {contest.holder} applies it"
    return f"{contest.ref} is wanted by GitSource {contest.other}, too: {who}"


def _kept(stored: StoredSource, kind: str) -> Iterator[Condition]:
    return (condition for condition in stored.status.conditions if condition.type == kind)
