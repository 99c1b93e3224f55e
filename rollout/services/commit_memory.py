"""What was said of a source's commits already, and what is due to be said, and when?"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from rollout.model.source import ForgeKind, GitSource
from rollout.ports.forges import CommitState, CommitStatus, fitted
from rollout.services.commit_wishes import Wish

AT_MOST_EVERY = timedelta(seconds=10)  # one context; while its headline is the same, the wait doubles ...
LONGEST_WAIT = timedelta(hours=1)  # ... up to this: GitHub takes 1000 statuses of one commit and context, ever
OLD = timedelta(days=1)  # an ending older than this was said by whoever ran then, or nobody waits for it
ASK_AGAIN = timedelta(hours=1)  # after a forge has refused a status

Mark = tuple[str, str]  # commit and context


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What a forge shows in one context. status: None for nothing; wish: what it was said for, None before our time.

    reworded: texts since the headline changed. refused: the forge did not take `status`.
    """

    status: CommitStatus | None
    at: datetime
    wish: Wish | None = None
    reworded: int = 0
    refused: bool = False

    @property
    def is_pending(self) -> bool:
        """Whether people see that something is still to come."""
        return self.status is not None and self.status.state is CommitState.PENDING and not self.refused


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """What is to be said now, and when the next thing is; None when time alone brings nothing."""

    now: tuple[Wish, ...] = ()
    later: datetime | None = None


@dataclass(slots=True, kw_only=True)
class Memory:
    """What is known of one source's commits. source: as it was when it last had a forge; kind: whose API that is.

    marks: None where the forge was not asked yet. listed: what the forge showed of a commit when it was asked.
    """

    source: GitSource
    kind: ForgeKind
    marks: dict[Mark, Said | None] = field(default_factory=dict)
    listed: dict[str, Mapping[str, CommitStatus]] = field(default_factory=dict)

    def note(self, wanted: Iterable[Wish], now: datetime) -> None:
        """Keep in mind what is wished for now."""
        for wish in wanted:
            if mark_of(wish) not in self.marks:
                shown = self.listed.get(wish.commit)
                self.marks[mark_of(wish)] = None if shown is None else _shown(shown.get(wish.context), now)

    def learn(self, commit: str, shown: Mapping[str, CommitStatus], now: datetime) -> None:
        """Take over what the forge shows of a commit."""
        self.listed[commit] = shown
        for mark in [mark for mark in self.marks if mark[0] == commit]:
            self.marks[mark] = _shown(shown.get(mark[1]), now)

    def keep(self, wish: Wish, now: datetime, *, refused: bool = False) -> None:
        """The wish was said, or refused. An ended one needs no memory."""
        mark = mark_of(wish)
        if wish.state is CommitState.SUPERSEDED:
            self.marks.pop(mark, None)
            return
        before, status = self.marks.get(mark), status_of(wish, self.kind)
        reworded = before.reworded + 1 if before is not None and _is_rewording(before, wish) else 0
        self.marks[mark] = Said(status=status, at=now, wish=wish, reworded=reworded, refused=refused)

    def with_endings(self, wanted: tuple[Wish, ...], otherwise: str) -> tuple[Wish, ...]:
        """The wishes, and an ending for each status that nobody wishes for any more; what needs none is forgotten.

        otherwise: the text where no newer commit speaks in the same context.
        """
        newer = {wish.context: wish.commit for wish in wanted}
        wished = {mark_of(wish) for wish in wanted}
        endings = []
        for commit, context in sorted(mark for mark in self.marks if mark not in wished):
            said = self.marks[commit, context]
            if said is not None and not said.is_pending:
                del self.marks[commit, context]
                continue
            text = f"superseded by commit {newer[context][:12]}" if context in newer else otherwise
            endings.append(Wish(commit=commit, context=context, state=CommitState.SUPERSEDED, text=text))
        known = {commit for commit, _ in self.marks}
        self.listed = {commit: shown for commit, shown in self.listed.items() if commit in known}
        return (*wanted, *endings)

    def due(self, wanted: Iterable[Wish], now: datetime) -> Due:
        """What of the wishes is to be said now, and when the next one is."""
        moments = {wish: moment for wish in wanted if (moment := self._due_at(wish, now)) is not None}
        later = [moment for moment in moments.values() if moment > now]
        return Due(
            now=tuple(wish for wish, moment in moments.items() if moment <= now), later=min(later) if later else None
        )

    def _due_at(self, wish: Wish, now: datetime) -> datetime | None:
        """When the wish is to be said; None when it needs not be."""
        said = self.marks.get(mark_of(wish))
        if wish.state is None:
            return None
        if wish.state is CommitState.SUPERSEDED:
            return now if said is None or said.is_pending else None
        if said is None:
            return None if wish.since is not None and now - wish.since > OLD else now
        if said.wish == wish or said.status == status_of(wish, self.kind):
            return said.at + ASK_AGAIN if said.refused else None
        if said.status is None or said.status.state is not wish.state:
            return now
        wait = AT_MOST_EVERY * (1 << min(said.reworded, 16)) if _is_rewording(said, wish) else AT_MOST_EVERY
        return said.at + min(wait, LONGEST_WAIT)


def mark_of(wish: Wish) -> Mark:
    """Where the wish is to be said."""
    return wish.commit, wish.context


def status_of(wish: Wish, kind: ForgeKind) -> CommitStatus:
    """The wish as this forge shows it; ValueError for one that says nothing."""
    if wish.state is None:
        raise ValueError(f"{wish.commit} {wish.context}: nothing is to be said")
    return CommitStatus(context=wish.context, state=wish.state, text=fitted(wish.text, kind))


def _shown(status: CommitStatus | None, now: datetime) -> Said:
    """What was said before our time, long enough ago to be said anew."""
    return Said(status=status, at=now - AT_MOST_EVERY)


def _is_rewording(said: Said, wish: Wish) -> bool:
    """Whether only the small print differs from what was said."""
    return said.wish is not None and (said.wish.state, said.wish.headline) == (wish.state, wish.headline)
