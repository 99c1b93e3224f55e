"""Which statuses should which commits carry?

`rollout/validate` stands on the commit that was looked at last, `rollout/<namespace>/<name>` on the commit that last
changed the Rollout. All of it follows from what the cluster holds now; nothing here remembers.
"""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from rollout.model.names import Key
from rollout.model.rollout import RolloutSpec
from rollout.model.status import Outcome, Phase, RolloutStatus, Run
from rollout.ports.forges import LONGEST_CONTEXT, CommitState
from rollout.ports.rollouts import Stored
from rollout.ports.specs import SourceStatus
from rollout.progression.telling import NEEDS_A_PERSON

VALIDATE = "rollout/validate"
# What the reason of a source's Ready condition says of the commit that was attempted. Every other reason is about the
# source (git does not answer, a Secret is missing): then what was said of the commit stands.
_OF_THE_COMMIT = {
    "Synced": CommitState.SUCCESS,
    "InvalidSpecs": CommitState.FAILURE,
    "FilesSkipped": CommitState.FAILURE,
    "ApplyRefused": CommitState.FAILURE,
    "NotVerified": CommitState.FAILURE,
    "ApplyFailed": CommitState.PENDING,
    "PruneHeld": CommitState.PENDING,
    "HistoryHeld": CommitState.PENDING,
}
_COMMIT = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")  # an object id of git, SHA-1 or SHA-256
_PLACE = re.compile(r"[^\s(),;]+\.ya?ml:\d+(:\d+)?")
_PREAMBLE = re.compile(r"commit [0-9a-f]{7,64}(?: is not taken)?:? ")
_ENDED_BADLY = {Outcome.FAILED: "failed", Outcome.ABORTED: "was aborted"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a commit should say in one context. state: None while nothing can be said; what was said before stands then.

    headline: what of it people must see soon; the rest of the text may come later. since: from when on a final state has
    held; None where that is not known or the commit is the newest.
    """

    commit: str
    context: str
    state: CommitState | None
    text: str = ""
    headline: str = ""
    since: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Standing:
    state: CommitState | None
    text: str = ""
    headline: str = ""
    since: datetime | None = None


def wishes(status: SourceStatus, rollouts: Iterable[Stored]) -> tuple[Wish, ...]:
    """All that is to be said for one source, by commit and context. rollouts: those that the source applies.

    A commit that is no object id (somebody wrote the annotation by hand) carries nothing.
    """
    found = [_validated(status)]
    found += [_rolled_out(stored, status) for stored in rollouts if not stored.deleting]
    return tuple(
        sorted((wish for wish in found if _COMMIT.fullmatch(wish.commit)), key=lambda it: (it.commit, it.context))
    )


def context_of(key: Key) -> str:
    """The context of a Rollout; one that no forge would take ends in a hash instead."""
    context = f"rollout/{key}"
    if len(context) <= LONGEST_CONTEXT:
        return context
    return f"{context[: LONGEST_CONTEXT - 17]}-{hashlib.sha256(context.encode()).hexdigest()[:16]}"


def _validated(status: SourceStatus) -> Wish:
    ready = next((condition for condition in status.conditions if condition.type == "Ready"), None)
    state = _OF_THE_COMMIT.get(ready.reason) if ready is not None else None
    said = _PREAMBLE.sub("", ready.message, count=1) if ready is not None else ""
    place = _PLACE.search(said) if state is CommitState.FAILURE else None
    text = f"{place[0]}: {said}" if place else said
    headline = ready.reason if ready is not None else ""
    return Wish(commit=status.attempted, context=VALIDATE, state=state, text=text, headline=headline)


def _rolled_out(stored: Stored, source: SourceStatus) -> Wish:
    standing = _standing(stored)
    is_newest = stored.commit in (source.commit, source.attempted)
    return Wish(
        commit=stored.commit,
        context=context_of(stored.key),
        state=standing.state,
        text=standing.text,
        headline=standing.headline,
        since=None if is_newest else standing.since,
    )


def _standing(stored: Stored) -> _Standing:
    spec, status = stored.spec, stored.status
    if stored.error or spec is None:
        unreadable = "the spec cannot be read"
        return _Standing(state=CommitState.FAILURE, text=f"{unreadable}: {stored.error}", headline=unreadable)
    if status.observed_generation < stored.generation or status.source_commit != stored.commit:
        return _Standing(state=None)  # the status is still that of the commit before
    run = status.run
    if run is not None and run.canary.name == spec.revision:
        return _of_the_run(spec, status, run)
    if run is None and status.phase is Phase.FAILED and status.failed and status.failed.name == spec.revision:
        past = status.history[0] if status.history else None
        how = _ENDED_BADLY.get(past.outcome, "failed") if past else "failed"
        return _failed(spec.revision, how, past.message if past else "", past.ended if past else None)
    if run is None and status.phase is Phase.IDLE and status.stable and status.stable.name == spec.revision:
        since = next((condition.since for condition in status.conditions if condition.type == "Ready"), None)
        text = f"{spec.revision} serves all traffic"
        return _Standing(state=CommitState.SUCCESS, text=text, headline=text, since=since)
    return _pending(spec.revision, status)


def _of_the_run(spec: RolloutSpec, status: RolloutStatus, run: Run) -> _Standing:
    if run.ending in _ENDED_BADLY:
        return _failed(spec.revision, _ENDED_BADLY[run.ending], run.ending_why, None)
    return _pending(f"{spec.revision}: {_stage(run)}", status)


def _failed(revision: str, how: str, why: str, since: datetime | None) -> _Standing:
    headline = f"{revision} {how}"
    text = f"{headline}: {why}" if why else headline
    return _Standing(state=CommitState.FAILURE, text=text, headline=headline, since=since)


def _pending(headline: str, status: RolloutStatus) -> _Standing:
    """Still on its way. The reason that a person ends is told before others."""
    persons = (reason for reason in status.reasons if reason.code in NEEDS_A_PERSON)
    first = next(persons, status.reasons[0] if status.reasons else None)
    why = first.message if first else status.next
    return _Standing(state=CommitState.PENDING, text=f"{headline}: {why}" if why else headline, headline=headline)


def _stage(run: Run) -> str:
    if run.step == 0:
        return f"before step 1 of {len(run.plan)}"
    if run.step <= len(run.plan):
        return f"step {run.step} of {len(run.plan)} at {run.weight} %"
    return f"at {run.weight} %"
