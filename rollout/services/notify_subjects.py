"""Which objects does a Notifier tell of, and what of each is news for it?"""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from rollout.migration import news as migration_news
from rollout.model.names import Key
from rollout.model.news import News
from rollout.model.notifier import Notifier, Severity
from rollout.ports.migrations import Migrations
from rollout.ports.notifiers import Notifiers
from rollout.ports.rollouts import Rollouts
from rollout.ports.specs import ObjectRef
from rollout.progression import news as rollout_news

_EVERYWHERE = "*"
ROLLOUT, MIGRATION = "Rollout", "MeshMigration"


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """An object that may be told of. version: another one where anything changed.

    news: of the text of a mark, None where nothing was told, and of the time up to which nothing is to be told then.
    """

    ref: ObjectRef
    uid: str
    version: str
    news: Callable[[str | None, datetime], tuple[News, ...]]

    @property
    def name(self) -> str:
        """As a NotifierStatus has it; of a MeshMigration the name alone, which no Rollout has."""
        return str(self.ref.key)


class Subjects:
    """What may be told of. home: the controller's namespace, whose Notifiers may tell of others."""

    def __init__(self, rollouts: Rollouts, migrations: Migrations, notifiers: Notifiers, home: str) -> None:
        self._rollouts = rollouts
        self._migrations = migrations
        self._notifiers = notifiers
        self._home = home

    def refs(self) -> Iterator[ObjectRef]:
        """All objects there are."""
        for key in self._rollouts.keys():
            yield ObjectRef(kind=ROLLOUT, key=key)
        for name in self._migrations.names():
            yield ObjectRef(kind=MIGRATION, key=Key(namespace="", name=name))

    def get(self, ref: ObjectRef) -> Subject | None:
        """The object; None when it is absent, or its status is one that this version cannot read."""
        if ref.kind == ROLLOUT:
            stored = self._rollouts.get(ref.key)
            if stored is None or not stored.is_status_readable:
                return None
            status, uid = stored.status, stored.uid

            def told(mark: str | None, since: datetime) -> tuple[News, ...]:
                before = rollout_news.mark_from(_mine(mark, uid))
                return _marked(rollout_news.news(before or rollout_news.unmarked(status, since), status), uid)

            return Subject(ref=ref, uid=uid, version=stored.version, news=told)
        found = self._migrations.get(ref.key.name)
        if found is None or not found.is_status_readable:
            return None
        state, its = found.status, found.uid

        def moved(mark: str | None, since: datetime) -> tuple[News, ...]:
            before = migration_news.mark_from(_mine(mark, its))
            return _marked(migration_news.news(before or migration_news.unmarked(state, since), state), its)

        return Subject(ref=ref, uid=its, version=found.version, news=moved)

    def is_there(self, ref: ObjectRef) -> bool:
        """Whether the object exists, readable or not."""
        if ref.kind == ROLLOUT:
            return self._rollouts.get(ref.key) is not None
        return self._migrations.get(ref.key.name) is not None

    def is_told_of(self, notifier: Notifier, ref: ObjectRef) -> bool:
        """Whether the Notifier's kinds, namespaces and labels take the object in.

        namespaces count in the controller's namespace alone; without them a Notifier there tells of its own one. A
        MeshMigration is of the whole cluster: only a Notifier of the controller's namespace tells of it.
        """
        if ref.kind not in notifier.kinds:
            return False
        at_home = notifier.key.namespace == self._home
        reach = (notifier.namespaces if at_home else ()) or (notifier.key.namespace,)
        if ref.kind == ROLLOUT and _EVERYWHERE not in reach and ref.key.namespace not in reach:
            return False
        if ref.kind == MIGRATION and not at_home:
            return False
        return not notifier.labels or set(notifier.labels) <= self._notifiers.labels(ref).items()


def gone(ref: ObjectRef, mark: str) -> tuple[News, ...]:
    """What is told of an object that is not there any more: only where a run of it was in hand when it was told last."""
    before = rollout_news.mark_from(mark.partition(" ")[2]) if ref.kind == ROLLOUT else None
    if before is None or not before.run:
        return ()
    sentence = f"the Rollout was deleted in run {before.run}"
    key = f"gone {mark}"
    return (
        News(code="Gone", sentence=sentence, key=key, mark="", run=before.run, severity=Severity.WARNING, ends=True),
    )


def ref_of(name: str) -> ObjectRef:
    """The object that a ToldOf is about."""
    namespace, slash, rest = name.partition("/")
    if slash:
        return ObjectRef(kind=ROLLOUT, key=Key(namespace=namespace, name=rest))
    return ObjectRef(kind=MIGRATION, key=Key(namespace="", name=name))


def _marked(found: tuple[News, ...], uid: str) -> tuple[News, ...]:
    """Marks say whose they are: an object that was deleted and made anew begins anew."""
    return tuple(replace(one, mark=f"{_short(uid)} {one.mark}") for one in found)


def _mine(mark: str | None, uid: str) -> str:
    short, _, rest = (mark or "").partition(" ")
    return rest if short == _short(uid) else ""


def _short(uid: str) -> str:
    return hashlib.blake2s(uid.encode(), digest_size=4).hexdigest()
