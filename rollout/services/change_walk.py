"""Which commits made a Rollout's `spec.revision` what it is?

Those that the value came with, seen from the commit that is applied: where it was not there before, where a merge brought
it, and where it stood beside another one. Where it went and came back, only the last time counts.
"""

import asyncio
import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from rollout.model.names import Key
from rollout.model.source import GitSource
from rollout.ports.errors import Rejected
from rollout.ports.past import Ancestor, Blob, FileChange, Past, SpecPast
from rollout.ports.sources import Credentials
from rollout.services.change_reading import UNREADABLE, revisions

DEPTHS = (50, 500, 5_000, 20_000)  # how far history is fetched: as for whether a commit follows, but never without end
MOST_BYTES = 100_000_000  # of files that one question may read
_MOST_KEPT = 40_000  # readings and comparisons between two questions
_BREATH = 256  # commits, about 5 ms
_FIRST, _MOST = 16, 1_024  # commits that are compared in one call of git: few at first, as the answer is mostly near

Holders = Mapping[str, Blob]  # files that hold the Rollout, by path, at one commit
_File = tuple[Blob, bool]  # a content, and whether it is read as JSON


@dataclass(slots=True, kw_only=True)
class _State:
    """A commit on the way. hidden: files that nobody can read, out of one of which the value may have come later."""

    holders: Holders
    hidden: set[str] = field(default_factory=set)


@dataclass(slots=True)
class _Seen:
    """What the walk has found so far. sources: commits that the value did not come to from a parent."""

    counted: set[str] = field(default_factory=set)
    sources: set[str] = field(default_factory=set)


