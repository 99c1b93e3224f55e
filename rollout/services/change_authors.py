"""Whose change is it that a Rollout is to go to this revision, and can that be believed?

The Rollout says which GitSource applies it, the GitSource which commit is applied, and git's history which commits
brought the revision there. Each of them must be signed by a key that the GitSource trusts.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from policies.approval import Authors
from rollout.model.names import Key
from rollout.model.source import GitSource
from rollout.ports.clock import Clock
from rollout.ports.errors import NotFound, PortError, Rejected, Unreachable
from rollout.ports.past import SpecPast
from rollout.ports.rollouts import Rollouts
from rollout.ports.sources import SpecSource
from rollout.ports.specs import ObjectRef, Sources, SourceSecrets, Specs
from rollout.services.change_people import authors, plain, signers
from rollout.services.change_walk import Walk
from rollout.services.sync_git import origin_of
from rollout.services.sync_status import may_be_contested

WITHIN = timedelta(seconds=1)  # what a tick waits at most: what it finds besides may be that weight has to go down
LONGEST = timedelta(seconds=120)  # what one question may take, its turn not counted
ASKED_AGAIN = timedelta(seconds=60)  # after a question that failed
_MOST_COUNTED = 50  # commits that may bring one revision
_KEPT_WALKS, _KEPT_ANSWERS = 100, 5_000


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorPorts:
    """What is asked. git and past must read the same repositories."""

    rollouts: Rollouts
    specs: Specs
    sources: Sources
    secrets: SourceSecrets
    git: SpecSource
    past: SpecPast


@dataclass(frozen=True, slots=True, kw_only=True)
class _Question:
    """Who set this revision, as `commit` of the source has it?"""

    key: Key
    revision: str
    source: GitSource
    commit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answer:
    question: _Question
    authors: Authors
    at: datetime


class ProvenAuthors:
    """`ports.policies.ChangeAuthors` on the repositories of GitSources. home: the controller's namespace.

    within: how long one call waits; what takes longer goes on, one question per source at a time. answered: told of the
    Rollout when such an answer is there.
    """

    def __init__(
        self,
        ports: AuthorPorts,
        home: str,
        clock: Clock,
        answered: Callable[[Key], object],
        within: timedelta = WITHIN,
    ) -> None:
        self._ports = ports
        self._home = home
        self._clock = clock
        self._answered = answered
        self._within = within
        self._answers: OrderedDict[Key, _Answer] = OrderedDict()
        self._walks: OrderedDict[Key, tuple[GitSource, Walk]] = OrderedDict()
        self._turns: dict[Key, asyncio.Lock] = {}
        self._running: dict[Key, asyncio.Task[None]] = {}
        self._slow: set[Key] = set()  # whose last question took longer than a call waits: none waits for the next one

    async def of(self, key: Key, revision: str) -> Authors:
        """Author and committer of the commits that changed the Rollout's `spec.revision` to this one."""
        question = self._question(key, revision)
        if isinstance(question, str):
            return Authors(unproven=question)
        if (known := self._known(question)) is not None:
            return known
        self._finish(key)
        if key not in self._running and self._known(question) is None:
            running = self._running[key] = asyncio.create_task(self._ask(question), name=f"authors of {key}")
            await asyncio.wait({running}, timeout=0 if key in self._slow else self._within.total_seconds())
            if not running.done():
                self._slow.add(key)
                running.add_done_callback(lambda _: self._answered(key))
            self._finish(key)
        asked = f"git is being asked who set {revision} of {key}; the answer is taken when it is there"
        return self._known(question) or Authors(unproven=asked)

    def is_asking(self, key: Key) -> bool:
        """Whether git has not answered yet."""
        running = self._running.get(key)
        return running is not None and not running.done()

    async def close(self) -> None:
        """End the questions that still run."""
        running = tuple(self._running.values())
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        self._running.clear()

    def _finish(self, key: Key) -> None:
        """Forget a question that was answered; what nobody foresaw is raised."""
        running = self._running.get(key)
        if running is not None and running.done():
            del self._running[key]
            running.result()

    def _question(self, key: Key, revision: str) -> _Question | str:
        """What to ask git, or why that would prove nothing."""
        stored = self._ports.rollouts.get(key)
        if stored is None or stored.spec is None or stored.error:
            return f"Rollout {key} cannot be read; mend it first"
        if stored.spec.revision != revision:
            return f"Rollout {key} asks for {stored.spec.revision} by now, not for {revision}"
        ref = ObjectRef(kind="Rollout", key=key)
        owner = self._ports.specs.owner(ref)
        if owner is None:
            return f"Rollout {key} is not from git; put it into a GitSource with spec.verify"
        if owner.namespace not in (key.namespace, self._home):
            return f"GitSource {owner} may not write {key}, so its marks prove nothing; remove them"
        found = self._ports.sources.get(owner)
        if found is None:
            return f"GitSource {owner}, which the Rollout names, does not exist; create it with spec.verify"
        if found.source is None:
            return f"GitSource {owner} cannot be read: {found.error}"
        if not found.source.verify:
            return f"GitSource {owner} has no spec.verify, so a commit may name anybody; set it to a Secret with keys"
        if not found.status.commit or found.status.origin != origin_of(found.source):
            return f"GitSource {owner} has not applied a commit of {found.source.url} {found.source.ref} yet"
        if may_be_contested(found.status, ref):
            return f"GitSource {owner} is not alone in wanting {key}; remove it from one of the two"
        return _Question(key=key, revision=revision, source=found.source, commit=found.status.commit)

    def _known(self, question: _Question) -> Authors | None:
        """The answer that still counts; None when git has to be asked."""
        answer = self._answers.get(question.key)
        if answer is None or answer.question != question:
            return None
        is_good = not answer.authors.unproven or self._clock.now() - answer.at < ASKED_AGAIN
        return answer.authors if is_good else None

    async def _ask(self, question: _Question) -> None:
        begun = asyncio.get_running_loop().time()
        async with self._turns.setdefault(question.source.key, asyncio.Lock()):
            try:
                async with asyncio.timeout(LONGEST.total_seconds()):
                    found = await self._proven(question)
            except TimeoutError:
                found = Authors(unproven=f"git took longer than {LONGEST.total_seconds():g} s; it is asked again")
            except Unreachable as error:
                said = (
                    f"git cannot be asked for GitSource {question.source.key}: {plain(str(error))}; it is asked again"
                )
                found = Authors(unproven=said)
            except PortError as error:
                found = Authors(unproven=plain(str(error)))
        if asyncio.get_running_loop().time() - begun < self._within.total_seconds():
            self._slow.discard(question.key)
        self._answers[question.key] = _Answer(question=question, authors=found, at=self._clock.now())
        self._answers.move_to_end(question.key)
        while len(self._answers) > _KEPT_ANSWERS:
            self._answers.popitem(last=False)

    async def _proven(self, question: _Question) -> Authors:
        """Who set the revision; raises the PortErrors of git and of the Secrets."""
        source, ports = question.source, self._ports
        credentials = await ports.secrets.credentials(source)
        trusted = await ports.secrets.trusted_keys(source)
        commits = await self._walk(question).counted(credentials, question.commit, question.revision)
        if len(commits) > _MOST_COUNTED:
            raise Rejected(f"{len(commits)} commits brought it, at most {_MOST_COUNTED} are judged; set it anew")
        emails: set[str] = set()
        for written in await ports.past.written(source, credentials, commits):
            named = authors(written)
            if named is None:
                raise Rejected(
                    f"commit {written.commit[:12]} names no e-mail address of its author and committer; "
                    "set the revision anew in a commit with user.email"
                )
            try:
                signer = await ports.git.signer(source, credentials, written.commit, trusted)
            except (Rejected, NotFound) as error:
                raise Rejected(
                    f"{error}; sign what changes spec.revision, with a key in Secret {source.verify}"
                ) from error
            emails |= {*named, *signers(signer)}
        return Authors(commit=commits[-1], emails=tuple(sorted(emails)))

    def _walk(self, question: _Question) -> Walk:
        """Where the last question about this Rollout of this source left off, or a new one."""
        known = self._walks.pop(question.key, None)
        if known is None or known[0] != question.source:
            known = question.source, Walk(self._ports.past, question.source, question.key)
        self._walks[question.key] = known
        while len(self._walks) > _KEPT_WALKS:
            self._walks.popitem(last=False)
        return known[1]
