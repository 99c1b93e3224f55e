"""Which objects does a change take away from revisions that may still need them?

A revision that `spec.revision` named lately may serve users, or be what a rollback goes to. Its workload and Service
may go only once `status.removable` lists them, and its pod template never changes in place.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from enum import StrEnum

from rollout.manifest.errors import SpecError
from rollout.manifest.group import GROUP
from rollout.model.names import BackendName, Key
from rollout.model.rollout import RolloutSpec
from rollout.ports.errors import NotFound
from rollout.ports.history import Edit, Files, History
from rollout.ports.objects import Objects
from rollout.services import queries
from rollout.services.committed import Found, Held, Ref, held
from rollout.services.queries import Standing

KEPT_CHANGES = 10  # of spec.revision before the range (product.md, 4)


class Loss(StrEnum):
    """What became of an object."""

    GONE = "gone"
    CHANGED = "changed in place"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lost:
    """An object that a revision of `rollout` needs. found: as it was. why: who needs it, "" where nobody was asked.

    orphaned: the Rollout goes in the same change.
    """

    rollout: Key
    revision: str
    found: Found
    loss: Loss
    orphaned: bool = False
    why: str = ""

    def error(self) -> SpecError:
        """It as an error at its last place, with what to do."""
        ref, named = self.found.ref, f"revision {self.revision} of {self.rollout}"
        if self.loss is Loss.GONE:
            why = self.why or f"{named} may still need it"
            todo = f"put it back and delete it once status.removable of {self.rollout} lists {ref}"
            if self.orphaned:
                todo = (
                    "put it back and delete it in a later change, when the Rollout has brought traffic home and is gone"
                )
            message = f"{ref} is gone: {why}; {todo}"
        elif ref.kind == "Service":
            message = f"the selector of {ref} changed in place: it is the backend of {named}; put it back:"
            message += " other pods would serve users at once, without a run"
        else:
            message = f"the pod template of {ref} changed in place: it is {named}; put it back"
            message += " and give the new template a new revision name"
        return SpecError(message, about=str(self.rollout), file=self.found.file, line=self.found.line)


@dataclass(frozen=True, slots=True, kw_only=True)
class Removal:
    """What a change takes away. base: the commit that it is compared with.

    unread: `path: why` of files before the change that nobody could look into.
    """

    base: str
    lost: tuple[Lost, ...] = ()
    unread: tuple[str, ...] = ()


@dataclass(slots=True)
class _Named:
    """Which revision names which objects: before the range, and in it."""

    before: dict[Ref, tuple[Key, str]] = field(default_factory=dict)
    within: dict[Ref, tuple[Key, str]] = field(default_factory=dict)


def removal(history: History, revision: str, *, namespace: str = "default") -> Removal:
    """What the present takes away of what `revision` had; namespace: of objects that name none.

    Compared is with the newest commit that both have, as a pull request shows it.
    """
    base = history.base(revision)
    then, now = history.at(base), history.now()
    changed_then = {path: content for path, content in then.items() if now.get(path) != content}
    changed_now = {path: content for path, content in now.items() if then.get(path) != content}
    named = _named(history, base, then, changed_now, namespace)
    before, after = held(changed_then, namespace), held(changed_now, namespace)
    left = _rollouts(now, namespace).keys
    lost = (replace(one, orphaned=one.rollout not in left) for one in _lost(before.objects, after.objects, named))
    return Removal(base=base, lost=tuple(lost), unread=tuple(sorted({*before.unread, *after.unread})))


def _named(history: History, base: str, then: Files, present: Files, namespace: str) -> _Named:
    named = _Named()
    at_base = _rollouts(then, namespace)
    for spec in (*at_base.rollouts, *_former(history.before(base), at_base.keys, namespace)):
        _note(named.before, spec)
    for old, new in (_sides(edits, namespace) for edits in history.within(base)):
        for spec in (*new.rollouts, *old.rollouts):
            _note(named.within, spec)
    for spec in _rollouts(present, namespace).rollouts:
        _note(named.within, spec)
    return named


def _rollouts(files: Files, namespace: str) -> Held:
    """What those files hold that can hold a Rollout: reading all the others only for that takes long."""
    return held({path: content for path, content in files.items() if GROUP.encode() in content}, namespace)


def _note(named: dict[Ref, tuple[Key, str]], spec: RolloutSpec) -> None:
    """The objects of the spec's revision; the first one to name an object is kept, which is the newest."""
    refs = _objects(spec, spec.revision, spec.backend_of(spec.revision))
    if spec.stable is not None:
        refs += (Ref(kind="Service", namespace=spec.key.namespace, name=spec.stable.service),)
    for ref in refs:
        named.setdefault(ref, (spec.key, spec.revision))