class Walk:
    """Questions about one Rollout of one source, one at a time. What was compared and read once is not read again."""

    def __init__(self, past: SpecPast, source: GitSource, key: Key) -> None:
        self._past = past
        self._source = source
        self._key = key
        self._credentials = Credentials()
        self._changes: dict[tuple[str, str], tuple[FileChange, ...]] = {}
        self._readings: dict[_File, tuple[str, ...]] = {}
        self._bytes = 0
        self._batch = _FIRST

    async def counted(self, credentials: Credentials, commit: str, revision: str) -> tuple[str, ...]:
        """The commits that brought `revision`, which `commit` must state, newest first.

        Raises the PortErrors of git; Rejected where `commit` does not state it, and where too much would have to be read.
        """
        self._credentials, self._bytes, self._batch = credentials, 0, _FIRST
        if len(self._readings) > _MOST_KEPT or len(self._changes) > _MOST_KEPT:
            self._changes, self._readings = {}, {}
        for depth in DEPTHS:
            past = await self._past.past(self._source, self._credentials, commit, depth)
            found = await self._walked(past, revision)
            if found is not None:
                return tuple(one.commit for one in past.commits if one.commit in found)
        raise Rejected(
            f"the change is more than {DEPTHS[-1]} commits ago or its history is longer than that; "
            "set the revision anew in a signed commit"
        )

    async def _walked(self, past: Past, revision: str) -> set[str] | None:
        """The commits that count; None where more history is needed."""
        order = {one.commit: place for place, one in enumerate(past.commits)}
        newest = past.commits[0]
        states = {newest.commit: _State(holders=await self._at(newest))}
        self._check(states[newest.commit].holders, newest.commit, revision)
        seen, places = _Seen(), [0]
        while places:
            place = heapq.heappop(places)
            if place % _BREATH == 0:
                await asyncio.sleep(0)  # others go on meanwhile: what is known already is walked without asking anybody
            one = past.commits[place]
            if one.commit in past.ends or any(parent not in order for parent in one.parents):
                return None
            before = await self._before(past, order, one, states[one.commit].holders)
            for parent, hidden in self._judged(one, states.pop(one.commit), before, revision, seen).items():
                if parent not in states:
                    states[parent] = _State(holders=before[parent])
                    heapq.heappush(places, order[parent])
                states[parent].hidden |= hidden
        return _latest(past, seen)

    def _judged(
        self, one: Ancestor, here: _State, before: Mapping[str, Holders], revision: str, seen: _Seen
    ) -> dict[str, set[str]]:
        """The parents that had the value, or may have, with the files there that hide it; what counts goes into `seen`."""
        had: dict[str, set[str]] = {}
        for parent, holders in before.items():
            if revision in self._values(holders):
                had[parent] = set()
            elif hidden := {path for path in holders if self._hides(path, holders, here)}:
                had[parent] = hidden
        if not had:
            seen.sources.add(one.commit)
        # a merge that brought it differs from the branch that it was made on
        if not had or self._values(before[one.parents[0]]) != self._values(here.holders):
            seen.counted.add(one.commit)
        return had

    def _hides(self, path: str, holders: Holders, here: _State) -> bool:
        """Whether the value may have been in a file that nobody could read, and that was touched since."""
        if UNREADABLE not in self._reading(path, holders[path]):
            return False
        return here.holders.get(path) != holders[path] or path in here.hidden

    def _values(self, holders: Holders) -> list[str]:
        return sorted(value for path, blob in holders.items() for value in self._reading(path, blob))

    def _check(self, holders: Holders, commit: str, revision: str) -> None:
        said = self._values(holders)
        if said == [revision]:
            return
        if not said:
            raise Rejected(f"commit {commit[:12]} of {self._source.url} does not hold it any more")
        if UNREADABLE in said:
            files = ", ".join(path for path, blob in sorted(holders.items()) if UNREADABLE in self._reading(path, blob))
            raise Rejected(f"{files[:200]} cannot be read in commit {commit[:12]}; mend or move it")
        texts = " and ".join(f"{text[:80]!r}" for text in said[:3])
        raise Rejected(f"commit {commit[:12]} says {texts}, not {revision!r}; it is asked again when git is applied")

    async def _at(self, one: Ancestor) -> Holders:
        """The files that hold the Rollout at a commit: all are read."""
        (changes,) = await self._past.changes(self._source, self._credentials, [("", one.tree)])
        await self._read(changes)
        return {change.path: change.after for change in changes if self._reading(change.path, change.after)}

    async def _before(
        self, past: Past, order: Mapping[str, int], one: Ancestor, here: Holders
    ) -> Mapping[str, Holders]:
        """By parent, the files that held the Rollout there: what the commit did to files is taken back."""
        trees = {parent: past.commits[order[parent]].tree for parent in one.parents}
        if any(tree != one.tree and (one.tree, tree) not in self._changes for tree in trees.values()):
            await self._compare(past, order, order[one.commit])
        found: dict[str, Holders] = {}
        for parent, tree in trees.items():
            changes = self._changes[one.tree, tree] if tree != one.tree else ()
            holders = dict(here)
            for change in changes:  # from the commit to its parent
                holders.pop(change.path, None)
                if self._reading(change.path, change.after):
                    holders[change.path] = change.after
            found[parent] = holders
        return found

    async def _compare(self, past: Past, order: Mapping[str, int], place: int) -> None:
        """Compare the commit at `place` and those after it with their parents, many in one call."""
        pairs: dict[tuple[str, str], None] = {}
        for one in past.commits[place : place + self._batch]:
            for parent in one.parents:
                tree = past.commits[order[parent]].tree if parent in order else one.tree
                if tree != one.tree and (one.tree, tree) not in self._changes:
                    pairs[one.tree, tree] = None
        found = await self._past.changes(self._source, self._credentials, list(pairs))
        self._changes |= dict(zip(pairs, found, strict=True))
        self._batch = min(2 * self._batch, _MOST)
        await self._read([change for changes in found for change in changes])

    async def _read(self, changes: Sequence[FileChange]) -> None:
        """Read what the changes led to and was not read yet."""
        unread = {_file(change.path, change.after): change.path for change in changes if change.after}
        unread = {file: path for file, path in unread.items() if file not in self._readings}
        if not unread:
            return
        blobs = list(dict.fromkeys(blob for blob, _ in unread))
        contents = await self._past.contents(self._source, self._credentials, blobs)
        self._bytes += sum(len(content) for content in contents.values())
        if self._bytes > MOST_BYTES:
            raise Rejected(
                f"its history has more than {MOST_BYTES} bytes of specs; set the revision anew in a signed commit"
            )
        self._readings |= await asyncio.to_thread(self._readings_of, unread, contents)

    def _readings_of(self, files: Mapping[_File, str], contents: Mapping[Blob, bytes]) -> dict[_File, tuple[str, ...]]:
        namespace = self._source.key.namespace
        return {file: revisions(path, contents.get(file[0]), self._key, namespace) for file, path in files.items()}

    def _reading(self, path: str, blob: Blob) -> tuple[str, ...]:
        """What a file says of the Rollout; () where there is no such file."""
        return self._readings[_file(path, blob)] if blob else ()


def _file(path: str, blob: Blob) -> _File:
    return blob, path.endswith(".json")


def _latest(past: Past, seen: _Seen) -> set[str] | None:
    """What counts without that which another change came after; None where history ends before that is known."""
    if len(seen.sources) == 1:
        return seen.counted
    parents = {one.commit: one.parents for one in past.commits}
    older: set[str] = set()
    waiting = [parent for source in seen.sources for parent in parents[source]]
    while waiting:
        commit = waiting.pop()
        if commit in older:
            continue
        if commit in past.ends or commit not in parents:
            return None
        older.add(commit)
        waiting += parents[commit]
    return seen.counted - older