def _former(commits: Iterable[tuple[Edit, ...]], keys: Iterable[Key], namespace: str) -> Iterator[RolloutSpec]:
    """The specs before the last changes of each Rollout's revision, newest first; history is read no further."""
    left = dict.fromkeys(keys, KEPT_CHANGES)
    if not left:
        return
    for edits in commits:
        before, after = _sides(edits, namespace)
        old = {spec.key: spec for spec in before.rollouts}
        new = {spec.key: spec.revision for spec in after.rollouts}
        for key in sorted(left.keys() & (before.keys | after.keys)):
            if key in old:
                yield old[key]
                left[key] -= new.get(key, old[key].revision) != old[key].revision
            elif key not in before.keys and not before.unread:  # here it began
                left[key] = 0
            if left[key] == 0:
                del left[key]
        if not left:
            return


def _sides(edits: tuple[Edit, ...], namespace: str) -> tuple[Held, Held]:
    """What one commit's files held before and after it, wherever it put them."""
    before = {edit.path: edit.before for edit in edits}
    return _rollouts(before, namespace), _rollouts({edit.path: edit.after for edit in edits}, namespace)


def _lost(before: Iterable[Found], after: Iterable[Found], named: _Named) -> Iterator[Lost]:
    """Objects are told apart by what they say, not by file: one may stand in several folders, and files move."""
    present: dict[Ref, Counter[str]] = defaultdict(Counter)
    for found in after:
        present[found.ref][found.mark] += 1
    former: dict[Ref, list[Found]] = defaultdict(list)
    for found in before:
        if present[found.ref][found.mark] > 0:
            present[found.ref][found.mark] -= 1
        else:
            former[found.ref].append(found)
    for ref, missing in sorted(former.items()):
        owner = named.before.get(ref) or named.within.get(ref)
        if owner is None:
            continue
        others = present[ref].total()
        for found in missing:
            loss = Loss.CHANGED if others > 0 else Loss.GONE
            others -= 1
            if loss is Loss.GONE or ref in named.before:
                yield Lost(rollout=owner[0], revision=owner[1], found=found, loss=loss)


async def unremovable(objects: Objects, removed: Removal) -> tuple[Lost, ...]:
    """What remains of it once the live Rollouts were asked: deletions that they do not let go of, with who needs them."""
    keys = sorted({lost.rollout for lost in removed.lost if lost.loss is Loss.GONE})
    standings = {key: await _standing(objects, key) for key in keys}
    found = []
    for lost in removed.lost:
        why = _needed_by(standings[lost.rollout], lost) if lost.loss is Loss.GONE else ""
        if why or lost.loss is Loss.CHANGED:
            found.append(replace(lost, why=why))
    return tuple(found)


async def _standing(objects: Objects, key: Key) -> Standing | None:
    try:
        return await queries.rollout(objects, key)
    except NotFound:
        return None


def _needed_by(live: Standing | None, lost: Lost) -> str:
    """Why the object may not go yet; "" when it may."""
    if live is None:
        return f"the cluster has no Rollout {lost.rollout} that could say whether it may go"
    spec, status = live.spec, live.status
    if spec is None or live.error:
        return f"Rollout {live.key} cannot be read: {live.error}"
    if str(lost.found.ref) in status.removable:
        return ""
    if not live.is_seen:
        return f"the controller has not looked at the newest spec of {live.key} yet"
    roles = [("stable", status.stable), ("canary", status.run.canary if status.run else None)]
    roles += [("former stable", status.former), *(("retiring", item.revision) for item in status.retiring)]
    for role, revision in roles:
        if revision is not None and lost.found.ref in _objects(spec, revision.name, revision.backend):
            return f"{role} {revision.name} of {live.key} still needs it"
    if lost.found.ref in _objects(spec, spec.revision, spec.backend_of(spec.revision)):
        return f"spec.revision of the live {live.key} is {spec.revision}, which needs it"
    return ""


def _objects(spec: RolloutSpec, revision: str, backend: BackendName) -> tuple[Ref, ...]:
    namespace = spec.key.namespace
    service = Ref(kind="Service", namespace=namespace, name=backend.service)
    workload = spec.workload_of(revision)
    return (service, Ref(kind=workload.kind, namespace=namespace, name=workload.name)) if workload else (service,)
